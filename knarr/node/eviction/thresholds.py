"""Say when a machine is short of something, for how long, and which condition shows it. Pure.

Source: kube kubelet/eviction/helpers.go, apis/config/v1beta1/defaults_linux.go (DefaultEvictionHard).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from knarr.api import quantity

HOLD_S: Final = 300.0      # how long a condition outlives its cause. Source: evictionPressureTransitionPeriod


@dataclass(frozen=True, slots=True)
class Level:
    """What is left of something, and how much there is in all; bytes or count."""

    available: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """Less than this is short. least: a quantity or `10%`; grace_s: how long it may last before pods must go."""

    signal: str
    least: str
    grace_s: float = 0.0


HARD: Final = (
    Threshold("memory.available", "100Mi"), Threshold("nodefs.available", "10%"), Threshold("nodefs.inodesFree", "5%"),
    Threshold("imagefs.available", "15%"), Threshold("imagefs.inodesFree", "5%"),
)
RESOURCES: Final = {
    "memory.available": "memory", "nodefs.available": "ephemeral-storage", "imagefs.available": "ephemeral-storage",
    "nodefs.inodesFree": "inodes", "imagefs.inodesFree": "inodes", "pid.available": "pids",
}
CONDITIONS: Final = {
    "memory": "MemoryPressure", "ephemeral-storage": "DiskPressure", "inodes": "DiskPressure", "pids": "PIDPressure",
}


def least(threshold: Threshold, capacity: int) -> int:
    """Return what must be left, in the signal's unit.

    >>> least(Threshold("nodefs.available", "10%"), 2000)
    200
    """
    if threshold.least.endswith("%"):
        return int(float(threshold.least[:-1]) * capacity / 100)
    return quantity.value(threshold.least)


def met(thresholds: Iterable[Threshold], levels: Mapping[str, Level]) -> tuple[Threshold, ...]:
    """Return the thresholds that are crossed, memory first: nothing else can be done once that is gone."""
    crossed = [each for each in thresholds if each.signal in levels
               and levels[each.signal].available < least(each, levels[each.signal].capacity)]
    return tuple(sorted(crossed, key=lambda each: (each.signal != "memory.available", each.signal)))


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
