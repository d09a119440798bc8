"""Tell which fields an object has, and which differ between two states of it.

Source: sigs.k8s.io/structured-merge-diff typed/{tofieldset,compare}.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from knarr.api.apply_sets import LEAF, MEMBER, FieldSet, union
from knarr.api.apply_shapes import ANY, Shape

Node: TypeAlias = FieldSet | None  # None: not even a path
ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of the fields of one state in another."""

    added: FieldSet
    modified: FieldSet
    removed: FieldSet

    @property
    def set(self) -> FieldSet:
        """Return the fields that were given a value."""
        return union(self.added, self.modified)

    def __bool__(self) -> bool:
        return bool(self.added or self.modified or self.removed)


def compare(shape: Shape, old: dict[str, Any], new: dict[str, Any]) -> Changes:
    """Compare two states; Unkeyed where a list cannot be told apart. The order of lists is no difference."""
    added, modified, removed = _compare(shape, old, new)
    return Changes(added or {}, modified or {}, removed or {})


def owned(shape: Shape, value: dict[str, Any]) -> FieldSet:
    """Return the fields that an applied object claims; Unkeyed as above."""
    return _owned(shape, value) or {}


def elements(shape: Shape, items: list[Any] | None) -> dict[str, Any]:
    """Return a list's items by their keys, in order; an item that stands twice as a list of its states."""
    found: dict[str, Any] = {}
    for item in items or ():
        key = shape.element(item)
        if key in found:
            held = found[key]
            found[key] = Twice([*held, item]) if isinstance(held, Twice) else Twice([held, item])
        else:
            found[key] = item
    return found


class Twice(list[Any]):
    """The states of an item that stands more than once in its list: they are compared as one."""


def children(shape: Shape, value: Any) -> Iterator[tuple[str, Shape, Any]]:
    """Walk what lies right below a shared value: (key in a set, shape, value)."""
    if shape.sort == "struct":
        for name, item in value.items():
            yield "f:" + name, shape.fields.get(name, ANY), item
    elif shape.sort in ("keyed", "set"):
        for key, item in elements(shape, value).items():
            yield key, ATOM if isinstance(item, Twice) else shape.item, item
    else:
        for name, item in value.items():
            yield "f:" + name, shape.item, item


def is_shared(shape: Shape, value: Any) -> bool:
    """Say whether a value has parts of different owners."""
    if shape.sort in ("keyed", "set"):
        return isinstance(value, list)
    return shape.sort in ("struct", "map", "any") and isinstance(value, dict)


def _owned(shape: Shape, value: Any) -> Node:
    if shape.sort in ("scalar", "atomic"):
        return LEAF
    if not is_shared(shape, value):
        return LEAF if shape.sort == "any" else None
    node: FieldSet = {}
    listed = shape.sort in ("keyed", "set")
    for key, part, item in children(shape, value):
        inner = _owned(part, item)
        if listed or item is None or item == {} or shape.sort != "struct":
            inner = {MEMBER: LEAF, **inner} if inner else LEAF  # items and entries are owned as such
        if inner is not None:
            node[key] = inner
    return node or None


def whole(shape: Shape, value: Any) -> FieldSet:
    """Return a value that came or went as a whole: itself and all below."""
    if shape.leaf or not value or not is_shared(shape, value):
        return LEAF
    node = {MEMBER: LEAF}
    if shape.sort == "struct":  # the most frequent, without the detour
        fields = shape.fields
        for name, item in value.items():
            part = fields.get(name, ANY)
            node["f:" + name] = LEAF if part.leaf or not item else whole(part, item)
    else:
        for key, part, item in children(shape, value):
            node[key] = whole(part, item)
    for name in shape.always:
        node.setdefault("f:" + name, LEAF)
    return node


def fresh(shape: Shape, value: dict[str, Any]) -> FieldSet:
    """Return the fields that a new object was given: `compare({}, value).set`, in less time."""
    node: FieldSet = {}
    for key, part, item in children(shape, value):
        if key[2:] not in shape.always:
            node[key] = whole(part, item)
        elif item:
            inner = LEAF if part.leaf else fresh(part, item)
            if inner or part.leaf:
                node[key] = inner
    return node


def _compare(shape: Shape, old: Any, new: Any) -> tuple[Node, Node, Node]:
    """Return added, modified and removed. ABSENT on one side: everything came or went."""
    if old is ABSENT:
        return whole(shape, new), None, None
    if new is ABSENT:
        return None, None, whole(shape, old)
    if old == new:
        return None, None, None
    shared_old, shared_new = is_shared(shape, old), is_shared(shape, new)
    if not (shared_old or shared_new) or (shape.sort == "any" and shared_old != shared_new):
        return None, LEAF, None
    return _compare_shared(shape, old if shared_old else None, new if shared_new else None)


def _compare_shared(shape: Shape, old: Any, new: Any) -> tuple[Node, Node, Node]:
    if shape.sort in ("keyed", "set"):
        return _compare_listed(shape, old, new)
    return _compare_named(shape, old or {}, new or {})


def _compare_named(shape: Shape, old: dict[str, Any], new: dict[str, Any]) -> tuple[Node, Node, Node]:
    added: FieldSet = {}
    modified: FieldSet = {}
    removed: FieldSet = {}
    parts: Mapping[str, Shape] = shape.fields if shape.sort == "struct" else {}
    other = ANY if shape.sort == "struct" else shape.item
    for name, item in new.items():
        was = old.get(name, None if name in shape.always else ABSENT)
        if (was == item and name in old) or (was is None and not item):
            continue
        _put("f:" + name, _compare(parts.get(name, other), was, item), added, modified, removed)
    for name, item in old.items():
        if name not in new:
            now = None if name in shape.always else ABSENT
            _put("f:" + name, _compare(parts.get(name, other), item, now), added, modified, removed)
    return added or None, modified or None, removed or None


def _compare_listed(shape: Shape, old: Any, new: Any) -> tuple[Node, Node, Node]:
    added: FieldSet = {}
    modified: FieldSet = {}
    removed: FieldSet = {}
    before = {key: (part, item) for key, part, item in children(shape, old)} if old else {}
    for key, part, item in children(shape, new) if new else ():
        had = before.pop(key, None)
        was = had[1] if had else ABSENT
        if had and had[0] is not part:
            part = ATOM
        if (was == item and had) or (was is None and not item):
            continue
        _put(key, _compare(part, was, item), added, modified, removed)
    for key, (part, item) in before.items():
        _put(key, _compare(part, item, ABSENT), added, modified, removed)
    return added or None, modified or None, removed or None


def _put(key: str, found: tuple[Node, Node, Node], *into: FieldSet) -> None:
    for node, target in zip(found, into, strict=True):
        if node is not None:
            target[key] = node


ATOM = Shape("atomic")
