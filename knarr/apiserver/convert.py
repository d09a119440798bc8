"""Show an object that is stored in one group's form in another's. Today that is Event: stored as v1, also served by
events.k8s.io.

Source: kube pkg/apis/events/v1/conversion.go.
"""

from __future__ import annotations

from typing import Any

import orjson

from knarr.api.kinds import Kind

TO_STORED = {
    "note": "message",
    "regarding": "involvedObject",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
    "reportingController": "reportingComponent",
}
TO_SERVED = {stored: served for served, stored in TO_STORED.items()}


def foreign(kind: Kind) -> bool:
    """Say whether the kind lies in the store in another group's form."""
    return kind.stored_group != "="


def as_served(kind: Kind, value: bytes) -> bytes:
    """Return stored bytes as the kind's own clients expect them."""
    if not foreign(kind):
        return value
    return orjson.dumps(_renamed(orjson.loads(value), TO_SERVED, kind))


def served(kind: Kind, obj: dict[str, Any]) -> dict[str, Any]:
    """Return a stored object in the kind's form; the same one where the forms agree."""
    return _renamed(obj, TO_SERVED, kind) if foreign(kind) else obj


def stored(kind: Kind, obj: dict[str, Any]) -> dict[str, Any]:
    """Return a client's object in the form in which it is stored."""
    return _renamed(obj, TO_STORED, kind.storage) if foreign(kind) else obj


def _renamed(obj: dict[str, Any], names: dict[str, str], kind: Kind) -> dict[str, Any]:
    head = {"kind": kind.kind, "apiVersion": kind.api_version}
    return head | {names.get(key, key): value for key, value in obj.items() if key not in head}
