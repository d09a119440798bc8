"""Check that a schema is structural: every place has one type, and what is beside it only narrows it.

Source: kube apiextensions pkg/apiserver/schema/{validation,complete}.go and
pkg/apis/apiextensions/validation/validation.go, ValidateCustomResourceDefinitionOpenAPISchema.
"""

from __future__ import annotations

import copy
from importlib import import_module
from typing import Any, Final

from knarr.api.custom import check as values
from knarr.api.custom.node import Node, any_below
from knarr.api.custom.prune import prune
from knarr.api.errors import Cause
from knarr.api.regexes import BadPattern, matcher
from knarr.api.validation.spot import Spot

Obj = dict[str, Any]
TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
REFUSED: Final = ("$ref", "definitions", "dependencies", "patternProperties", "additionalItems", "id", "$schema")
LOGICAL: Final = ("allOf", "anyOf", "oneOf", "not")
STRUCTURE: Final = {  # what parts of a logical operator may not have, and what each must be instead
    "additionalProperties": "undefined", "description": "empty", "type": "empty", "nullable": "false",
    "title": "empty", "default": "undefined",
    "x-kubernetes-preserve-unknown-fields": "false", "x-kubernetes-embedded-resource": "false",
    "x-kubernetes-int-or-string": "false", "x-kubernetes-list-type": "undefined",
    "x-kubernetes-list-map-keys": "empty", "x-kubernetes-map-type": "undefined", "x-kubernetes-validations": "empty",
}
INT_OR_STRING: Final = ([{"type": "integer"}, {"type": "string"}],)
PRESERVE, EMBEDDED, EITHER = (
    "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string",
)


def check(spot: Spot, schema: Obj) -> None:
    """Check a whole schema, from its root."""
    sort = schema.get("type")
    if sort and sort != "object":
        spot.at("type").invalid(sort, "must be object at the root")
    if schema.get("nullable"):
        spot.at("nullable").forbidden("nullable cannot be true at the root")
    known = len(spot.causes)
    _place(spot, schema, "must not be empty at the root")
    if len(spot.causes) == known:  # rules are looked at in schemas that are sound otherwise
        _check_rules(spot, schema)


def _check_rules(spot: Spot, schema: Obj) -> None:
    """Check CEL rules, if there are any: only then is what reads them brought in."""
    if any_below(schema, "x-kubernetes-validations"):
        import_module("knarr.api.validation.celrules").check_rules(spot, schema)


def _place(spot: Spot, schema: Obj, untyped: str) -> None:
    """Check one place and all below. untyped: what to say if it has no type."""
    _words(spot, schema)
    _type(spot, schema, untyped)
    _extensions(spot, schema)
    _values(spot, schema)
    _default(spot, schema)
    _below(spot, schema)


