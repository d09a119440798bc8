"""Publish custom kinds: one OpenAPI v3 document for each of their groups and versions, and their part of the v2 one.

Source: kube apiextensions pkg/controller/openapi/builder/builder.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from knarr.api import openapi, patch
from knarr.api.kinds import Kind
from knarr.api.openapi_operations import Operation, of_kind

META = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1"
META_V2 = "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1"
UNSAID_V2 = frozenset({"oneOf", "anyOf", "allOf", "not", "nullable"})   # version 2 has no such words, or kubectl not
INSIDE = ("properties", "items")
PATCHES = (patch.APPLY, patch.JSON, patch.MERGE)
Schema = dict[str, Any]


def names(customs: Sequence[Kind]) -> set[str]:
    """Return the names of the documents, `apis/example.com/v1`."""
    return {f"apis/{kind.group}/{kind.version}" for kind in customs}


def v3(name: str, customs: Sequence[Kind], *, version: str) -> Schema | None:
    """Return one document; None if there is no such. version: the server's own."""
    chosen = [kind for kind in customs if f"apis/{kind.group}/{kind.version}" == name]
    if not chosen:
        return None
    schemas = {full: schema for kind in chosen for full, schema in _schemas(kind).items()}
    operations = [_patched(one) for kind in chosen for one in of_kind(kind)]
    return openapi.document(operations, version=version, customs=schemas)


def v2(customs: Sequence[Kind]) -> tuple[list[Operation], dict[str, Schema]]:
    """Return what the version 2 document says of custom kinds: operations, and schemas by full name."""
    operations = [_patched(one) for kind in customs for one in of_kind(kind)]
    return operations, {full: schema for kind in customs for full, schema in _schemas_v2(kind).items()}


def _schemas_v2(kind: Kind) -> dict[str, Schema]:
    full = kind.definition.removeprefix(":")
    one, many = (plainer(schema) for schema in _schemas(kind).values())
    for schema, meta in ((one, "ObjectMeta"), (many, "ListMeta")):
        schema.setdefault("properties", {key: value for key, value in _head(meta).items() if key != "metadata"})
        schema["properties"]["metadata"] = {"$ref": f"{META_V2}.{meta}", "description": "Standard metadata."}
    many["properties"]["items"] = {"type": "array", "items": {"$ref": f"#/definitions/{full}"}}
    return {full: one, f"{full}List": many}


def plainer(schema: Schema) -> Schema:
    """Return a schema in the words of version 2: what may hold this or that is left open.

    Source: kube apiextensions pkg/controller/openapi/v2/conversion.go, ToStructuralOpenAPIV2.
    """
    kept = {key: value for key, value in schema.items() if key not in UNSAID_V2}
    if schema.get("nullable") or schema.get("x-kubernetes-int-or-string"):
        kept.pop("type", None)
    if schema.get("nullable") or schema.get("x-kubernetes-preserve-unknown-fields"):
        for key in INSIDE:
            kept.pop(key, None)
    if "properties" in kept:
        kept["properties"] = {name: plainer(field) for name, field in kept["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(kept.get(key), dict):
            kept[key] = plainer(kept[key])
        else:
            kept.pop(key, None)
    return kept


def _patched(operation: Operation) -> Operation:
    """Offer no strategic merge: kubectl sends one wherever it is offered."""
    return replace(operation, consumes=PATCHES) if operation.action == "patch" else operation


def _schemas(kind: Kind) -> dict[str, Schema]:
    """Return the schemas of a kind and of its list."""
    assert kind.rules is not None
    full = kind.definition.removeprefix(":")
    one = {"type": "object", **kind.rules.schema, "x-kubernetes-group-version-kind": [_words(kind, kind.kind)]}
    one["properties"] = {**(one.get("properties") or {}), **_head("ObjectMeta")}
    items = {"type": "array", "items": {"$ref": f"#/components/schemas/{full}"},
             "description": f"List of {kind.plural}."}
    many = {"type": "object", "required": ["items"], "properties": {**_head("ListMeta"), "items": items},
            "description": f"{kind.list_kind} is a list of {kind.kind}",
            "x-kubernetes-group-version-kind": [_words(kind, kind.list_kind)]}
    return {full: one, f"{full}List": many}


def _head(meta: str) -> dict[str, Schema]:
    return {
        "apiVersion": {"type": "string", "description": "The version of the schema of this object."},
        "kind": {"type": "string", "description": "The kind of this object. Cannot be changed."},
        "metadata": {"allOf": [{"$ref": f"{META}.{meta}"}], "description": "Standard metadata."},
    }


def _words(kind: Kind, name: str) -> dict[str, str]:
    return {"group": kind.group, "version": kind.version, "kind": name}
