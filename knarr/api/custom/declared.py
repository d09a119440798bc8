"""Say which CEL types the places of a schema have, and how large values there can be.

Source: kube apiserver pkg/cel/common/schemas.go; apiextensions pkg/apiserver/schema/cel/model/schemas.go.
"""

from __future__ import annotations

import json
from typing import Any

from knarr.api.cel import types
from knarr.api.cel.types import Type
from knarr.api.custom.adapt import escape

Obj = dict[str, Any]
REQUEST_BYTES_MAX = 3 * 1024 * 1024
SCALARS: dict[str, tuple[Type, int]] = {  # by the schema's word: the type, and the bytes that a value has at least
    "boolean": (types.BOOL, 4), "number": (types.DOUBLE, 1), "integer": (types.INT, 1),
}
FORMATS: dict[str, tuple[Type, int, int]] = {  # the type, the least bytes, the most characters
    "duration": (types.SPAN, 4, 32), "date": (types.MOMENT, 12, 12), "date-time": (types.MOMENT, 22, 32),
}
TEXT = {"type": "string"}
META = {"type": "object", "properties": {"name": TEXT, "generateName": TEXT}}
RESOURCE = {"apiVersion": TEXT, "kind": TEXT, "metadata": META}
RUNE_BYTES_MAX = 4


def type_of(schema: Obj, *, root: bool = False) -> Type | None:
    """Return the type of a place; None if rules may not look at it. root: it is a whole object."""
    if schema.get("x-kubernetes-int-or-string"):
        return Type("dyn", size_max=REQUEST_BYTES_MAX - 2)
    sort = schema.get("type")
    if sort in SCALARS:
        return SCALARS[sort][0]
    if sort == "string":
        return _text(schema)
    if sort == "array":
        return _list(schema)
    return _object(schema, root=root) if sort == "object" else None


def least_bytes(schema: Obj) -> int:
    """Return the bytes that the least value of a place has in JSON."""
    sort = schema.get("type", "")
    if sort in SCALARS:
        return SCALARS[sort][1]
    if sort == "string":
        return FORMATS[schema["format"]][1] if schema.get("format") in FORMATS else 2
    if sort == "object" and not schema.get("additionalProperties"):
        members = schema.get("properties") or {}
        return 2 + sum(len(name) + 4 + least_bytes(members[name]) for name in schema.get("required") or ()
                       if name in members and "default" not in members[name])
    return 1 if schema.get("x-kubernetes-int-or-string") else 2


def most_there(schema: Obj) -> int:
    """Return how many of a value can stand in one request."""
    return REQUEST_BYTES_MAX // (least_bytes(schema) + 1)


def _text(schema: Obj) -> Type:
    form = schema.get("format")
    if form in FORMATS:
        kind, _, longest = FORMATS[form]
        return Type(kind.name, size_max=longest)
    if form == "byte":
        return Type("bytes", size_max=schema.get("maxLength", REQUEST_BYTES_MAX - 2))
    if schema.get("maxLength") is not None:
        return Type("string", size_max=max(schema["maxLength"], 0) * RUNE_BYTES_MAX)
    if schema.get("enum"):
        return Type("string", size_max=max(len(json.dumps(one)) - 2 for one in schema["enum"]))
    return Type("string", size_max=REQUEST_BYTES_MAX - 2)


def _list(schema: Obj) -> Type | None:
    items = schema.get("items")
    inner = type_of(items, root=bool(items.get("x-kubernetes-embedded-resource"))) if isinstance(items, dict) else None
    if inner is None or not isinstance(items, dict):
        return None
    most = schema.get("maxItems")
    longest = most if most is not None else (REQUEST_BYTES_MAX - 2) // (least_bytes(items) + 1)
    return Type("list", (inner,), size_max=max(longest, 0))


def _object(schema: Obj, *, root: bool) -> Type | None:
    values = schema.get("additionalProperties")
    if isinstance(values, dict):
        inner = type_of(values)
        most = schema.get("maxProperties")
        longest = most if most is not None else (REQUEST_BYTES_MAX - 2) // (least_bytes(values) + 6)
        return Type("map", (types.STRING, inner), size_max=max(longest, 0)) if inner is not None else None
    members: Obj = schema.get("properties") or {}
    if root or schema.get("x-kubernetes-embedded-resource"):
        members = {**members, **RESOURCE}
    names = {escape(name): member for name, member in members.items()}
    known: dict[str, Type | None] = {}

    def field(name: str) -> Type | None:
        if name not in known:
            member = names.get(name)
            known[name] = type_of(member) if isinstance(member, dict) else None
        return known[name]

    return Type("object", size_max=_entries(schema, members), fields=field)


def _entries(schema: Obj, members: Obj) -> int:
    most = schema.get("maxProperties")
    return most if isinstance(most, int) and not members else max(len(members), 1)