def _words(spot: Spot, schema: Obj) -> None:
    for word in REFUSED:
        if schema.get(word):
            spot.at(word).forbidden(f"{word} is not supported")
    if schema.get("uniqueItems"):
        spot.at("uniqueItems").forbidden(
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic")
    if schema.get("additionalProperties") is False:
        spot.at("additionalProperties").forbidden("additionalProperties cannot be set to false")
    if schema.get("properties") and schema.get("additionalProperties"):
        spot.at("additionalProperties").forbidden("additionalProperties and properties are mutual exclusive")
    if isinstance(schema.get("items"), list):
        spot.at("items").forbidden("items must be a schema object and not an array")


def _type(spot: Spot, schema: Obj, untyped: str) -> None:
    sort = schema.get("type")
    if sort and sort not in TYPES:
        spot.at("type").unsupported(sort, TYPES)
    if not sort and not schema.get(EITHER) and not schema.get(PRESERVE):
        spot.at("type").required(untyped)
    if sort and schema.get(EITHER):
        spot.at("type").invalid(sort, "must be empty if x-kubernetes-int-or-string is true")
    if sort == "array" and not schema.get("items"):
        spot.at("items").required("must be specified")


def _extensions(spot: Spot, schema: Obj) -> None:
    sort = schema.get("type")
    if schema.get(EMBEDDED):
        if sort != "object":
            spot.at("type").invalid(sort or "", f"must be object if {EMBEDDED} is true")
        if not schema.get("properties") and not schema.get(PRESERVE):
            spot.at("properties").required(f"must not be empty if {EMBEDDED} is true without {PRESERVE}")
    if PRESERVE in schema and not schema[PRESERVE]:
        spot.at(PRESERVE).invalid(False, "must be true or undefined")
    kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys")
    if kind and sort != "array":
        spot.at("type").invalid(sort or "", "must be array if x-kubernetes-list-type is specified")
    if kind and kind not in ("atomic", "map", "set"):
        spot.at("x-kubernetes-list-type").unsupported(kind, ("atomic", "map", "set"))
    if kind == "map":
        _map_list(spot, schema, keys or [])
    elif keys:
        spot.at("x-kubernetes-list-type").invalid(kind or "", "must be map if x-kubernetes-list-map-keys is non-empty")
    kind = schema.get("x-kubernetes-map-type")
    if kind and sort != "object":
        spot.at("type").invalid(sort or "", "must be object if x-kubernetes-map-type is specified")
    if kind and kind not in ("atomic", "granular"):
        spot.at("x-kubernetes-map-type").unsupported(kind, ("atomic", "granular"))


def _map_list(spot: Spot, schema: Obj, keys: list[str]) -> None:
    if not keys:
        spot.at("x-kubernetes-list-map-keys").required("must not be empty if x-kubernetes-list-type is map")
    if len(set(keys)) != len(keys):
        spot.at("x-kubernetes-list-map-keys").invalid(keys, "must not contain duplicate entries")
    items = schema.get("items")
    if not isinstance(items, dict):
        return
    if items.get("type") != "object":
        spot.at("items").at("type").invalid(items.get("type", ""), "must be object if parent array's "
                                            "x-kubernetes-list-type is map")
    for key in keys:
        field = (items.get("properties") or {}).get(key)
        if field is None:
            spot.at("items").at("properties").key(key).invalid(
                key, "must be a property of the items because it is listed in x-kubernetes-list-map-keys")
        elif key not in (items.get("required") or ()) and "default" not in field:
            spot.at("items").at("properties").key(key).at("default").required(
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property")


def _values(spot: Spot, schema: Obj) -> None:
    if schema.get("pattern"):
        try:
            matcher(schema["pattern"])
        except BadPattern as fault:
            spot.at("pattern").invalid(schema["pattern"], f"must be a valid regular expression, but isn't: {fault}")
    allowed = schema.get(EITHER) and schema.get("anyOf") in INT_OR_STRING
    for word in LOGICAL:
        parts = schema.get(word)
        if not parts or (word == "anyOf" and allowed):
            continue
        for number, part in enumerate([parts] if word == "not" else parts):
            _part(spot.at(word) if word == "not" else spot.at(word).index(number), part,
                  either=bool(schema.get(EITHER)))


def _part(spot: Spot, part: Any, *, either: bool) -> None:
    """Check a schema below a logical operator: it may narrow, not shape."""
    if not isinstance(part, dict):
        return
    for word, instead in STRUCTURE.items():
        inner = either and word == "type"
        there = part.get(word) is not None if instead == "undefined" else bool(part.get(word))
        if there and not inner:
            spot.at(word).forbidden(f"must be {instead} to be structural")
    if "metadata" in (part.get("properties") or {}):
        spot.at("properties").key("metadata").forbidden("must not be specified in a nested context")
    for name, child in (part.get("properties") or {}).items():
        _part(spot.at("properties").key(name), child, either=False)
    if isinstance(part.get("items"), dict):
        _part(spot.at("items"), part["items"], either=False)
    for word in LOGICAL:
        below = part.get(word) or ()
        for number, child in enumerate([below] if isinstance(below, dict) else below):
            where = spot.at(word)
            _part(where if word == "not" else where.index(number), child, either=either)


def _default(spot: Spot, schema: Obj) -> None:
    """Check that a default fulfils its own schema and has no unknown fields."""
    if schema.get("default") is None:
        return
    node, unknown = Node(schema), list[str]()
    value = copy.deepcopy(schema["default"])
    prune(value, node, unknown=unknown)
    where = spot.at("default")
    if unknown:
        where.invalid(schema["default"], "must not have unknown fields")
    causes: list[Cause] = []
    try:
        values.check(node, schema["default"], "", causes)
    except BadPattern:
        return  # told where the pattern stands; without it nobody knows whether the default is good
    for cause in causes:
        path = where.path if cause.field == "<nil>" else f"{where.path}.{cause.field}"
        spot.causes.append(Cause(cause.reason, path, cause.message))


def _below(spot: Spot, schema: Obj) -> None:
    for name, child in (schema.get("properties") or {}).items():
        if isinstance(child, dict):
            _place(spot.at("properties").key(name), child, "must not be empty for specified object fields")
    items, extra = schema.get("items"), schema.get("additionalProperties")
    if isinstance(items, dict) and items:
        _place(spot.at("items"), items, "must not be empty for specified array items")
    if isinstance(extra, dict):
        _place(spot.at("additionalProperties"), extra, "must not be empty for specified object fields")
