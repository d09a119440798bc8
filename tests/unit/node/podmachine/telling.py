"""Play a node for one pod machine: answer its instructions as a well-behaved runtime would, on a clock of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from knarr.api.types.core_v1 import Pod
from knarr.node.podmachine.machine import advance, fresh
from knarr.node.podmachine.resizing import effective
from knarr.node.podmachine.state import (
    After,
    Begin,
    Event,
    Exited,
    Instruction,
    Kill,
    Machine,
    Mount,
    Mounted,
    Rang,
    Remove,
    Removed,
    Run,
    RunSandbox,
    SandboxStopped,
    SandboxUp,
    Start,
    Started,
    StopSandbox,
    Tell,
)


class Story:
    """One pod's life. Answers are given at once; runs end when the test says so.

    held: instruction types that are left unanswered.
    """

    def __init__(self, pod: Pod, *, now_s: float = 1000.0, held: tuple[type, ...] = ()) -> None:
        self.machine: Machine = fresh(pod, now_s)
        self.now_s = now_s
        self.asked: list[Instruction] = []
        self.timers: list[tuple[float, After]] = []
        self.held = held
        self.runs = 0

    def begin(self) -> Story:
        """Start the pod."""
        return self.tell(Begin())

    def tell(self, event: Event) -> Story:
        """Give one event, and all the answers that follow from it."""
        events: list[Event] = [event]
        while events:
            self.machine, asked = advance(self.machine, events.pop(0), self.now_s)
            self.asked.extend(asked)
            for instruction in asked:
                if isinstance(instruction, After):
                    self.timers.append((self.now_s + instruction.delay_s, instruction))
                elif type(instruction) not in self.held:
                    events.extend(self.answer(instruction))
        return self

    def answer(self, asked: Instruction) -> list[Event]:
        """Return what a good runtime answers."""
        match asked:
            case Mount():
                return [Mounted()]
            case RunSandbox(attempt=attempt):
                return [SandboxUp(f"sandbox-{attempt}", ("10.0.0.7",))]
            case Start(container=name, attempt=attempt):
                return [Started(name, self.run(name, attempt))]
            case Kill(container=name):
                return [self.exit_of(name, 137)]
            case StopSandbox():
                return [SandboxStopped()]
            case Remove():
                return [Removed()]
        return []

    def run(self, name: str, attempt: int) -> Run:
        """Return a new run."""
        self.runs += 1
        return Run(f"{name}-{attempt}", attempt, "app:1", "sha256:1", started_s=self.now_s,
                   resources=effective(self.machine.pod, self.machine.container(name)))

    def exit_of(self, name: str, code: int) -> Exited:
        """Return the end of a container's run."""
        run = self.machine.box(name).run
        assert run is not None
        reason = "Error" if code else "Completed"
        return Exited(name, replace(run, finished_s=self.now_s, exit_code=code, reason=reason))

    def exits(self, name: str = "c", code: int = 1) -> Story:
        """A container's run ends."""
        return self.tell(self.exit_of(name, code))

    def wait(self, seconds_s: float) -> Story:
        """Let time pass; timers ring on the way."""
        until_s = self.now_s + seconds_s
        while due := sorted((t for t in self.timers if t[0] <= until_s), key=lambda t: t[0]):
            self.timers.remove(due[0])
            self.now_s, after = due[0]
            self.tell(Rang(after.key, after.number))
        self.now_s = until_s
        return self

    def count(self, kind: type) -> int:
        """Count the instructions of a kind."""
        return sum(isinstance(each, kind) for each in self.asked)

    def told(self) -> list[str]:
        """Return the reasons of the events recorded."""
        return [each.reason for each in self.asked if isinstance(each, Tell)]

    def stage(self, name: str = "c") -> str:
        """Return where a container is."""
        return self.machine.box(name).stage.name

    @property
    def phase(self) -> str:
        """Return where the pod is."""
        return self.machine.phase.name

    def waiting(self, name: str = "c") -> Any:
        """Return why a container waits."""
        return self.machine.box(name).waiting
