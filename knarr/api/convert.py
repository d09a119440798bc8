"""Turn objects that two API groups serve from one form into the other: events.

They lie in the store in one form (`kind.storage`). Writes through the other group go in with `to_stored`, reads come
out with `from_stored`; for every other kind both return the object as it is.
Source: kube pkg/apis/events/v1/conversion.go.
"""

from __future__ import annotations

from typing import Any

from knarr.api.kinds import Kind

EVENT_FIELDS = {  # events.k8s.io/v1 → v1; what is not named is called the same in both
    "regarding": "involvedObject", "note": "message", "reportingController": "reportingComponent",
    "deprecatedSource": "source", "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp", "deprecatedCount": "count",
}
_BACK = {stored: served for served, stored in EVENT_FIELDS.items()}


def to_stored(kind: Kind, obj: dict[str, Any]) -> dict[str, Any]:
    """Return an object of `kind` in the form the store keeps."""
    if kind.storage is kind:
        return obj
    return _renamed(obj, EVENT_FIELDS, kind.storage)


def from_stored(kind: Kind, obj: dict[str, Any]) -> dict[str, Any]:
    """Return a stored object in the form of `kind`."""
    if kind.storage is kind:
        return obj
    return _renamed(obj, _BACK, kind)


def _renamed(obj: dict[str, Any], fields: dict[str, str], kind: Kind) -> dict[str, Any]:
    assert kind.kind == "Event", kind
    renamed = {fields.get(key, key): value for key, value in obj.items()}
    return {**renamed, "apiVersion": kind.api_version, "kind": kind.kind}
