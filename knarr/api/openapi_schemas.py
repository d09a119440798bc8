"""Write the field table as OpenAPI schemas, for version 3 and version 2 documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from knarr.api import schema
from knarr.api.schema import Field

Schema = dict[str, Any]
Descriptions = Mapping[str, Mapping[str, str]]
"""Definition (`core_v1.Pod`) → field → text; the definition's own under the empty name."""

SCALARS: dict[str, Schema] = {
    "string": {"type": "string"}, "boolean": {"type": "boolean"}, "integer": {"type": "integer"},
    "int32": {"type": "integer", "format": "int32"}, "int64": {"type": "integer", "format": "int64"},
    "number": {"type": "number"}, "double": {"type": "number", "format": "double"},
    "byte": {"type": "string", "format": "byte"}, "date-time": {"type": "string", "format": "date-time"},
    "object": {"type": "object"}, "any": {},
}
SPECIAL_V3: dict[str, Schema] = {
    "resource.Quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
    "intstr.IntOrString": {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
}
SPECIAL_V2: dict[str, Schema] = {
    "resource.Quantity": {"type": "string"},
    "intstr.IntOrString": {"type": "string", "format": "int-or-string"},
}


@dataclass(frozen=True, slots=True)
class Style:
    """What differs between the versions: where definitions lie, and whether a reference may have neighbours."""

    prefix: str
    special: Mapping[str, Schema]
    wraps: bool


V3 = Style("#/components/schemas/", SPECIAL_V3, wraps=True)
V2 = Style("#/definitions/", SPECIAL_V2, wraps=False)


def describe(definitions: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Collect the descriptions from OpenAPI definitions by their full names, as `kubernetes-validate` ships them."""
    prefixes = {prefix: module for module, prefix in schema.table()["modules"].items()}
    texts: dict[str, dict[str, str]] = {}
    for full, row in definitions.items():
        prefix, _, name = full.rpartition(".")
        if prefix in prefixes:
            fields = {key: field.get("description", "") for key, field in row.get("properties", {}).items()}
            texts[f"{prefixes[prefix]}.{name}"] = {"": row.get("description", ""), **fields}
    return texts


def full_name(name: str) -> str:
    """Return `io.k8s.api.core.v1.Pod` for `core_v1.Pod`; a custom kind's is written out, after a colon."""
    if name.startswith(":"):
        return name[1:]
    module, _, kind = name.partition(".")
    return f"{schema.table()['modules'][module]}.{kind}"


def definitions(roots: Iterable[str], style: Style, texts: Descriptions) -> dict[str, Schema]:
    """Return the schemas of some definitions and of all that they mention, by full name."""
    made: dict[str, Schema] = {}
    waiting = [name for name in roots if "." in name and not name.startswith(":")]
    while waiting:
        name = waiting.pop()
        if full_name(name) not in made:
            made[full_name(name)] = definition(name, style, texts.get(name, {}))
            waiting += [ref for row in schema.fields_of(name).values() if (ref := _reference(row.type))]
    return dict(sorted(made.items()))


def definition(name: str, style: Style, texts: Mapping[str, str]) -> Schema:
    """Return one definition's schema. texts: its fields' descriptions, its own under the empty name."""
    row = schema.definition(name)
    made: Schema = {"description": texts[""]} if texts.get("") else {}
    if name in style.special:
        return made | style.special[name]
    if "fields" not in row:
        return made | type_schema(row["type"], style)
    made["type"] = "object"
    fields = schema.fields_of(name).values()
    made["properties"] = {field.name: _field(field, style, texts.get(field.name, "")) for field in fields}
    for key, target in (("required", "required"), ("map", "x-kubernetes-map-type"), ("unions", "x-kubernetes-unions")):
        if key in row:
            made[target] = row[key]
    if row.get("kinds"):
        made["x-kubernetes-group-version-kind"] = [
            {"group": group, "version": version, "kind": kind} for group, version, kind in row["kinds"]]
    return made


def type_schema(kind: str, style: Style) -> Schema:
    """Return the schema of a type in the table's notation."""
    if kind.startswith("[]"):
        return {"type": "array", "items": type_schema(kind[2:], style)}
    if kind.startswith("{}"):
        return {"type": "object", "additionalProperties": type_schema(kind[2:], style)}
    if kind in SCALARS:
        return dict(SCALARS[kind])
    return {"$ref": style.prefix + full_name(kind)}


def _field(field: Field, style: Style, text: str) -> Schema:
    made = type_schema(field.type, style)
    extra: Schema = {"description": text} if text else {}
    for value, name in ((field.merge_key, "patch-merge-key"), (field.strategy, "patch-strategy"),
                        (field.list, "list-type"), (list(field.keys), "list-map-keys"), (field.map, "map-type")):
        if value:
            extra[f"x-kubernetes-{name}"] = value
    if "$ref" in made and extra and style.wraps:
        return {"allOf": [made], **extra}  # neighbours of a reference are ignored in version 3
    return made | extra


def _reference(kind: str) -> str:
    """Return the definition that a type mentions, empty for none."""
    while kind.startswith(("[]", "{}")):
        kind = kind[2:]
    return kind if "." in kind else ""
