"""Say what is wrong with an object to apply, before it is merged: fields that are not declared, wrong types, twins.

Source: sigs.k8s.io/structured-merge-diff typed/validate.go; the words are its own.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from knarr.api.apply_sets import text
from knarr.api.apply_shapes import NUMBERS, Shape, Unkeyed

FAULTS_MAX = 100  # of one object; a client that sends more needs no more to understand
GO_TYPES: Final = {bool: "bool", str: "string", list: "[]interface {}", dict: "map[string]interface {}"}


def refusal(found: list[str]) -> str:
    """Join faults as Kubernetes does."""
    return found[0] if len(found) == 1 else "\n".join(["errors:", *(f"  {fault}" for fault in found)])


def faults(shape: Shape, value: Any, path: str = "") -> list[str]:
    """Return what is wrong with an object to apply, in Kubernetes' words; nulls are no fault."""
    if value is None or shape.sort == "any":
        return []
    if shape.sort == "scalar":
        return _scalar_faults(shape.of, value, path)
    if shape.sort == "atomic":
        return []
    if shape.sort in ("keyed", "set"):
        return _list_faults(shape, value, path)
    if not isinstance(value, dict):
        return [f"{path}: expected map, got {_shown(value)}"]
    found: list[str] = []
    for name, item in value.items():
        part = shape.fields.get(name) if shape.sort == "struct" else shape.item
        if part is None:
            found.append(f"{path}.{name}: field not declared in schema")
        else:
            found += faults(part, item, f"{path}.{name}")
    return found[:FAULTS_MAX]


def _list_faults(shape: Shape, value: Any, path: str) -> list[str]:
    if not isinstance(value, list):
        return [f"{path}: expected list, got {_shown(value)}"]
    found: list[str] = []
    seen: set[str] = set()
    for index, item in enumerate(value):
        try:
            key = shape.element(item)
        except Unkeyed as fault:
            found.append(f"{path}: element {index}: {fault}")
            continue
        step = text((key,))
        if key in seen:
            found.append(f"{path}: duplicate entries for key {step}")
        seen.add(key)
        found += faults(shape.item, item, path + step)
    return found[:FAULTS_MAX]


def _scalar_faults(of: str, value: Any, path: str) -> list[str]:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if of in NUMBERS:
        return [] if number else [f"{path}: expected numeric (int or float), got {_go_type(value)}"]
    if of == "boolean":
        return [] if isinstance(value, bool) else [f"{path}: expected boolean, got {_shown(value)}"]
    if of == "untyped":
        return [f"{path}: expected any scalar, got {_shown(value)}"] if isinstance(value, dict | list) else []
    return [] if isinstance(value, str) else [f"{path}: expected string, got {_shown(value)}"]


def _shown(value: Any) -> str:
    return orjson.dumps(value).decode()


def _go_type(value: Any) -> str:
    return GO_TYPES.get(type(value), "nil")
