"""Say what a pod asks of the node it comes to: rules that scheduler, DaemonSets and node agent share. Pure.

Source: kube component-helpers scheduling/corev1/nodeaffinity, scheduler framework types.go (HostPortInfo).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from knarr.api.selectors import GREATER, LESS, OBJECT_OPERATORS, Requirement
from knarr.api.tolerations import tolerates
from knarr.api.types.core_v1 import Node, NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Taint, Toleration

NAME_FIELD = "metadata.name"
NO_EXECUTE, NO_SCHEDULE = "NoExecute", "NoSchedule"
OPERATORS = {**OBJECT_OPERATORS, "Gt": GREATER, "Lt": LESS}
ANY_ADDRESS = "0.0.0.0"  # noqa: S104  # nobody listens here: it is what a pod may ask for


@dataclass(frozen=True, slots=True)
class HostPort:
    """A port that a pod wants on its node. ip: 0.0.0.0 means every address."""

    ip: str
    protocol: str
    port: int

    def clashes(self, other: HostPort) -> bool:
        """Tell whether both cannot be had on one node."""
        return (self.port, self.protocol) == (other.port, other.protocol) and meet(self.ip, other.ip)


def meet(one: str, other: str) -> bool:
    """Tell whether two addresses are the same, or one of them is every address."""
    return ANY_ADDRESS in (one, other) or one == other


def host_ports(spec: PodSpec) -> tuple[HostPort, ...]:
    """List the node ports that a pod takes; sidecars' count too, other init containers' do not."""
    lasting = [one for one in spec.initContainers if one.restartPolicy == "Always"]
    return tuple(
        HostPort(port.hostIP or ANY_ADDRESS, port.protocol or "TCP", port.hostPort)
        for one in (*spec.containers, *lasting) for port in one.ports if port.hostPort
    )


def selected(spec: PodSpec, node: Node) -> bool:
    """Tell whether a pod's selector and required affinity choose a node."""
    if not spec.nodeSelector.items() <= node.metadata.labels.items():
        return False
    affinity = spec.affinity.nodeAffinity if spec.affinity is not None else None
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution if affinity is not None else None
    return required is None or any(_holds(term, node) for term in required.nodeSelectorTerms)


def uncovered(taints: Iterable[Taint], tolerations: Iterable[Toleration], *effects: str) -> bool:
    """Tell whether a taint with one of the effects is not tolerated."""
    known = tuple(tolerations)
    return any(taint.effect in effects and not any(tolerates(one, taint) for one in known) for taint in taints)


def _holds(term: NodeSelectorTerm, node: Node) -> bool:
    """Tell whether all of a term holds; an empty term holds nowhere. Source: component-helpers nodeaffinity.go."""
    if not term.matchExpressions and not term.matchFields:
        return False
    fields = {NAME_FIELD: node.metadata.name or ""}
    return (all(_requirement(one).matches(node.metadata.labels) for one in term.matchExpressions)
            and all(_requirement(one).matches(fields) for one in term.matchFields))


def _requirement(one: NodeSelectorRequirement) -> Requirement:
    return Requirement(one.key, OPERATORS[one.operator], frozenset(one.values))
