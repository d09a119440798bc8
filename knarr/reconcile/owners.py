"""Say who owns what: controller references, adoption and release. Pure.

Source for the rules: kube controller_ref_manager.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from msgspec.structs import replace

from knarr.api import selectors
from knarr.api.selectors import Selector
from knarr.api.types.meta_v1 import LabelSelector, ObjectMeta, OwnerReference
from knarr.reconcile.actions import Patch

T = TypeVar("T")

BY_CONTROLLER = "controller"     # index: the uid of an object's controller
ORPHANS = "orphans"              # index: the namespace of an object that has no controller


def controller_of(meta: ObjectMeta) -> OwnerReference | None:
    """Return the one owner that controls an object, or None."""
    return next((owner for owner in meta.ownerReferences if owner.controller), None)


def by_controller(obj: Any) -> tuple[str, ...]:
    """Give an object's value in the index BY_CONTROLLER."""
    owner = controller_of(obj.metadata)
    return (owner.uid,) if owner is not None else ()


def orphans(obj: Any) -> tuple[str, ...]:
    """Give an object's value in the index ORPHANS."""
    return () if controller_of(obj.metadata) is not None else (obj.metadata.namespace or "",)


INDEXES = {BY_CONTROLLER: by_controller, ORPHANS: orphans}


def reference(owner: Any) -> OwnerReference:
    """Return the reference by which `owner` controls what it makes."""
    meta = owner.metadata
    return OwnerReference(
        apiVersion=owner.apiVersion, kind=owner.kind, name=meta.name or "", uid=meta.uid or "",
        controller=True, blockOwnerDeletion=True,
    )


def selector_of(owner: Any) -> Selector:
    """Return what a workload selects its own by; a ReplicationController writes it as a plain map."""
    written: LabelSelector | dict[str, str] | None = owner.spec.selector
    return selectors.of_labels(written) if isinstance(written, dict) else selectors.of(written)


@dataclass(frozen=True, slots=True)
class Claim(Generic[T]):
    """What an owner has, as it will be once `patches` are carried out."""

    owned: tuple[T, ...]
    patches: tuple[Patch, ...]


def claim(owner: Any, selector: Selector, candidates: Iterable[T]) -> Claim[T]:
    """Keep what is owned and matches, adopt what matches and has no controller, release what matches no more.

    An owner that is being deleted adopts and releases nothing; what is being deleted is not adopted.
    """
    owned: list[T] = []
    patches: list[Patch] = []
    ends = owner.metadata.deletionTimestamp is not None
    for candidate in candidates:
        meta: ObjectMeta = candidate.metadata  # type: ignore[attr-defined]
        matches = selector.matches(meta.labels)
        held = controller_of(meta)
        if held is not None and held.uid != owner.metadata.uid:
            continue
        if held is not None and matches:
            owned.append(candidate)
        elif held is not None and not ends:
            patches.append(_release(candidate, held))
        elif held is None and matches and not ends and meta.deletionTimestamp is None:
            owned.append(_with_owner(candidate, owner))
            patches.append(_adopt(candidate, owner))
    return Claim(tuple(owned), tuple(patches))


def _with_owner(candidate: Any, owner: Any) -> Any:
    owners = (*candidate.metadata.ownerReferences, reference(owner))
    return replace(candidate, metadata=replace(candidate.metadata, ownerReferences=owners))


def _adopt(candidate: Any, owner: Any) -> Patch:
    return _owners_patch(candidate, (*candidate.metadata.ownerReferences, reference(owner)))


def _release(candidate: Any, held: OwnerReference) -> Patch:
    return _owners_patch(candidate, tuple(o for o in candidate.metadata.ownerReferences if o.uid != held.uid))


def _owners_patch(candidate: Any, owners: tuple[OwnerReference, ...]) -> Patch:
    meta = candidate.metadata
    listed = [owner_fields(owner) for owner in owners]
    return Patch(candidate, {"metadata": {
        "uid": meta.uid, "resourceVersion": meta.resourceVersion, "ownerReferences": listed or None}})


def owner_fields(owner: OwnerReference) -> dict[str, Any]:
    """Return a reference as plain JSON values."""
    fields: dict[str, Any] = {"apiVersion": owner.apiVersion, "kind": owner.kind, "name": owner.name, "uid": owner.uid}
    if owner.controller is not None:
        fields["controller"] = owner.controller
    if owner.blockOwnerDeletion is not None:
        fields["blockOwnerDeletion"] = owner.blockOwnerDeletion
    return fields
