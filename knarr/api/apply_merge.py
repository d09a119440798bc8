"""Merge an applied object into a live one, and take fields out of it again. Nothing changes its arguments.

Source: sigs.k8s.io/structured-merge-diff typed/{merge,remove}.go.
"""

from __future__ import annotations

from typing import Any

from knarr.api.apply_compare import Twice, elements, is_shared
from knarr.api.apply_sets import INNER, MEMBER, FieldSet
from knarr.api.apply_shapes import ANY, Shape


def merge(shape: Shape, live: Any, applied: Any) -> Any:
    """Return the live value with what is applied laid over it: fields and items join, all else is replaced."""
    if not is_shared(shape, applied) or not applied:
        nothing = applied in (None, {}, [])
        return live if nothing and live and is_shared(shape, live) else applied
    if not is_shared(shape, live) or not live:
        return applied
    if isinstance(applied, list):
        return _merged_list(shape, live, applied)
    merged = dict(live)
    for name, value in applied.items():
        part = shape.fields.get(name, ANY) if shape.sort == "struct" else shape.item
        merged[name] = merge(part, live[name], value) if name in live else value
    return merged


def _merged_list(shape: Shape, live: list[Any], applied: list[Any]) -> list[Any]:
    """Join two lists. What both have stands in the applied order; what only `live` has stays where it was before."""
    wanted, had = elements(shape, applied), elements(shape, live)
    keys = [shape.element(item) for item in live]
    common = [key for key in wanted if key in had]
    todo, out, at, done = list(wanted), [], 0, set()
    while at < len(keys) or todo:
        key = keys[at] if at < len(keys) else None
        if key is not None and todo and key == todo[0]:
            at += 1
        elif key is not None and key not in wanted:
            out.append(live[at])
            at += 1
            continue
        elif key is not None and todo and (key in done or key != common[0]):
            at += 1  # it comes later, or came already, in the applied order
            continue
        elif not todo:
            at += 1
            continue
        out.append(_merged_item(shape, had, wanted[todo[0]], todo[0]))
        done.add(todo[0])
        if common and common[0] == todo[0]:
            common.pop(0)
        todo.pop(0)
    return out


def _merged_item(shape: Shape, had: dict[str, Any], item: Any, key: str) -> Any:
    before = had.get(key)
    return item if before is None or isinstance(before, Twice) else merge(shape.item, before, item)


def remove(shape: Shape, value: Any, fields: FieldSet) -> Any:
    """Return the value without the fields of a set. What is left empty becomes None, which settling takes out."""
    if not fields or not value or not is_shared(shape, value):
        return value
    kept: Any
    if isinstance(value, list):
        kept = []
        for item in value:
            node = fields.get(shape.element(item))
            if node is None:
                kept.append(item)
            elif node and MEMBER not in node:
                kept.append(remove(shape.item, item, node))
        return kept or None
    kept = {}
    for name, item in value.items():
        node = fields.get("f:" + name)
        part = shape.fields.get(name, ANY) if shape.sort == "struct" else shape.item
        if node is None:
            kept[name] = item
        elif node and MEMBER not in node:
            kept[name] = remove(part, item, node)
    return kept or None


def named(shape: Shape, fields: FieldSet) -> FieldSet:
    """Return the set with the fields of structs as members wherever something below them is one.

    Source: structured-merge-diff fieldpath/set.go, EnsureNamedFieldsAreMembers.
    """
    out: FieldSet = {}
    for key, node in fields.items():
        if not node:
            out[key] = node
            continue
        known = shape.fields.get(key[2:]) if shape.sort == "struct" and key != MEMBER else None
        inner = named(known or (shape.item if shape.sort in ("map", "keyed", "set") else ANY), node)
        out[key] = {**INNER, **inner} if known is not None else inner
    return out
