"""Say what scheduling reads from a pod, compiled once for all identical pods. Pure.

Two pods with the same `group_key` are the same to every rule, so they share one `Needs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from knarr.api import volumes
from knarr.api.placement import HostPort, host_ports
from knarr.api.types import core_v1
from knarr.scheduler import requests as asked
from knarr.scheduler import terms
from knarr.scheduler.terms import AffinityTerm, NodeTerm, PodTerm, Requirement, Selector


@dataclass(frozen=True, slots=True)
class Spread:
    """One topology spread constraint. max_skew, min_domains: counts."""

    pods: PodTerm
    topology_key: str
    max_skew: int
    min_domains: int = 1
    honor_affinity: bool = True
    honor_taints: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """What one claim of the pod asks of its node.

    bound: node terms of the volume it is bound to; None where the volume lets it run anywhere or it is not bound.
    candidates: node terms of each unbound volume that would do, best first; an empty tuple of terms fits every node.
    provision: node terms under which a new volume can be made; None where none can be made.
    room: labels of each part of the cluster with room for the new volume; None where nobody counts it.
    selected_node: the node for which a volume is being made already.
    """

    name: str
    bound: tuple[NodeTerm, ...] | None = None
    zones: tuple[Requirement, ...] = ()
    lost: bool = False
    delayed: bool = False
    candidates: tuple[tuple[str, tuple[NodeTerm, ...]], ...] = ()
    provision: tuple[NodeTerm, ...] | None = None
    room: tuple[tuple[Requirement, ...], ...] | None = None
    selected_node: str = ""


Attached: TypeAlias = tuple[str, str]  # CSI driver, and "namespace/name" of the claim whose volume it is


@dataclass(frozen=True, slots=True)
class Needs:
    """All that the rules may look at. requests: cpu in milli, everything else in whole units (bytes, counts).

    attached: the pod's CSI volumes, of which a node takes only so many of each driver.
    """

    namespace: str = "default"
    labels: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)
    nonzero_cpu_milli: int = asked.DEFAULT_CPU_MILLI
    nonzero_memory_bytes: int = asked.DEFAULT_MEMORY_BYTES
    node_name: str = ""
    node_selector: tuple[Requirement, ...] = ()
    node_required: tuple[NodeTerm, ...] | None = None
    node_preferred: tuple[tuple[int, NodeTerm], ...] = ()
    tolerations: tuple[core_v1.Toleration, ...] = ()
    ports: tuple[HostPort, ...] = ()
    spread_hard: tuple[Spread, ...] = ()
    spread_soft: tuple[Spread, ...] = ()
    spread_by_default: bool = False
    affinity_required: tuple[AffinityTerm, ...] = ()
    anti_required: tuple[AffinityTerm, ...] = ()
    preferred: tuple[tuple[int, AffinityTerm], ...] = ()  # weight below zero: rather not
    images: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    attached: tuple[Attached, ...] = ()
    priority: int = 0
    preempts: bool = True


def needs_of(
    pod: core_v1.Pod, *, default_selector: Selector = None, claims: tuple[Claim, ...] = (),
    attached: tuple[Attached, ...] = (),
) -> Needs:
    """Compile a pod. default_selector: which pods are its like, for spreading where the pod says nothing itself."""
    spec, labels, namespace = pod.spec, pod.metadata.labels, pod.metadata.namespace or "default"
    nodes = spec.affinity.nodeAffinity if spec.affinity else None
    required = nodes.requiredDuringSchedulingIgnoredDuringExecution if nodes else None
    hard, soft, by_default = _spreads(spec, namespace, labels, default_selector=default_selector)
    cpu_milli, memory_bytes = asked.nonzero(spec)
    affinity = _pod_affinity(spec.affinity, namespace, labels)
    return Needs(
        namespace=namespace,
        labels=labels,
        requests=asked.of_pod(spec),
        nonzero_cpu_milli=cpu_milli,
        nonzero_memory_bytes=memory_bytes,
        node_name=spec.nodeName or "",
        node_selector=tuple(Requirement(key, "In", (value,)) for key, value in spec.nodeSelector.items()),
        node_required=terms.compile_node_terms(required.nodeSelectorTerms) if required else None,
        node_preferred=_node_preferred(nodes),
        tolerations=spec.tolerations,
        ports=host_ports(spec),
        spread_hard=hard,
        spread_soft=soft,
        spread_by_default=by_default,
        affinity_required=affinity.required,
        anti_required=affinity.anti,
        preferred=affinity.preferred,
        images=tuple(one.image or "" for one in (*spec.initContainers, *spec.containers)),
        claims=claims,
        attached=attached,
        priority=spec.priority or 0,
        preempts=spec.preemptionPolicy != "Never",
    )


def group_key(pod: core_v1.Pod, extra: object = None) -> bytes:
    """Return bytes that are equal for pods which are the same to every rule."""
    spec = pod.spec
    containers = [(one.resources, one.ports, one.image, one.restartPolicy) for one in spec.containers]
    first = [(one.resources, one.ports, one.image, one.restartPolicy) for one in spec.initContainers]
    claims = volumes.claim_names(pod)
    return msgspec.json.encode((
        pod.metadata.namespace, sorted(pod.metadata.labels.items()), containers, first, claims, spec.affinity,
        spec.nodeName, spec.nodeSelector, spec.overhead, spec.preemptionPolicy, spec.priority, spec.resources,
        spec.tolerations, spec.topologySpreadConstraints, spec.hostNetwork, extra,
    ))


def _node_preferred(nodes: core_v1.NodeAffinity | None) -> tuple[tuple[int, NodeTerm], ...]:
    if nodes is None:
        return ()
    wishes = nodes.preferredDuringSchedulingIgnoredDuringExecution
    return tuple((one.weight, term) for one in wishes for term in terms.compile_node_terms([one.preference]))


@dataclass(frozen=True, slots=True)
class _PodAffinity:
    required: tuple[AffinityTerm, ...] = ()
    anti: tuple[AffinityTerm, ...] = ()
    preferred: tuple[tuple[int, AffinityTerm], ...] = ()


def _pod_affinity(affinity: core_v1.Affinity | None, namespace: str, labels: Mapping[str, str]) -> _PodAffinity:
    if affinity is None:
        return _PodAffinity()

    def required(side: core_v1.PodAffinity | core_v1.PodAntiAffinity | None) -> tuple[AffinityTerm, ...]:
        found = side.requiredDuringSchedulingIgnoredDuringExecution if side else ()
        return tuple(terms.compile_affinity(one, namespace, labels) for one in found)

    def wished(
        side: core_v1.PodAffinity | core_v1.PodAntiAffinity | None, sign: int,
    ) -> tuple[tuple[int, AffinityTerm], ...]:
        found = side.preferredDuringSchedulingIgnoredDuringExecution if side else ()
        return tuple(
            (sign * one.weight, terms.compile_affinity(one.podAffinityTerm, namespace, labels)) for one in found
        )

    to, away = affinity.podAffinity, affinity.podAntiAffinity
    return _PodAffinity(required(to), required(away), wished(to, 1) + wished(away, -1))


# What every pod with a service or a controller gets if it says nothing. Source: kube podtopologyspread/plugin.go.
SPREAD_DEFAULTS = (("kubernetes.io/hostname", 3), ("topology.kubernetes.io/zone", 5))


def _spreads(
    spec: core_v1.PodSpec, namespace: str, labels: Mapping[str, str], *, default_selector: Selector,
) -> tuple[tuple[Spread, ...], tuple[Spread, ...], bool]:
    own = spec.topologySpreadConstraints
    if own:
        hard = [one for one in own if one.whenUnsatisfiable == "DoNotSchedule"]
        soft = [one for one in own if one.whenUnsatisfiable != "DoNotSchedule"]
        return _compile_spreads(hard, namespace, labels), _compile_spreads(soft, namespace, labels), False
    if not default_selector:
        return (), (), False
    like = PodTerm(default_selector, frozenset([namespace]))
    return (), tuple(Spread(like, key, skew) for key, skew in SPREAD_DEFAULTS), True


def _compile_spreads(
    found: Iterable[core_v1.TopologySpreadConstraint], namespace: str, labels: Mapping[str, str],
) -> tuple[Spread, ...]:
    return tuple(
        Spread(
            pods=PodTerm(
                terms.with_label_keys(terms.compile_labels(one.labelSelector), labels, equal=one.matchLabelKeys),
                frozenset([namespace]),
            ),
            topology_key=one.topologyKey,
            max_skew=one.maxSkew,
            min_domains=one.minDomains or 1,
            honor_affinity=one.nodeAffinityPolicy != "Ignore",
            honor_taints=one.nodeTaintsPolicy == "Honor",
        )
        for one in found
    )
