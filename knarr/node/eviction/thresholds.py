"""Say when a machine is short of something, for how long, and which condition shows it. Pure.

Source: kube kubelet/eviction/helpers.go, apis/config/v1beta1/defaults_linux.go (DefaultEvictionHard).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from knarr.api import quantity
from knarr.node.rules import RESOURCES, Threshold


@dataclass(frozen=True, slots=True)
class Level:
    """What is left of something, and how much there is in all; bytes or count."""

    available: int
    capacity: int


CONDITIONS: Final = {
    "memory": "MemoryPressure", "ephemeral-storage": "DiskPressure", "inodes": "DiskPressure", "pids": "PIDPressure",
}


def least(threshold: Threshold, capacity: int) -> int:
    """Return what must be left, in the signal's unit.

    >>> least(Threshold("nodefs.available", "10%"), 2000)
    200
    """
    return amount(threshold.least, capacity)


def amount(text: str, capacity: int) -> int:
    """Return a quantity, or a part of what there is."""
    if text.endswith("%"):
        return int(float(text[:-1]) * capacity / 100)
    return quantity.value(text) if text else 0


def met(thresholds: Iterable[Threshold], levels: Mapping[str, Level],
        before: Container[Threshold] = ()) -> tuple[Threshold, ...]:
    """Return the thresholds that are crossed, memory first: nothing else can be done once that is gone.

    before: those that were crossed already; they are so until what is to be reclaimed is there, too.
    """
    def crossed(each: Threshold) -> bool:
        level = levels[each.signal]
        more = amount(each.reclaim, level.capacity) if each in before else 0
        return level.available < least(each, level.capacity) + more

    found = [each for each in thresholds if each.signal in levels and crossed(each)]
    return tuple(sorted(found, key=lambda each: (each.signal != "memory.available", each.soft, each.signal)))


def condition(threshold: Threshold) -> str:
    """Return the node's condition that shows a threshold crossed."""
    return CONDITIONS[RESOURCES[threshold.signal]]


def spelled(amount: int) -> str:
    """Spell an amount as kubelet does: in the greatest binary unit that divides it.

    >>> [spelled(each) for each in (100 << 20, 1025, 0)]
    ['100Mi', '1025', '0']
    """
    for shift, unit in ((40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")):
        if amount and amount % (1 << shift) == 0:
            return f"{amount >> shift}{unit}"
    return str(amount)
