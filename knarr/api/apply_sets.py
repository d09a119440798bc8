"""Calculate with sets of fields, in the very form in which `managedFields` shows them (FieldsV1).

A set is a trie: `{"f:spec": {"f:replicas": {}}}`. An empty node is a member; an inner node is a member if it holds ".".
The root is no path: there `{}` is the empty set. Keys: `f:<field>`, `k:<keys of a list's item>`, `v:<item of a set>`.
Nothing here changes its arguments; results may share parts with them.

Source: sigs.k8s.io/structured-merge-diff fieldpath/{set,serialize,element}.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import orjson

FieldSet: TypeAlias = dict[str, Any]
Path: TypeAlias = tuple[str, ...]
MEMBER: Final = "."
LEAF: Final[FieldSet] = {}
INNER: Final[FieldSet] = {MEMBER: LEAF}  # a leaf, written as an inner node


def union(one: FieldSet, other: FieldSet) -> FieldSet:
    """Return the paths of both.

    >>> union({"f:a": {"f:b": {}}}, {"f:a": {}})
    {'f:a': {'f:b': {}, '.': {}}}
    """
    merged = dict(one)
    for key, node in other.items():
        present = merged.get(key)
        merged[key] = node if present is None else _joined(present, node)
    return merged


def difference(one: FieldSet, other: FieldSet) -> FieldSet:
    """Return the paths of `one` that `other` lacks; a path of `other` takes nothing below it away.

    >>> difference({"f:a": {".": {}, "f:b": {}}}, {"f:a": {}})
    {'f:a': {'f:b': {}}}
    """
    return _without(one, other) or {}


def below(one: FieldSet, other: FieldSet) -> FieldSet:
    """Return the paths of `one` that neither are in `other` nor lie below one of its paths."""
    kept = {}
    for key, node in one.items():
        stop = other.get(key)
        if stop is None:
            kept[key] = node
        elif stop and MEMBER not in stop and key != MEMBER:
            rest = below(node or INNER, stop)
            if rest:
                kept[key] = _leaf(rest)
    return kept


def intersection(one: FieldSet, other: FieldSet) -> FieldSet:
    """Return the paths that stand in both."""
    return _common(one, other) or {}


def has(fields: FieldSet, path: Path) -> bool:
    """Say whether a path is a member."""
    node = fields
    for key in path:
        found = node.get(key)
        if found is None:
            return False
        node = found
    return not node or MEMBER in node


def paths(fields: FieldSet, start: Path = ()) -> Iterator[Path]:
    """Return every path: of each level its members first, then what lies deeper, both in order."""
    keys = sorted(key for key in fields if key != MEMBER)
    for key in keys:
        if not fields[key] or MEMBER in fields[key]:
            yield (*start, key)
    for key in keys:
        yield from paths(fields[key], (*start, key))


def of_path(path: Path) -> FieldSet:
    """Return the set of one path."""
    node = LEAF
    for key in reversed(path):
        node = {key: node}
    return node


def text(path: Path) -> str:
    """Write a path as Kubernetes does.

    >>> text(("f:spec", "f:containers", 'k:{"name":"c"}', "f:image"))
    '.spec.containers[name="c"].image'
    """
    return "".join(map(_step, path))


def item_key(keys: dict[str, Any]) -> str:
    """Return the trie's key of a list's item, told from others by `keys`, which are in order."""
    return "k:" + orjson.dumps(keys).decode()


def value_key(value: Any) -> str:
    """Return the trie's key of a set's item."""
    return "v:" + orjson.dumps(value).decode()


def sound(fields: Any) -> bool:
    """Say whether something a client sent has the form of a set."""
    if not isinstance(fields, dict):
        return False
    return all((key == MEMBER or key[:2] in ("f:", "k:", "v:", "i:")) and sound(node) for key, node in fields.items())


def _step(key: str) -> str:
    sort, rest = key[:2], key[2:]
    if sort == "f:":
        return "." + rest
    if sort == "k:":
        pairs = orjson.loads(rest).items()
        return "[" + ",".join(f"{name}={orjson.dumps(value).decode()}" for name, value in pairs) + "]"
    return f"[={rest}]" if sort == "v:" else f"[{rest}]"


def _joined(one: FieldSet, other: FieldSet) -> FieldSet:
    if one == other:
        return one
    return union(one or INNER, other or INNER)


def _without(one: FieldSet, other: FieldSet) -> FieldSet | None:
    kept = {}
    for key, node in one.items():
        gone = other.get(key)
        if gone is None:
            kept[key] = node
        elif key != MEMBER:
            rest = _without(node or INNER, gone or INNER)
            if rest is not None:
                kept[key] = rest
    return _leaf(kept) if kept else None


def _common(one: FieldSet, other: FieldSet) -> FieldSet | None:
    kept = {}
    for key, node in one.items():
        same = other.get(key)
        if same is None:
            continue
        rest = LEAF if key == MEMBER else _common(node or INNER, same or INNER)
        if rest is not None:
            kept[key] = rest
    return _leaf(kept) if kept else None


def _leaf(node: FieldSet) -> FieldSet:
    return LEAF if len(node) == 1 and MEMBER in node else node
