"""Carry one decision: the machine as it becomes, and the instructions as they gather."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from knarr.node.podmachine.state import After, Box, Instruction, Machine
from knarr.node.podmachine.table import Cue, Turn, next_phase, next_stage


class Deciding:
    """A decision being made; lives for one event."""

    def __init__(self, machine: Machine, now_s: float) -> None:
        self.machine = machine
        self.now_s = now_s
        self.asked: list[Instruction] = []

    def ask(self, *instructions: Instruction) -> None:
        """Add what is to be done."""
        self.asked.extend(instructions)

    def change(self, **fields: Any) -> None:
        """Change fields of the machine."""
        self.machine = replace(self.machine, **fields)

    def turn(self, turn: Turn) -> None:
        """Move the pod along its table."""
        phase = next_phase(self.machine.phase, turn)
        if phase is not self.machine.phase:
            self.change(phase=phase)

    def box(self, name: str) -> Box:
        """Return a container's record as it is now."""
        return self.machine.box(name)

    def put(self, box: Box) -> None:
        """Replace a container's record."""
        self.change(boxes=tuple(box if each.name == box.name else each for each in self.machine.boxes))

    def cue(self, name: str, cue: Cue, **fields: Any) -> Box:
        """Move a container along its table, changing fields with it; return its record."""
        box = self.box(name)
        moved = replace(box, stage=next_stage(box.stage, cue), **fields)
        if moved != box:
            self.put(moved)
        return moved

    def timer(self, name: str, delay_s: float) -> None:
        """Arm a container's timer; an older one is overtaken."""
        box = self.box(name)
        self.put(replace(box, timer=box.timer + 1))
        self.ask(After(name, box.timer + 1, delay_s))
