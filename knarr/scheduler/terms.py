"""Compile selectors once, so that matching a pod or a node is a few look-ups.

A `Selector` is a tuple of requirements that must all hold: the empty one matches everything, None matches nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from knarr.api.types import core_v1, meta_v1


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a label. operator: In, NotIn, Exists, DoesNotExist; for nodes also Gt, Lt."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


Selector: TypeAlias = tuple[Requirement, ...] | None
EVERYTHING: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeTerm:
    """One way in which a node may be right: all labels and all fields must hold."""

    labels: tuple[Requirement, ...]
    fields: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class PodTerm:
    """Which pods are meant: by namespace (listed, or chosen by its labels) and by their own labels."""

    selector: Selector
    namespaces: frozenset[str]
    namespace_selector: Selector = None

    def matches(self, namespace: str, labels: Mapping[str, str], namespace_labels: Mapping[str, str]) -> bool:
        """Tell whether a pod with `labels` in `namespace` is meant."""
        meant = namespace in self.namespaces or holds(self.namespace_selector, namespace_labels)
        return meant and holds(self.selector, labels)


@dataclass(frozen=True, slots=True)
class AffinityTerm:
    """Pods meant by a term, and the node label whose equal values make one domain."""

    pods: PodTerm
    topology_key: str


def holds(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Tell whether `labels` satisfy the selector."""
    return selector is not None and all(requirement_holds(one, labels) for one in selector)


def requirement_holds(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    """Decide one requirement. Source: kube apimachinery labels/selector.go, Requirement.Matches."""
    found = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return found is not None and found in requirement.values
        case "NotIn":
            return found is None or found not in requirement.values
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
        case "Gt" | "Lt":
            return found is not None and _beyond(found, requirement)
    return False


def compile_labels(selector: meta_v1.LabelSelector | None) -> Selector:
    """Turn a LabelSelector into requirements; None (no selector) matches nothing."""
    if selector is None:
        return None
    equal = [Requirement(key, "In", (value,)) for key, value in sorted(selector.matchLabels.items())]
    return (*equal, *(Requirement(one.key, one.operator, tuple(one.values)) for one in selector.matchExpressions))


def compile_node_terms(terms: Iterable[core_v1.NodeSelectorTerm]) -> tuple[NodeTerm, ...]:
    """Compile node selector terms. An empty term matches nothing and is left out. Source: kube nodeaffinity.go."""
    return tuple(
        NodeTerm(_requirements(term.matchExpressions), _requirements(term.matchFields))
        for term in terms if term.matchExpressions or term.matchFields
    )


def node_matches(terms: Iterable[NodeTerm], name: str, labels: Mapping[str, str]) -> bool:
    """Tell whether a node satisfies any of the terms."""
    fields = {"metadata.name": name}
    return any(holds(term.labels, labels) and holds(term.fields, fields) for term in terms)


def compile_affinity(
    term: core_v1.PodAffinityTerm, namespace: str, labels: Mapping[str, str], *, merge_keys: bool = True,
) -> AffinityTerm:
    """Compile a pod (anti-)affinity term of a pod in `namespace` with `labels`.

    No namespaces and no namespace selector mean the pod's own. Source: kube scheduler framework, newAffinityTerm.
    """
    own = not term.namespaces and term.namespaceSelector is None
    selector = compile_labels(term.labelSelector)
    if merge_keys:
        selector = with_label_keys(selector, labels, equal=term.matchLabelKeys, unequal=term.mismatchLabelKeys)
    namespaces = frozenset([namespace] if own else term.namespaces)
    return AffinityTerm(PodTerm(selector, namespaces, compile_labels(term.namespaceSelector)), term.topologyKey)


def with_label_keys(
    selector: Selector, labels: Mapping[str, str], *, equal: Iterable[str], unequal: Iterable[str] = (),
) -> Selector:
    """Add what matchLabelKeys and mismatchLabelKeys mean for a pod with `labels`; a requirement is not added twice."""
    if selector is None:
        return None
    extra = [Requirement(key, "In", (labels[key],)) for key in equal if key in labels]
    extra += [Requirement(key, "NotIn", (labels[key],)) for key in unequal if key in labels]
    return (*selector, *(one for one in extra if one not in selector))


def _requirements(found: Iterable[core_v1.NodeSelectorRequirement]) -> tuple[Requirement, ...]:
    return tuple(Requirement(one.key, one.operator, tuple(one.values)) for one in found)


def _beyond(found: str, requirement: Requirement) -> bool:
    try:
        value, limit = int(found), int(requirement.values[0])
    except (ValueError, IndexError):
        return False  # as Kubernetes: what is no number is never greater or less
    return value > limit if requirement.operator == "Gt" else value < limit
