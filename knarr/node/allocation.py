"""Judge whether this node has room for a pod's new resources, and whether a run can live with them. Pure.

Source: kube allocation/allocation_manager.go (canResizePod), lifecycle/predicate.go (InsufficientResourceError).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from knarr.api import podresources, quantity
from knarr.api.types.core_v1 import Pod, ResourceRequirements
from knarr.node.faces import NodeFacts
from knarr.node.podmachine.state import Fitted

OVER: Final = frozenset({"Succeeded", "Failed"})


def judge(pod: Pod, others: Iterable[Pod], node: NodeFacts) -> Fitted:
    """Return whether the pod fits: never (Infeasible), not now (Deferred), or yes."""
    capacity = {"cpu": node.allocatable_cpu_milli, "memory": node.allocatable_memory_bytes}
    asked = requests(pod)
    for name, most in capacity.items():
        if asked[name] > most:
            return Fitted(pod, "Infeasible", f"Node didn't have enough capacity: {name}, requested: {asked[name]}, "
                                             f"capacity: {most}")
    used = dict.fromkeys(capacity, 0)
    for other in others:
        if other.metadata.uid != pod.metadata.uid and other.status.phase not in OVER:
            used = {name: amount + used[name] for name, amount in requests(other).items()}
    for name, most in capacity.items():
        if asked[name] + used[name] > most:
            return Fitted(pod, "Deferred", f"Node didn't have enough resource: {name}, requested: {asked[name]}, "
                                           f"used: {used[name]}, capacity: {most}")
    return Fitted(pod)


def requests(pod: Pod) -> dict[str, int]:
    """Return what a pod asks for: cpu in milli, memory in bytes."""
    total = podresources.total(msgspec.to_builtins(pod.spec), "requests")
    return {"cpu": total["cpu"].milli if "cpu" in total else 0,
            "memory": total["memory"].value if "memory" in total else 0}


def lowered_limit_bytes(had: ResourceRequirements, wanted: ResourceRequirements) -> int:
    """Return the new memory limit where it is lower than the old one, else 0."""
    new = quantity.value(wanted.limits["memory"]) if "memory" in wanted.limits else 0
    old = quantity.value(had.limits["memory"]) if "memory" in had.limits else 0
    return new if new and (not old or new < old) else 0
