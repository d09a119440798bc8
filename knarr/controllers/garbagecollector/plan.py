"""Decide what becomes of one object whose owners or dependents have changed. Pure.

Source: kube controller/garbagecollector/garbagecollector.go: attemptToDeleteItem, attemptToOrphanWorker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from knarr.api.types.meta_v1 import OwnerReference
from knarr.controllers.garbagecollector.graph import FOREGROUND, ORPHAN, Item


@dataclass(frozen=True, slots=True)
class View:
    """One object, with its owners sorted and its dependents. Owners in `solid` exist and stay.

    waiting: exist, and go when this object is gone. dangling: do not exist. above: uids of all that go only after it.
    misplaced: lie in a namespace, and not in the object's; where it lies in one itself, they dangle, too.
    """

    item: Item
    solid: tuple[OwnerReference, ...]
    waiting: tuple[OwnerReference, ...]
    dangling: tuple[OwnerReference, ...]
    dependents: tuple[Item, ...]
    above: frozenset[str] = frozenset()
    misplaced: tuple[OwnerReference, ...] = ()


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete the object, by uid. policy: of `meta/v1.DeleteOptions`."""

    item: Item
    policy: str


@dataclass(frozen=True, slots=True)
class Amend:
    """Merge a patch into the object's metadata, if it still is this one."""

    item: Item
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stir:
    """Look at another object."""

    uid: str


@dataclass(frozen=True, slots=True)
class Warn:
    """Tell those who look at the object what is wrong with its owners."""

    item: Item
    reason: str
    message: str


Step: TypeAlias = Remove | Amend | Stir | Warn


def plan(view: View) -> list[Step]:
    """Decide; an empty list where there is nothing to do."""
    item = view.item
    if item.sets_dependents_free:
        return _set_free(view)
    if item.waits_for_dependents:
        return _wait(view)
    if item.leaving or not item.meta.ownerReferences:
        return []
    return [*(_misplaced(item, ref) for ref in view.misplaced), *_owned(view)]


def _owned(view: View) -> list[Step]:
    """Let an object go with its owners. Whether one exists whose namespace is not known cannot be told: it stays."""
    item = view.item
    if view.misplaced and not item.kind.namespaced:
        return []
    if view.solid:
        stale = (*view.waiting, *view.dangling)
        return [_without_owners(item, {ref.uid for ref in stale})] if stale else []
    if not view.waiting and not view.dangling:
        return []
    if view.waiting and view.dependents:
        return _pass_on(view)
    return [Remove(item, _policy(item))]


def _set_free(view: View) -> list[Step]:
    """Take this owner's name off all dependents, then let it go."""
    uid = view.item.uid
    freed: list[Step] = [_without_owners(one, {uid}) for one in view.dependents]
    return [*freed, _without_finalizer(view.item, ORPHAN)]


def _wait(view: View) -> list[Step]:
    """Let this owner go if no dependent holds it back; else see to those that do.

    A dependent that itself waits for this object holds nobody back, nor does one outside of all namespaces an owner
    within: kube leaves both standing for ever.
    """
    holding = [one for one in view.dependents if _blocks(one, view.item) and one.uid not in view.above]
    if not holding:
        return [_without_finalizer(view.item, FOREGROUND)]
    return [Stir(one.uid) for one in view.dependents if not one.waits_for_dependents]


def _pass_on(view: View) -> list[Step]:
    """Delete this object's dependents before it, as is being done with it.

    If a dependent waits for dependents too, there may be a circle: this object then no longer holds its owners back.
    """
    circle = [one.meta.name or "" for one in view.dependents if one.uid in view.above]
    steps: list[Step] = []
    if circle:
        steps.append(Warn(view.item, "OwnerCycle", f"it owns {', '.join(circle)}, and is owned by it: all are deleted; "
                                                   "leave one of the ownerReferences out"))
    if any(one.waits_for_dependents for one in view.dependents):
        owners = [_reference(ref, blocking=False) for ref in view.item.meta.ownerReferences]
        steps.append(Amend(view.item, {"ownerReferences": owners}))
    return [*steps, Remove(view.item, "Foreground")]


def _policy(item: Item) -> str:
    if ORPHAN in item.meta.finalizers:
        return "Orphan"
    return "Foreground" if FOREGROUND in item.meta.finalizers else "Background"


def _misplaced(item: Item, ref: OwnerReference) -> Warn:
    """Word the warning. Source: kube garbagecollector/graph_builder.go, reportInvalidNamespaceOwnerRef."""
    where = item.meta.namespace or ""
    named = f"[{ref.apiVersion}/{ref.kind}, namespace: {where}, name: {ref.name}, uid: {ref.uid}]"
    return Warn(item, "OwnerRefInvalidNamespace", f'ownerRef {named} does not exist in namespace "{where}"')


def _blocks(dependent: Item, owner: Item) -> bool:
    if owner.kind.namespaced and not dependent.kind.namespaced:
        return False
    return any(ref.uid == owner.uid and ref.blockOwnerDeletion for ref in dependent.meta.ownerReferences)


def _without_owners(item: Item, uids: set[str]) -> Amend:
    kept = [_reference(ref) for ref in item.meta.ownerReferences if ref.uid not in uids]
    return Amend(item, {"ownerReferences": kept or None})


def _without_finalizer(item: Item, finalizer: str) -> Amend:
    return Amend(item, {"finalizers": [one for one in item.meta.finalizers if one != finalizer] or None})


def _reference(ref: OwnerReference, *, blocking: bool | None = None) -> dict[str, Any]:
    held = ref.blockOwnerDeletion if blocking is None else blocking
    fields = {
        "apiVersion": ref.apiVersion, "kind": ref.kind, "name": ref.name, "uid": ref.uid, "controller": ref.controller,
        "blockOwnerDeletion": held,
    }
    return {key: value for key, value in fields.items() if value is not None}
