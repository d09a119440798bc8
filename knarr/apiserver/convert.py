"""Show an object that is stored in one form in another: Event (stored as v1, also served by events.k8s.io),
HorizontalPodAutoscaler (stored as autoscaling/v2, also served as v1), and custom objects in all their versions.

Source: kube pkg/apis/events/v1/conversion.go.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import orjson

from knarr.api.kinds import Kind
from knarr.apiserver import autoscalers

Obj: TypeAlias = dict[str, Any]

EVENTS = "events.k8s.io"
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
    """Say whether the kind may lie in the store in another form than its own."""
    return kind.stored_group != "=" or (kind.rules is not None and kind.rules.reshapes)


def as_served(kind: Kind, value: bytes) -> bytes:
    """Return stored bytes as the kind's own clients expect them."""
    if not foreign(kind):
        return value
    return orjson.dumps(served(kind, orjson.loads(value)))


def served(kind: Kind, obj: Obj) -> Obj:
    """Return a stored object in the kind's form; the same one where the forms agree."""
    if kind.rules is not None:
        return kind.rules.show(obj)
    if not foreign(kind):
        return obj
    return _headed(autoscalers.to_v1(obj) if kind.group == "autoscaling" else _renamed(obj, TO_SERVED), kind)


def stored(kind: Kind, obj: Obj) -> Obj:
    """Return a client's object in the form in which it is stored."""
    if not foreign(kind) or kind.rules is not None:
        return obj
    return _headed(autoscalers.to_v2(obj) if kind.group == "autoscaling" else _renamed(obj, TO_STORED), kind.storage)


def checked(kind: Kind, obj: Obj) -> tuple[Kind, Obj]:
    """Return a stored object in the form in which it is checked: that of its writer for events, else that of the store.

    events.k8s.io asks for more than v1 does.
    """
    if kind.group == EVENTS and foreign(kind):
        return kind, served(kind, obj)
    return kind.storage, obj


def _renamed(obj: Obj, names: dict[str, str]) -> Obj:
    return {names.get(key, key): value for key, value in obj.items()}


def _headed(obj: Obj, kind: Kind) -> Obj:
    return {**obj, "kind": kind.kind, "apiVersion": kind.api_version}
