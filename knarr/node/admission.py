"""Decide whether this node takes a pod that was bound to it: it may be short by now, or have no room. Pure.

The scheduler has looked already, but at an older picture, and a pod may name its node itself.
Source: kube eviction/eviction_manager.go (Admit), lifecycle/predicate.go (Admit, InsufficientResourceError).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from knarr.api import podresources
from knarr.api.tolerations import tolerates
from knarr.api.types.core_v1 import Pod, PodSpec, Taint
from knarr.node.containerlimits import CRITICAL_PRIORITY
from knarr.node.podmachine.state import Refusal

MEMORY_TAINT: Final = Taint(key="node.kubernetes.io/memory-pressure", effect="NoSchedule")
FIRST: Final = ("pods", "cpu", "memory", "ephemeral-storage")      # the order in which room is looked for


@dataclass(slots=True)
class Admission:
    """One node's door. allocatable: what pods may use, in the units of `allocatable`; pressures: names of conditions.

    What each pod asks for is added up once for each state of its spec.
    """

    allocatable: Callable[[], Mapping[str, int]]
    pressures: Callable[[], frozenset[str]]
    _asked: dict[str, tuple[PodSpec, Mapping[str, int]]] = field(default_factory=dict)

    def judge(self, pod: Pod, others: Iterable[Pod]) -> Refusal | None:
        """Return why the pod is not taken, or None. others: those that live here already."""
        short = under_pressure(pod, self.pressures())
        if short is not None:
            return short
        here = {other.metadata.uid or "": other for other in others}
        here.pop(pod.metadata.uid or "", None)
        self._asked = {uid: known for uid, known in self._asked.items() if uid in here}
        used: dict[str, int] = {"pods": len(here)}
        for other in here.values():
            for name, amount in self.asks(other).items():
                used[name] = used.get(name, 0) + amount
        return no_room(asked_for(pod.spec), used, self.allocatable())

    def asks(self, pod: Pod) -> Mapping[str, int]:
        """Return what a pod asks for, remembered until its spec is another object."""
        uid = pod.metadata.uid or ""
        known = self._asked.get(uid)
        if known is None or known[0] is not pod.spec:
            known = (pod.spec, asked_for(pod.spec))
            self._asked[uid] = known
        return known[1]


def asked_for(spec: PodSpec) -> dict[str, int]:
    """Return what a pod asks for: cpu in milli, all else in its own unit."""
    total = podresources.total(msgspec.to_builtins(spec), "requests")
    return {name: amount.milli if name == "cpu" else amount.value for name, amount in total.items()}


def no_room(asked: Mapping[str, int], used: Mapping[str, int], capacity: Mapping[str, int]) -> Refusal | None:
    """Return what there is too little of. What the node does not know at all is none of its business."""
    wanted = {"pods": 1, **asked}
    for name in sorted(wanted, key=lambda each: (FIRST.index(each) if each in FIRST else len(FIRST), each)):
        if name in capacity and wanted[name] and wanted[name] + used.get(name, 0) > capacity[name]:
            return Refusal(f"OutOf{name}", f"Node didn't have enough resource: {name}, requested: {wanted[name]}, "
                                           f"used: {used.get(name, 0)}, capacity: {capacity[name]}")
    return None


def under_pressure(pod: Pod, pressures: frozenset[str]) -> Refusal | None:
    """Return why a pod that comes to a node in need is not taken; what is critical always is.

    Short of memory alone, the node takes what asks for memory, and what tolerates that it is short.
    """
    if not pressures or (pod.spec.priority or 0) >= CRITICAL_PRIORITY:
        return None
    tolerated = any(tolerates(each, MEMORY_TAINT) for each in pod.spec.tolerations)
    if pressures == {"MemoryPressure"} and (pod.status.qosClass != "BestEffort" or tolerated):
        return None
    return Refusal("Evicted", f"The node had condition: [{' '.join(sorted(pressures))}]. ")
