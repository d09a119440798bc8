"""Apply JSON patches.

As Kubernetes does, `replace` sets a key that is not there yet, and an index may count from the end (-1).
Source: RFC 6902; gopkg.in/evanphx/json-patch.v4; limits and the refusal from kube apiserver handlers/patch.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from knarr.api.errors import ApiError, Invalid, TooLarge
from knarr.api.gojson import too_deep

OPERATIONS_MAX = 10_000  # of one patch. Source: kube patch.go, maxJSONPatchOperations
COPY_BYTES_MAX = 3 * 1024 * 1024  # copied by one patch. Source: kube apiserver config, JSONPatchMaxCopyBytes
_INDEX = re.compile(r"0|-?[1-9][0-9]{0,8}", re.ASCII)
_MISSING = object()


class _Refused(Exception):
    """One operation cannot be done."""


def json_patch(original: dict[str, Any], operations: list[Any]) -> dict[str, Any]:
    """Apply the operations in order, all or none. Raises Invalid, or TooLarge.

    >>> json_patch({"a": [1, 2]}, [{"op": "add", "path": "/a/-", "value": 3}, {"op": "remove", "path": "/a/0"}])
    {'a': [2, 3]}
    """
    if len(operations) > OPERATIONS_MAX:
        raise TooLarge(f"The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {len(operations)}")
    state = _State(orjson.loads(orjson.dumps(original)))
    try:
        for operation in operations:
            state.apply(operation)
    except (_Refused, RecursionError, orjson.JSONEncodeError) as refused:  # the last two: moved ever deeper
        raise _rejected() from refused
    if not isinstance(state.document, dict) or too_deep(state.document):
        raise _rejected()
    return state.document


def _rejected() -> ApiError:
    return Invalid("the server rejected our request due to an error in our request")


class _State:
    """The document as far as patched, and how much was copied."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.copied_bytes = 0

    def apply(self, operation: Any) -> None:
        name = operation.get("op") if isinstance(operation, dict) else None
        does = self._operations().get(name) if isinstance(name, str) else None
        if does is None:
            raise _Refused(f"unknown operation {name}")
        does(operation)

    def _operations(self) -> dict[str, Callable[[dict[str, Any]], None]]:
        return {"add": self._add, "remove": self._remove, "replace": self._replace, "move": self._move,
                "copy": self._copy, "test": self._test}

    def _add(self, operation: dict[str, Any]) -> None:
        self._put(_path(operation, "path"), _value(operation))

    def _remove(self, operation: dict[str, Any]) -> None:
        self._take(_path(operation, "path"))

    def _replace(self, operation: dict[str, Any]) -> None:
        path, value = _path(operation, "path"), _value(operation)
        if not path:
            self.document = value
            return
        parent = self._at(path[:-1])
        if isinstance(parent, list):
            parent[_index(path[-1], len(parent) - 1)] = value
        elif isinstance(parent, dict):
            parent[path[-1]] = value
        else:
            raise _Refused(f"nothing to replace at {path}")

    def _move(self, operation: dict[str, Any]) -> None:
        source, target = _path(operation, "from"), _path(operation, "path")
        if source == target:
            self._at(source)
            return
        if target[:len(source)] == source:
            raise _Refused("an object cannot be moved into itself")
        self._put(target, self._take(source))

    def _copy(self, operation: dict[str, Any]) -> None:
        source = orjson.dumps(self._at(_path(operation, "from")))
        self.copied_bytes += len(source)
        if self.copied_bytes > COPY_BYTES_MAX:
            raise TooLarge(f"The allowed maximum of bytes copied by a JSON patch is {COPY_BYTES_MAX}")
        self._put(_path(operation, "path"), orjson.loads(source))

    def _test(self, operation: dict[str, Any]) -> None:
        wanted = operation.get("value")
        try:
            found = self._at(_path(operation, "path"))
        except _Refused:
            if wanted is not None:
                raise
            found = None
        if not same(found, wanted):
            raise _Refused("test failed")

    def _at(self, path: list[str]) -> Any:
        found = self.document
        for step in path:
            if isinstance(found, list):
                found = found[_index(step, len(found) - 1)]
            elif isinstance(found, dict) and step in found:
                found = found[step]
            else:
                raise _Refused(f"nothing at {step}")
        return found

    def _put(self, path: list[str], value: Any) -> None:
        if not path:
            self.document = value
            return
        parent = self._at(path[:-1])
        if isinstance(parent, list):
            parent.insert(len(parent) if path[-1] == "-" else _index(path[-1], len(parent)), value)
        elif isinstance(parent, dict):
            parent[path[-1]] = value
        else:
            raise _Refused(f"nothing can be added below {path[:-1]}")

    def _take(self, path: list[str]) -> Any:
        if not path:
            raise _Refused("the whole document cannot be removed")
        parent = self._at(path[:-1])
        if isinstance(parent, list):
            return parent.pop(_index(path[-1], len(parent) - 1))
        if isinstance(parent, dict) and path[-1] in parent:
            return parent.pop(path[-1])
        raise _Refused(f"nothing to remove at {path}")


def _path(operation: dict[str, Any], key: str) -> list[str]:
    """Split a JSON pointer. Source: RFC 6901."""
    pointer = operation.get(key)
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise _Refused(f"{key} is no pointer")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _value(operation: dict[str, Any]) -> Any:
    found = operation.get("value", _MISSING)
    if found is _MISSING:
        raise _Refused("a value is missing")
    return orjson.loads(orjson.dumps(found))


def _index(step: str, most: int) -> int:
    """Read an index, at most `most`; a negative one counts back from there."""
    index = int(step) if _INDEX.fullmatch(step) else most + 1
    index += most + 1 if index < 0 else 0
    if not 0 <= index <= most:
        raise _Refused(f"no index {step}")
    return index


def same(left: Any, right: Any) -> bool:
    """Compare as JSON does: true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)
