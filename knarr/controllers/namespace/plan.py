"""Decide what is left to do for a namespace that is being deleted. Pure.

Source: kube controller/namespace/deletion: namespaced_resources_deleter.go, status_condition_utils.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from knarr.api.types.core_v1 import Namespace, NamespaceCondition
from knarr.base.times import rfc3339

FINALIZER = "kubernetes"


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left of one kind. resource: `pods.`, `deployments.apps`. finalizers: objects by finalizer."""

    resource: str
    objects: int
    finalizers: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class View:
    """One namespace on its way out, after everything in it was told to go.

    failures: refusals met on the way. undiscovered: extension servers that did not say what they have, and why.
    swept: nothing had to be told. Until then a create that was let in before the namespace began to end may still
    be on its way: the store writes in order, so it is there once the answers to the deletes are.
    """

    namespace: Namespace
    remaining: tuple[Remaining, ...]
    failures: tuple[str, ...]
    now_s: float
    undiscovered: tuple[str, ...] = ()
    swept: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """What to write. status: the namespace with new conditions. final: the namespace without our finalizer."""

    status: Namespace | None = None
    final: Namespace | None = None


def plan(view: View) -> Step:
    """Let the namespace go when it is empty; else say what remains."""
    conditions = _conditions(view)
    known = {one.type: one for one in view.namespace.status.conditions}
    fresh = tuple(_kept(one, known.get(one.type)) for one in conditions)
    others = tuple(one for one in view.namespace.status.conditions if one.type not in {two.type for two in fresh})
    empty = not view.remaining and not view.failures and not view.undiscovered
    changed = fresh + others != view.namespace.status.conditions and not (empty and not known)
    said = replace(view.namespace.status, conditions=fresh + others)
    status = replace(view.namespace, status=said) if changed else None
    if not empty or not view.swept:
        return Step(status)
    left = tuple(one for one in view.namespace.spec.finalizers if one != FINALIZER)
    return Step(status, replace(view.namespace, spec=replace(view.namespace.spec, finalizers=left)))


def _conditions(view: View) -> Sequence[NamespaceCondition]:
    now = rfc3339(view.now_s)

    def condition(type_: str, bad: tuple[str, str] | None, good: tuple[str, str]) -> NamespaceCondition:
        reason, message = bad or good
        return NamespaceCondition(
            type=type_, status="True" if bad else "False", lastTransitionTime=now, reason=reason, message=message)

    return (
        condition("NamespaceDeletionDiscoveryFailure", _undiscovered(view),
                  ("ResourcesDiscovered", "All resources successfully discovered")),
        condition("NamespaceDeletionGroupVersionParsingFailure", None,
                  ("ParsedGroupVersions", "All legacy kube types successfully parsed")),
        condition("NamespaceDeletionContentFailure", _failed(view),
                  ("ContentDeleted", "All content successfully deleted, may be waiting on finalization")),
        condition("NamespaceContentRemaining", _remains(view),
                  ("ContentRemoved", "All content successfully removed")),
        condition("NamespaceFinalizersRemaining", _held(view),
                  ("ContentHasNoFinalizers", "All content-preserving finalizers finished")),
    )


def _undiscovered(view: View) -> tuple[str, str] | None:
    if not view.undiscovered:
        return None
    count, listed = len(view.undiscovered), ", ".join(sorted(view.undiscovered))
    words = f"unable to retrieve the complete list of server APIs: {listed}"
    return "DiscoveryFailed", f"Discovery failed for some groups, {count} failing: {words}"


def _failed(view: View) -> tuple[str, str] | None:
    if not view.failures:
        return None
    listed = ", ".join(sorted(view.failures))
    return "ContentDeletionFailed", f"Failed to delete all resource types, {len(view.failures)} remaining: {listed}"


def _remains(view: View) -> tuple[str, str] | None:
    if not view.remaining:
        return None
    listed = ", ".join(sorted(f"{one.resource} has {one.objects} resource instances" for one in view.remaining))
    return "SomeResourcesRemain", f"Some resources are remaining: {listed}"


def _held(view: View) -> tuple[str, str] | None:
    total: Counter[str] = sum((one.finalizers for one in view.remaining), Counter())
    if not total:
        return None
    listed = ", ".join(sorted(f"{name} in {count} resource instances" for name, count in total.items()))
    return "SomeFinalizersRemain", f"Some content in the namespace has finalizers remaining: {listed}"


def _kept(fresh: NamespaceCondition, known: NamespaceCondition | None) -> NamespaceCondition:
    """Keep the time of the last change of status."""
    if known is not None and known.status == fresh.status:
        return replace(fresh, lastTransitionTime=known.lastTransitionTime)
    return fresh
