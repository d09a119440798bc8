"""Whatever a client sends that decodes as the kind is refused or accepted: the rules never fall over.

Every recorded object is broken in every place in turn, one way after another, and created; then written over the good
one, whole and through the subresources.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from knarr.api import defaults, kinds, schema_decode, strategy, validation
from knarr.api.errors import ApiError
from knarr.api.kinds import Kind

from .wire import WIRE, kind_at

GONE = object()
BREAKS: tuple[Any, ...] = (GONE, {}, [None], -1, "")
SUBRESOURCES = ("", "status", "finalize", "ephemeralcontainers", "resize")


def bodies() -> list[Any]:
    path = WIRE / "objects/created.json"
    recorded = [case["request"] for case in json.loads(path.read_text())] if path.exists() else []
    found = [request["body"] for request in recorded if kind_at(request["path"])]
    bare = [{"apiVersion": row.api_version, "kind": row.kind, "metadata": {"name": "a"}} for row in kinds.KINDS]
    return [pytest.param(body, id=f"{number} {body['kind']}") for number, body in enumerate((*found, *bare))]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return the path of every part below `value`."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*path, key)
        yield from places(item, (*path, key))


def broken(body: dict[str, Any], path: tuple[Any, ...], way: Any) -> dict[str, Any]:
    changed = copy.deepcopy(body)
    holder: Any = changed
    for key in path[:-1]:
        holder = holder[key]
    if way is GONE:
        del holder[path[-1]]
    else:
        holder[path[-1]] = way
    return changed


def create(row: Kind, body: dict[str, Any]) -> dict[str, Any] | None:
    """Run a creation's rules; None if it does not even decode."""
    try:
        obj = schema_decode.decode(json.dumps(body).encode(), "application/json", row).obj
    except ApiError:
        return None
    metadata = obj.setdefault("metadata", {})
    metadata["uid"] = "u"
    if row.namespaced:
        metadata.setdefault("namespace", "x")
    defaults.apply(row, obj)
    strategy.prepare_create(row, obj)
    validation.create(row, obj)
    return obj


@pytest.mark.parametrize("body", bodies())
def test_a_broken_object_breaks_nothing(body):
    """A part is missing, empty, null inside, negative or of no length."""
    group, _, version = body["apiVersion"].rpartition("/")
    row = kinds.by_kind(group, version, body["kind"])
    assert row is not None
    good = create(row, body)
    for path in places(body):
        if path[0] in ("apiVersion", "kind"):
            continue
        for way in BREAKS:
            bad = create(row, broken(body, path, way))
            for subresource in SUBRESOURCES if bad is not None and good is not None else ():
                draft = copy.deepcopy(bad)
                strategy.prepare_update(row, draft, good, subresource)
                validation.update(row, draft, good, subresource)


@pytest.mark.parametrize("schema", [
    {"type": "string", "pattern": "[", "default": "a"},
    {"type": "object", "properties": {"a": {"type": "string", "pattern": "["}}, "default": {"a": "b"}},
    {"type": "array", "items": {"type": "string", "pattern": "["}, "default": ["b"]},
], ids=("here", "in a field", "in an item"))  # fmt: skip
def test_a_default_under_a_broken_pattern_breaks_nothing(schema):
    """The pattern is refused where it stands; whether the default fulfils it is nobody's question."""
    row = kinds.by_kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object", "properties": {"x": schema}}}}
    names = {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}
    body = {"apiVersion": row.api_version, "kind": row.kind, "metadata": {"name": "things.a.io", "uid": "u"},
            "spec": {"group": "a.io", "scope": "Cluster", "names": names, "versions": [version]}}  # fmt: skip
    obj = schema_decode.decode(json.dumps(body).encode(), "application/json", row).obj
    defaults.apply(row, obj)

    assert any(cause.field.endswith("pattern") for cause in validation.create(row, obj))
