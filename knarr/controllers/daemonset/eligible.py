"""Say on which nodes a DaemonSet's pods belong. Pure.

Source: kube daemon/daemon_controller.go, NodeShouldRunDaemonPod, and util/daemonset_util.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from knarr.api.placement import NAME_FIELD, NO_EXECUTE, NO_SCHEDULE, selected, uncovered
from knarr.api.types.apps_v1 import DaemonSet
from knarr.api.types.core_v1 import (
    Affinity,
    Node,
    NodeAffinity,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    Pod,
    PodSpec,
    Toleration,
)

ALWAYS = (
    Toleration(key="node.kubernetes.io/not-ready", operator="Exists", effect=NO_EXECUTE),
    Toleration(key="node.kubernetes.io/unreachable", operator="Exists", effect=NO_EXECUTE),
    Toleration(key="node.kubernetes.io/disk-pressure", operator="Exists", effect=NO_SCHEDULE),
    Toleration(key="node.kubernetes.io/memory-pressure", operator="Exists", effect=NO_SCHEDULE),
    Toleration(key="node.kubernetes.io/pid-pressure", operator="Exists", effect=NO_SCHEDULE),
    Toleration(key="node.kubernetes.io/unschedulable", operator="Exists", effect=NO_SCHEDULE),
)
ON_HOST_NETWORK = Toleration(key="node.kubernetes.io/network-unavailable", operator="Exists", effect=NO_SCHEDULE)


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a pod shall come to a node, and whether one that is there may stay."""

    run: bool
    stay: bool


def fit(daemonset: DaemonSet, node: Node) -> Fit:
    """Judge one node."""
    spec = daemonset.spec.template.spec
    if spec.nodeName and spec.nodeName != node.metadata.name:
        return Fit(run=False, stay=False)
    if not selected(spec, node):
        return Fit(run=False, stay=False)
    taints, covered = node.spec.taints, tolerations(spec)
    return Fit(run=not uncovered(taints, covered, NO_EXECUTE, NO_SCHEDULE),
               stay=not uncovered(taints, covered, NO_EXECUTE))


def tolerations(spec: PodSpec) -> tuple[Toleration, ...]:
    """Return the template's tolerations and those that every daemon has."""
    added = (*ALWAYS, ON_HOST_NETWORK) if spec.hostNetwork else ALWAYS
    return (*spec.tolerations, *(one for one in added if one not in spec.tolerations))


def bound_to(spec: PodSpec, node_name: str) -> PodSpec:
    """Return a pod's spec that fits this one node alone, however the template chose among nodes."""
    term = NodeSelectorTerm(matchFields=(NodeSelectorRequirement(key=NAME_FIELD, operator="In", values=(node_name,)),))
    held = spec.affinity or Affinity()
    affinity = replace(
        held.nodeAffinity or NodeAffinity(),
        requiredDuringSchedulingIgnoredDuringExecution=NodeSelector(nodeSelectorTerms=(term,)))
    return replace(spec, affinity=replace(held, nodeAffinity=affinity), tolerations=tolerations(spec))


def node_of(pod: Pod) -> str:
    """Return the node a daemon's pod is on, or is meant for; empty if it tells neither."""
    if pod.spec.nodeName:
        return pod.spec.nodeName
    affinity = pod.spec.affinity.nodeAffinity if pod.spec.affinity is not None else None
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution if affinity is not None else None
    for term in required.nodeSelectorTerms if required is not None else ():
        for one in term.matchFields:
            if one.key == NAME_FIELD and one.operator == "In" and len(one.values) == 1:
                return one.values[0]
    return ""

