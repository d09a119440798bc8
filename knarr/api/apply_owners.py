"""Keep the owners of an object's fields: read and write `metadata.managedFields`, and merge the oldest of too many.

Source: kube apimachinery util/managedfields/internal/{managedfields,capmanagers}.go.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from knarr.api.apply_sets import FieldSet, sound, union

UPDATERS_MAX = 10  # Source: kube managedfields/fieldmanager.go, DefaultMaxUpdateManagers
ANCIENT = "ancient-changes"
APPLY, UPDATE = "Apply", "Update"
Key: TypeAlias = tuple[str, str, str, str]
Owners: TypeAlias = dict[Key, "Owner"]


class Owner(msgspec.Struct, frozen=True):
    """Who wrote some fields, how and when. api_version: of the fields' names. time: RFC 3339, empty if unknown."""

    manager: str
    operation: str
    api_version: str
    fields: FieldSet
    time: str = ""
    subresource: str = ""

    @property
    def key(self) -> Key:
        """Return what tells owners apart: those that apply are the same in every version."""
        return (self.manager, self.operation, self.api_version if self.operation == UPDATE else "", self.subresource)

    @property
    def applies(self) -> bool:
        """Say whether it owns by server-side apply."""
        return self.operation == APPLY

    def __str__(self) -> str:
        text = f'"{self.manager}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        if self.applies:
            return text
        return f"{text} using {self.api_version}"


def with_fields(owner: Owner, fields: FieldSet, *, time: str | None = None) -> Owner:
    """Return the owner of other fields."""
    time = owner.time if time is None else time
    return Owner(owner.manager, owner.operation, owner.api_version, fields, time, owner.subresource)


def read(entries: Any) -> Owners:
    """Read stored `managedFields`."""
    owners = [_owner(entry) for entry in entries or ()]
    return {owner.key: owner for owner in owners}


def read_sent(entries: Any) -> Owners:
    """Read the `managedFields` that a client sent; none if any of them makes no sense."""
    if not isinstance(entries, list) or not all(map(_sound, entries)):
        return {}
    return read(entries)


def is_reset(entries: Any) -> bool:
    """Say whether a client asks to forget all owners: one empty entry."""
    return isinstance(entries, list) and len(entries) == 1 and not entries[0]


def chosen(sent: Any, stored: Any, *, subresource: str) -> Owners:
    """Return the owners a write starts from: those it sends, if it sends good ones to the object itself.

    Source: kube managedfields/internal/fieldmanager.go, decodeLiveOrNew.
    """
    if not subresource:
        if is_reset(sent):
            return {}
        if sent and sent != stored:
            owners = read_sent(sent)
            if owners:
                return owners
    return read(stored)


def write(owners: Owners) -> list[dict[str, Any]]:
    """Return `managedFields`, in the API's order: appliers first, then by time and name."""
    return [_entry(owner) for owner in sorted(owners.values(), key=_rank)]


def capped(owners: Owners) -> Owners:
    """Merge the oldest updaters of a version into one, while there are more than UPDATERS_MAX."""
    updaters = sorted((one for one in owners.values() if not one.applies), key=lambda one: (one.time, one.key))
    if len(updaters) <= UPDATERS_MAX:
        return owners
    kept, count = dict(owners), len(updaters)
    first: dict[str, Key] = {}
    for owner in updaters:
        if count <= UPDATERS_MAX:
            break
        version = owner.api_version
        if version not in first:
            first[version] = owner.key
            continue
        bucket = Owner(ANCIENT, UPDATE, version, {}, owner.time)
        older = kept.pop(bucket.key, None) or kept.pop(first[version])
        del kept[owner.key]
        kept[bucket.key] = with_fields(bucket, union(older.fields, owner.fields))
        count -= 1
    return kept


def same_but_times(one: Any, other: Any) -> bool:
    """Say whether two `managedFields` differ in nothing but times."""
    if len(one or ()) != len(other or ()):
        return False
    return sorted(map(_timeless, one or ()), key=str) == sorted(map(_timeless, other or ()), key=str)


def _timeless(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "time"}


def _sound(entry: Any) -> bool:
    if not isinstance(entry, dict) or entry.get("operation") not in (APPLY, UPDATE):
        return False
    texts = (entry.get(name, "") for name in ("manager", "apiVersion", "time", "subresource"))
    named = all(isinstance(text, str) for text in texts) and bool(entry.get("apiVersion"))
    return named and entry.get("fieldsType") == "FieldsV1" and sound(entry.get("fieldsV1") or {})


def _owner(entry: dict[str, Any]) -> Owner:
    return Owner(
        entry.get("manager", ""), entry["operation"], entry["apiVersion"], entry.get("fieldsV1") or {},
        entry.get("time", ""), entry.get("subresource", ""),
    )


def _entry(owner: Owner) -> dict[str, Any]:
    entry: dict[str, Any] = {"manager": owner.manager, "operation": owner.operation, "apiVersion": owner.api_version}
    if owner.time:
        entry["time"] = owner.time
    entry |= {"fieldsType": "FieldsV1", "fieldsV1": owner.fields}
    if owner.subresource:
        entry["subresource"] = owner.subresource
    return entry


def _rank(owner: Owner) -> tuple[str, str, str, str, str]:
    return (owner.operation, owner.time, owner.manager, owner.api_version, owner.subresource)
