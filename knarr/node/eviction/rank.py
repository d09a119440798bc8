"""Decide which pod goes first when the machine is short, and what it is told. Pure.

Source: kube kubelet/eviction/helpers.go (rankMemoryPressure, rankDiskPressureFunc, evictionMessage).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from knarr.api import podresources, quantity
from knarr.api.types.core_v1 import Pod
from knarr.node.eviction.thresholds import Level, least, spelled
from knarr.node.rules import RESOURCES, Threshold

CRITICAL_PRIORITY: Final = 2_000_000_000     # Source: kube scheduling/types.go, SystemCriticalPriority
ASKED: Final = frozenset({"memory", "ephemeral-storage"})      # what a pod can ask for; inodes and pids it cannot


@dataclass(frozen=True, slots=True)
class Used:
    """What one pod uses, by resource; and the same by container where that is known."""

    total: Mapping[str, int] = field(default_factory=dict)
    by_container: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


NOTHING: Final = Used()


def victims(pods: Iterable[Pod], used: Mapping[str, Used], resource: str) -> list[Pod]:
    """Return who may be evicted, the first one first: beyond its request, of low priority, far beyond its request."""
    def order(pod: Pod) -> tuple[bool, int, int]:
        amount = used.get(pod.metadata.uid or "", NOTHING).total.get(resource, 0)
        beyond = amount - requested(pod, resource)
        return (resource in ASKED and beyond <= 0, pod.spec.priority or 0, -beyond)

    return sorted((pod for pod in pods if (pod.spec.priority or 0) < CRITICAL_PRIORITY), key=order)


def requested(pod: Pod, resource: str) -> int:
    """Return what a pod asks for, all containers together."""
    asked = podresources.total(msgspec.to_builtins(pod.spec), "requests").get(resource)
    return asked.value if asked is not None else 0


def message(pod: Pod, threshold: Threshold, level: Level, used: Used) -> str:
    """Return what the pod's status says: what was short, and which containers used more than they asked for."""
    resource = RESOURCES[threshold.signal]
    told = (f"The node was low on resource: {resource}. Threshold quantity: "
            f"{spelled(least(threshold, level.capacity))}, available: {available(level.available)}. ")
    for container in pod.spec.containers:
        amount = used.by_container.get(container.name, {}).get(resource, 0)
        asks = container.resources.requests if container.resources else {}
        asked = quantity.value(asks[resource]) if resource in asks else 0
        if amount > asked:
            told += (f"Container {container.name} was using {spelled(amount)}, request is {spelled(asked)}, "
                     f"has larger consumption of {resource}. ")
    return told


def available(amount: int) -> str:
    """Spell what is left as kubelet does, in Ki where it divides."""
    return f"{amount >> 10}Ki" if amount and amount % 1024 == 0 else str(amount)
