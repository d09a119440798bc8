"""Say on which nodes a DaemonSet's pods belong. Pure.

Source: kube daemon/daemon_controller.go, NodeShouldRunDaemonPod, and util/daemonset_util.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from knarr.api.selectors import GREATER, LESS, OBJECT_OPERATORS, Requirement
from knarr.api.tolerations import tolerates
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
    Taint,
    Toleration,
)

NAME_FIELD = "metadata.name"
NO_EXECUTE, NO_SCHEDULE = "NoExecute", "NoSchedule"
OPERATORS = {**OBJECT_OPERATORS, "Gt": GREATER, "Lt": LESS}
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
    if not _selected(spec, node):
        return Fit(run=False, stay=False)
    covered = tolerations(spec)
    bare = [taint for taint in node.spec.taints if not any(tolerates(one, taint) for one in covered)]
    return Fit(run=not _has(bare, NO_EXECUTE, NO_SCHEDULE), stay=not _has(bare, NO_EXECUTE))


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


def _has(taints: Sequence[Taint], *effects: str) -> bool:
    return any(taint.effect in effects for taint in taints)


def _selected(spec: PodSpec, node: Node) -> bool:
    if not spec.nodeSelector.items() <= node.metadata.labels.items():
        return False
    affinity = spec.affinity.nodeAffinity if spec.affinity is not None else None
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution if affinity is not None else None
    return required is None or any(_holds(term, node) for term in required.nodeSelectorTerms)


def _holds(term: NodeSelectorTerm, node: Node) -> bool:
    """Tell whether all of a term holds; an empty term holds nowhere. Source: component-helpers nodeaffinity.go."""
    if not term.matchExpressions and not term.matchFields:
        return False
    fields = {NAME_FIELD: node.metadata.name or ""}
    return (all(_requirement(one).matches(node.metadata.labels) for one in term.matchExpressions)
            and all(_requirement(one).matches(fields) for one in term.matchFields))


def _requirement(one: NodeSelectorRequirement) -> Requirement:
    return Requirement(one.key, OPERATORS[one.operator], frozenset(one.values))
