"""Work out what a node has and what of it pods may use. Pure.

    allocatable = capacity - kube reserved - system reserved - what the hard eviction thresholds keep free

Source: kube cm/node_container_manager_linux.go (GetNodeAllocatableReservation), nodestatus/setters.go (MachineInfo).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from knarr.api import quantity
from knarr.node.hugepages import binary, hugepage_name
from knarr.node.rules import Rules, Threshold

KEPT_FREE = {"memory.available": "memory", "nodefs.available": "ephemeral-storage"}


@dataclass(frozen=True, slots=True)
class Machine:
    """What a machine has. hugepages: size of one in bytes -> all of that size together, bytes."""

    cpus: int
    memory_bytes: int
    storage_bytes: int
    pods: int
    hugepages: Mapping[int, int] = field(default_factory=dict)


def capacity(machine: Machine) -> dict[str, int]:
    """Return all there is: cpu in milli, memory and storage in bytes, pods as a count."""
    return {
        "cpu": machine.cpus * 1000, "memory": machine.memory_bytes, "ephemeral-storage": machine.storage_bytes,
        "pods": machine.pods, **{hugepage_name(size): total for size, total in machine.hugepages.items()},
    }


def allocatable(machine: Machine, rules: Rules) -> dict[str, int]:
    """Return what pods may use, in the units of `capacity`. Huge pages are no longer plain memory."""
    found = capacity(machine)
    for name in ("cpu", "memory", "ephemeral-storage"):
        found[name] -= rules.reserved(name)
    for threshold in rules.thresholds:
        name = KEPT_FREE.get(threshold.signal, "")
        if name and not threshold.soft:
            found[name] -= kept_free(threshold, capacity(machine)[name])
    found["memory"] -= sum(machine.hugepages.values())
    return {name: max(0, amount) for name, amount in found.items()}


def kept_bytes(rules: Rules, whole_bytes: int) -> int:
    """Return how much memory pods may not use, huge pages not counted."""
    thresholds = [one for one in rules.thresholds if one.signal == "memory.available" and not one.soft]
    return rules.reserved("memory") + sum(kept_free(one, whole_bytes) for one in thresholds)


def kept_free(threshold: Threshold, whole: int) -> int:
    """Return what a threshold keeps free, in whole units.

    >>> kept_free(Threshold("nodefs.available", "10%"), 105)
    11
    """
    if threshold.least.endswith("%"):
        return whole - int(whole * (1 - float(threshold.least[:-1]) / 100))
    return quantity.value(threshold.least)


def spelled(amounts: Mapping[str, int]) -> dict[str, str]:
    """Return amounts as a Node's status has them."""
    return {name: spell(name, amount) for name, amount in amounts.items()}


def spell(name: str, amount: int) -> str:
    """Spell one amount."""
    if name == "cpu":
        return str(amount // 1000) if amount % 1000 == 0 else f"{amount}m"
    if name == "memory":
        return f"{amount // 1024}Ki"
    if name.startswith("hugepages-") and amount:
        return binary(amount)
    return str(amount)
