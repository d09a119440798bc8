"""Show objects as tables or as bare metadata, as `Accept: application/json;as=…;g=meta.k8s.io` asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from knarr.api.errors import BadRequest
from knarr.api.kinds import Kind
from knarr.apiserver import convert
from knarr.apiserver.negotiate import Form

Obj = dict[str, Any]
INCLUDES = ("None", "Metadata", "Object")


def one(kind: Kind, obj: Obj, form: Form, *, query: Mapping[str, str], now_s: float) -> bytes:
    """Return the view of one object."""
    if form.view == "Table":
        meta = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        return _table(kind, [obj], form, meta=meta, query=query, now_s=now_s)
    return orjson.dumps(partial(obj, form))


def many(kind: Kind, objects: list[Obj], form: Form, *, meta: Obj, query: Mapping[str, str], now_s: float) -> bytes:
    """Return the view of a list. meta: the list's own metadata."""
    if form.view == "Table":
        return _table(kind, objects, form, meta=meta, query=query, now_s=now_s)
    return orjson.dumps(
        {
            "kind": "PartialObjectMetadataList",
            "apiVersion": f"meta.k8s.io/{form.version}",
            "metadata": meta,
            "items": [partial(obj, form) for obj in objects],
        }
    )


def partial(obj: Obj, form: Form) -> Obj:
    """Return only the metadata."""
    return {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{form.version}", "metadata": obj["metadata"]}


def _table(kind: Kind, objects: list[Obj], form: Form, *, meta: Obj, query: Mapping[str, str], now_s: float) -> bytes:
    include = query.get("includeObject", "") or "Metadata"
    if include not in INCLUDES:
        raise BadRequest(f'unrecognized includeObject value: "{include}"')
    stored = [convert.stored(kind, obj) for obj in objects] if convert.foreign(kind) else objects
    from knarr.api import columns  # with the first table

    table = columns.table(kind.storage, stored, now_s, include_object=include)
    if include == "Object":
        for row, obj in zip(table["rows"], objects, strict=True):
            row["object"] = obj
    table["apiVersion"] = f"meta.k8s.io/{form.version}"
    table["metadata"] = meta
    return orjson.dumps(table)
