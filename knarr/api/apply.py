"""Apply objects on the server, and keep the owners of fields for every other write.

    track(write, old, new, owners)     who owns what after a create, update or patch
    apply(write, live, applied, …)     the object and its owners after an apply; Conflicting if others own what differs

Source: sigs.k8s.io/structured-merge-diff merge/update.go; kube apimachinery util/managedfields/internal/*.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from knarr.api import apply_sets as sets
from knarr.api.apply_check import faults, refusal
from knarr.api.apply_compare import Changes, compare, fresh, owned
from knarr.api.apply_merge import merge, named, remove
from knarr.api.apply_owners import APPLY, UPDATE, Key, Owner, Owners, capped, with_fields
from knarr.api.apply_sets import FieldSet, Path
from knarr.api.apply_shapes import Shape
from knarr.api.errors import Conflict

Obj = dict[str, Any]
BEFORE_FIRST_APPLY = "before-first-apply"
UNOWNED: Final[FieldSet] = {  # Source: kube managedfields/internal/stripmeta.go
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {
        ".": {}, "f:name": {}, "f:namespace": {}, "f:creationTimestamp": {}, "f:selfLink": {}, "f:uid": {},
        "f:clusterName": {}, "f:generation": {}, "f:managedFields": {}, "f:resourceVersion": {},
    },
}


@dataclass(frozen=True, slots=True)
class Write:
    """What a write is about, and who makes it.

    now: RFC 3339. ignored: fields that this way of writing cannot set; all below them is ignored too.
    """

    shape: Shape
    manager: str
    api_version: str
    subresource: str = ""
    now: str = ""
    ignored: FieldSet | None = None

    def owner(self, operation: str, fields: FieldSet) -> Owner:
        """Return the writer as an owner of fields, of now."""
        name = self.manager or "unknown"
        return Owner(name, operation, self.api_version, fields, self.now, self.subresource)

    def ownable(self, fields: FieldSet) -> FieldSet:
        """Return the part of a set that somebody can own by this write."""
        return sets.below(fields, self.ignored) if self.ignored else fields


class Conflicting(Exception):
    """Others own fields to which an apply would give other values: (owner, path), owner by owner."""

    def __init__(self, found: list[tuple[Owner, Path]]) -> None:
        super().__init__(f"{len(found)} conflicts")
        self.found = found


class Untyped(ValueError):
    """What was applied does not fit its schema. The text is Kubernetes', without the object's name."""


def track(write: Write, old: Obj, new: Obj, owners: Owners) -> Owners:
    """Return the owners after a write that is no apply: what it changed is the writer's, what it removed is nobody's.

    old: {} for a creation. Unkeyed where a list of the object cannot be told apart.
    """
    if not owners and old:
        return {}  # nobody keeps owners of this object: it was reset, or is older than the keeping
    return _tracked(write, old, new, owners)


def apply(write: Write, live: Obj, applied: Obj, owners: Owners, *, force: bool = False) -> tuple[Obj | None, Owners]:
    """Return the new object (None: it stays as it is) and its owners; Conflicting, Untyped or Unkeyed.

    live: {} where the object is made by this. The result is neither settled nor defaulted.
    """
    found = faults(write.shape, applied)
    if found:
        raise Untyped(refusal(found))
    if not owners and live:
        before = Write(write.shape, BEFORE_FIRST_APPLY, write.api_version, write.subresource, write.now, write.ignored)
        owners = _tracked(before, {}, live, {})
    claim = write.owner(APPLY, write.ownable(owned(write.shape, applied)))
    last = owners.get(claim.key)
    after = {**owners, claim.key: claim}
    merged = _pruned(write, merge(write.shape, live, applied), after, claim=claim, last=last)
    changes = compare(write.shape, live, merged)
    after = _yielded(write, changes, after, force=force, self_key=claim.key)
    _strip(after, claim.key)
    if merged == live:
        mine = after.get(claim.key)
        if mine is not None:
            after[claim.key] = with_fields(mine, mine.fields, time=last.time if last else "")
        return None, after
    return merged, after


def conflict(found: list[tuple[Owner, Path]]) -> Conflict:
    """Word a refusal. Source: kube managedfields/internal/conflict.go."""
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {owner}", "field": sets.text(path)}
        for owner, path in found
    ]
    if len(found) == 1:
        text = f"Apply failed with 1 conflict: conflict with {found[0][0]}: {sets.text(found[0][1])}"
        return Conflict(text, {"causes": causes})
    lines: dict[str, list[str]] = {}
    for owner, path in sorted(found, key=lambda pair: pair[0].key):
        lines.setdefault(f"conflicts with {owner}:", []).append(f"- {sets.text(path)}")
    listed = "\n".join("\n".join([head, *rows]) for head, rows in lines.items())
    return Conflict(f"Apply failed with {len(found)} conflicts: {listed}", {"causes": causes})


def last_applied_allows(write: Write, live: Obj, last_applied: Obj, error: Conflicting) -> Conflicting | None:
    """Return the conflicts that remain when a client goes over from client-side apply; None if none does.

    Fields that its last client-side apply set, and that are still as it set them, are its own.
    Source: kube managedfields/internal/lastappliedmanager.go.
    """
    changes = compare(write.shape, last_applied, live)
    mine = owned(write.shape, last_applied)
    for gone in (changes.modified, changes.added, changes.removed):
        mine = sets.difference(mine, gone)
    left = [(owner, path) for owner, path in error.found if not sets.has(mine, path)]
    return Conflicting(left) if left else None


def _tracked(write: Write, old: Obj, new: Obj, owners: Owners) -> Owners:
    if not owners and not old:
        taken = sets.difference(write.ownable(fresh(write.shape, new)), UNOWNED)
        mine = write.owner(UPDATE, taken)
        return {mine.key: mine} if taken else {}
    changes = compare(write.shape, old, new)
    if not changes:
        return owners
    after = _yielded(write, changes, owners, force=True, self_key=None)
    taken = sets.difference(write.ownable(changes.set), UNOWNED)
    if taken:
        mine = write.owner(UPDATE, taken)
        before = after.get(mine.key)
        after[mine.key] = with_fields(mine, sets.union(before.fields, taken)) if before else mine
    return capped(after)


def _yielded(write: Write, changes: Changes, owners: Owners, *, force: bool, self_key: Key | None) -> Owners:
    """Take from all owners but one what others changed or removed; Conflicting unless forced."""
    if not changes:
        return dict(owners)
    given, removed = write.ownable(changes.set), write.ownable(changes.removed)
    found: list[tuple[Owner, Path]] = []
    after: Owners = {}
    for key, owner in owners.items():
        fields = owner.fields
        if key != self_key and owner.api_version == write.api_version:
            clash = sets.intersection(fields, given)
            if clash and not force:
                found += [(owner, path) for path in sorted(sets.paths(clash), key=_shallow_first)]
            fields = sets.difference(fields, clash) if clash else fields
            fields = sets.difference(fields, removed) if removed else fields
        if fields:
            after[key] = owner if fields is owner.fields else with_fields(owner, fields)
    if found:
        raise Conflicting(found)
    return after


def _shallow_first(path: Path) -> tuple[tuple[bool, str], ...]:
    """Sort a set's own fields before those of the sets below it.

    Source: structured-merge-diff fieldpath/set.go, Iterate.
    """
    return tuple((number < len(path) - 1, step) for number, step in enumerate(path))


def _pruned(write: Write, merged: Obj, owners: Owners, *, claim: Owner, last: Owner | None) -> Obj:
    """Take out what the applier set last time, not now, and nobody else owns.

    Source: structured-merge-diff merge/update.go, prune.
    """
    if last is None or not last.fields:
        return merged
    shape = write.shape
    before = named(shape, last.fields)
    pruned = remove(shape, merged, before) or {}
    everything = named(shape, owned(shape, merged))
    managed: FieldSet = {}
    for owner in owners.values():
        managed = sets.union(managed, owner.fields)
    kept = sets.union(named(shape, owned(shape, pruned)), named(shape, managed))
    pruned = remove(shape, merged, sets.difference(everything, kept)) or {}
    gone = sets.difference(everything, named(shape, owned(shape, pruned)))
    taken: Obj = remove(shape, merged, sets.intersection(gone, before)) or {}
    return taken


def _strip(owners: Owners, key: Key) -> None:
    owner = owners.get(key)
    fields = sets.difference(owner.fields, UNOWNED) if owner else {}
    if owner and fields:
        owners[key] = with_fields(owner, fields)
    else:
        owners.pop(key, None)
