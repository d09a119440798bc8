"""Hold who owns whom, across all kinds. Pure: fed with metadata, asked by the plan.

An owner may be absent: not shown yet, or gone. Uids that were seen to go are remembered, so that their dependents need
not ask the server.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import Struct

from knarr.api.kinds import Kind
from knarr.api.types.core_v1 import ObjectReference
from knarr.api.types.meta_v1 import OwnerReference

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
GONE_MAX = 10_000  # uids remembered; then the oldest is asked of the server again


class Meta(Struct, frozen=True, gc=False):
    """The part of an object's metadata that ownership needs; the rest is never decoded."""

    name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    resourceVersion: str | None = None
    deletionTimestamp: str | None = None
    finalizers: tuple[str, ...] = ()
    ownerReferences: tuple[OwnerReference, ...] = ()


class Owned(Struct, frozen=True, gc=False):
    """An object of any kind, as ownership sees it."""

    metadata: Meta = Meta()


@dataclass(frozen=True, slots=True)
class Item:
    """One object. finalizers and owners as last seen."""

    kind: Kind
    meta: Meta

    @property
    def uid(self) -> str:
        """Return the object's uid."""
        return self.meta.uid or ""

    @property
    def reference(self) -> ObjectReference:
        """Return what events name it by."""
        return ObjectReference(
            apiVersion=self.kind.api_version, kind=self.kind.kind, namespace=self.meta.namespace, name=self.meta.name,
            uid=self.meta.uid, resourceVersion=self.meta.resourceVersion)

    @property
    def leaving(self) -> bool:
        """Tell whether it is being deleted."""
        return self.meta.deletionTimestamp is not None

    @property
    def waits_for_dependents(self) -> bool:
        """Tell whether it goes when its dependents are gone."""
        return self.leaving and FOREGROUND in self.meta.finalizers

    @property
    def sets_dependents_free(self) -> bool:
        """Tell whether it goes when its dependents no longer name it."""
        return self.leaving and ORPHAN in self.meta.finalizers


def above(items: Mapping[str, Item], item: Item) -> frozenset[str]:
    """Return the uids of those that go only after this object: owners that wait for it, and who waits for them."""
    found: set[str] = set()
    todo = [item]
    while todo:
        for ref in todo.pop().meta.ownerReferences:
            owner = items.get(ref.uid)
            if owner is not None and owner.waits_for_dependents and ref.blockOwnerDeletion and ref.uid not in found:
                found.add(ref.uid)
                todo.append(owner)
    return frozenset(found)


class Graph:
    """All objects by uid, and the dependents of each uid."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.customs: dict[tuple[str, str], Kind] = {}  # what definitions bring, by group and kind
        self._dependents: dict[str, set[str]] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()

    def put(self, kind: Kind, meta: Meta) -> set[str]:
        """Learn an object's state; return the uids that should be looked at."""
        item = Item(kind, meta)
        before = self.items.get(item.uid)
        self.items[item.uid] = item
        self._gone.pop(item.uid, None)
        old = before.meta.ownerReferences if before else ()
        stirred: set[str] = set()
        if old != meta.ownerReferences:
            stirred |= self._relink(item.uid, old, meta.ownerReferences)
            stirred.add(item.uid)
        if item.leaving and (before is None or before.meta.finalizers != meta.finalizers or not before.leaving):
            stirred.add(item.uid)
        return {uid for uid in stirred if self._worth(uid)}

    def drop(self, uid: str) -> set[str]:
        """Learn that an object is gone; return the uids that should be looked at: its dependents and waiting owners."""
        item = self.items.pop(uid, None)
        self.forget(uid)
        stirred = set(self._dependents.get(uid, ()))
        for ref in item.meta.ownerReferences if item else ():
            owner = self.items.get(ref.uid)
            if owner is not None and owner.waits_for_dependents:
                stirred.add(ref.uid)
            self._unlink(uid, ref.uid)
        return stirred

    def drop_kind(self, kind: Kind) -> set[str]:
        """Learn that a kind is gone, and all its objects with it; return the uids that should be looked at."""
        gone = [uid for uid, item in self.items.items() if item.kind == kind]
        return set[str]().union(*(self.drop(uid) for uid in gone)).difference(gone)

    def forget(self, uid: str) -> None:
        """Remember that no object with this uid exists any more."""
        self._gone[uid] = None
        if len(self._gone) > GONE_MAX:
            self._gone.popitem(last=False)

    def is_gone(self, uid: str) -> bool:
        """Tell whether the object is known not to exist."""
        return uid in self._gone

    def dependents(self, uid: str) -> list[Item]:
        """List the objects that name this one as an owner."""
        return [self.items[one] for one in self._dependents.get(uid, ()) if one in self.items]

    def _worth(self, uid: str) -> bool:
        """Tell whether looking at an object can lead to anything."""
        item = self.items.get(uid)
        return item is not None and bool(item.meta.ownerReferences or item.leaving)

    def _relink(
        self, uid: str, old: tuple[OwnerReference, ...], new: tuple[OwnerReference, ...],
    ) -> set[str]:
        for ref in old:
            self._unlink(uid, ref.uid)
        for ref in new:
            self._dependents.setdefault(ref.uid, set()).add(uid)
        touched = {ref.uid for ref in (*old, *new)}
        return {one for one in touched if one in self.items and self.items[one].leaving}

    def _unlink(self, uid: str, owner: str) -> None:
        held = self._dependents.get(owner)
        if held is not None:
            held.discard(uid)
            if not held:
                del self._dependents[owner]
