"""Decide whether this node takes a pod that was bound to it: it may be short, have no room, or not be meant. Pure.

The scheduler has looked already, but at an older picture, and a pod may name its node itself. A static pod is taken
though the node is short of something or tainted; kubelet ends others to make it room, here it runs beside them.
Source: kube eviction/eviction_manager.go (Admit), lifecycle/predicate.go (Admit, generalFilter),
sysctl/allowlist.go, types/pod_update.go (IsCriticalPod); kubelet.go has the order.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from knarr.api import podresources
from knarr.api.placement import NO_EXECUTE, host_ports, selected, uncovered
from knarr.api.tolerations import tolerates
from knarr.api.types.core_v1 import Node, Pod, PodSpec, Taint
from knarr.node import podcontainers, specs, sysctls
from knarr.node.containerlimits import CRITICAL_PRIORITY
from knarr.node.podmachine.state import Refusal
from knarr.node.staticpods.manifest import is_static

MEMORY_TAINT: Final = Taint(key="node.kubernetes.io/memory-pressure", effect="NoSchedule")
FIRST: Final = ("pods", "cpu", "memory", "ephemeral-storage")      # the order in which room is looked for


UNMEANT: Final = Refusal(
    "NodeAffinity", "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector")
NO_PORTS: Final = Refusal(
    "NodePorts", "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports")
TAINTED: Final = Refusal(
    "TaintToleration", "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate")
UNCONFINABLE: Final = Refusal("AppArmor", "Cannot enforce AppArmor: AppArmor is not enabled on the host")
NOT_STRICT: Final = Refusal(
    "SupplementalGroupsPolicyNotSupported", "SupplementalGroupsPolicy=Strict is not supported in this node")
OS, OS_LABEL = "linux", "kubernetes.io/os"
OTHER_LABEL: Final = Refusal("PodOSSelectorNodeLabelDoesNotMatch",
                             "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label")
OTHER_OS: Final = Refusal("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS")
OF_THE_NODE: Final = (UNMEANT, TAINTED)      # what may have changed since the node's object was read


@dataclass(slots=True)
class Admission:
    """One node's door. allocatable: what pods may use, in the units of `allocatable`; pressures: names of conditions.

    node: this node's object as it was last read, None before. apparmor: whether the kernel knows its profiles.
    strict_groups: whether the runtime can give a pod no groups but those it names. sysctls: kernel parameters pods
    may set. What each pod asks for is added up once for each state of its spec.
    """

    allocatable: Callable[[], Mapping[str, int]]
    pressures: Callable[[], frozenset[str]]
    node: Callable[[], Node | None] = lambda: None
    apparmor: bool = True
    strict_groups: Callable[[], bool] = lambda: False
    sysctls: Collection[str] = ()
    _asked: dict[str, tuple[PodSpec, Mapping[str, int]]] = field(default_factory=dict)

    def judge(self, pod: Pod, others: Iterable[Pod], *, node: Node | None = None) -> Refusal | None:
        """Return why the pod is not taken, or None. others: those that live here already. node: if read just now."""
        short = None if is_static(pod) else under_pressure(pod, self.pressures())
        strange = short or sysctls.refusal(pod, self.sysctls) or foreign(pod)
        if strange is not None:
            return strange
        here = {other.metadata.uid or "": other for other in others}
        here.pop(pod.metadata.uid or "", None)
        room = None if is_static(pod) else self._no_room(pod, here)
        return room or misplaced(pod, here.values(), node or self.node()) or self._beyond(pod)

    def _no_room(self, pod: Pod, here: Mapping[str, Pod]) -> Refusal | None:
        self._asked = {uid: known for uid, known in self._asked.items() if uid in here}
        used: dict[str, int] = {"pods": len(here)}
        for other in here.values():
            for name, amount in self.asks(other).items():
                used[name] = used.get(name, 0) + amount
        return no_room(asked_for(pod.spec), used, self.allocatable())

    def _beyond(self, pod: Pod) -> Refusal | None:
        """Return what of the pod is beyond this machine, or its runtime."""
        context = pod.spec.securityContext
        if context is not None and context.supplementalGroupsPolicy == specs.STRICT and not self.strict_groups():
            return NOT_STRICT
        return None if self.apparmor or not is_confined(pod) else UNCONFINABLE

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


def misplaced(pod: Pod, others: Iterable[Pod], node: Node | None) -> Refusal | None:
    """Return why a pod does not belong here: it chooses others, its ports are taken, or it bears no taint of ours."""
    spec = pod.spec
    if node is not None and not selected(spec, node):
        return UNMEANT
    wanted = host_ports(spec)
    if wanted and any(mine.clashes(port) for other in others for port in host_ports(other.spec) for mine in wanted):
        return NO_PORTS
    bare = node is not None and not is_static(pod) and uncovered(node.spec.taints, spec.tolerations, NO_EXECUTE)
    return TAINTED if bare else None


def foreign(pod: Pod) -> Refusal | None:
    """Return why a pod of another operating system is not taken: its own label says so, or its spec does."""
    if pod.metadata.labels.get(OS_LABEL, OS) != OS:
        return OTHER_LABEL
    return OTHER_OS if pod.spec.os is not None and pod.spec.os.name != OS else None


def is_confined(pod: Pod) -> bool:
    """Tell whether any container asks for an AppArmor profile. Source: kube security/apparmor/validate.go."""
    return any(specs.apparmor(pod, each) not in ("", "unconfined") for each in podcontainers.every(pod))


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
