"""Read JSON; say what is wrong with it in the words of Go's scanner, which clients and people know.

Source: Go encoding/json scanner.go.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

_SPACE = " \t\r\n"
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"')
_STRING_HEAD = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_LITERALS = ("true", "false", "null")
END = "unexpected end of JSON input"
DEPTH_MAX = 200  # levels: no object needs as many, and what walks or writes them may recurse
TOO_DEEP = "exceeded max depth"


def load(body: bytes) -> Any:
    """Parse a JSON text. Raises ValueError with the text's fault."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        raise ValueError(json_fault(body) or str(fault)) from fault
    if body.count(b"{") + body.count(b"[") > DEPTH_MAX and too_deep(value):
        raise ValueError(TOO_DEEP)
    return value


def too_deep(value: Any) -> bool:
    """Say whether a value nests deeper than DEPTH_MAX. Walks level by level, without recursion."""
    level = [value]
    for _ in range(DEPTH_MAX + 1):
        level = [item for outer in level if isinstance(outer, dict | list)
                 for item in (outer.values() if isinstance(outer, dict) else outer)]
        if not level:
            return False
    return True


def json_fault(body: bytes) -> str:
    """Return the fault of a text, empty if it has none."""
    text = body.decode("utf-8", errors="replace")
    try:
        end = _value(text, _skip(text, 0), 0)
        end = _skip(text, end)
        if end < len(text):
            return _invalid(text, end, "after top-level value")
    except _Fault as fault:
        return str(fault)
    return ""


class _Fault(Exception):
    """Stops the scan with its message."""


def _invalid(text: str, at: int, where: str) -> str:
    if at >= len(text):
        return END
    mark = {"'": r"'\''", '"': "'\"'"}.get(text[at]) or repr(text[at])
    return f"invalid character {mark} {where}"


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _value(text: str, at: int, depth: int) -> int:
    if at >= len(text):
        raise _Fault(END)
    if depth > DEPTH_MAX:
        raise _Fault(TOO_DEEP)
    mark = text[at]
    if mark == "{":
        return _members(text, _skip(text, at + 1), depth)
    if mark == "[":
        return _items(text, _skip(text, at + 1), depth)
    if mark == '"':
        return _string(text, at)
    if mark == "-" or mark.isdigit():
        return _number(text, at)
    word = next((word for word in _LITERALS if word[0] == mark), "")
    if not word:
        raise _Fault(_invalid(text, at, "looking for beginning of value"))
    return _literal(text, at, word)


def _members(text: str, at: int, depth: int) -> int:
    if text[at:at + 1] == "}":
        return at + 1
    while True:
        if text[at:at + 1] != '"':
            raise _Fault(_invalid(text, at, "looking for beginning of object key string"))
        at = _skip(text, _string(text, at))
        if text[at:at + 1] != ":":
            raise _Fault(_invalid(text, at, "after object key"))
        at = _skip(text, _value(text, _skip(text, at + 1), depth + 1))
        if text[at:at + 1] == "}":
            return at + 1
        if text[at:at + 1] != ",":
            raise _Fault(_invalid(text, at, "after object key:value pair"))
        at = _skip(text, at + 1)


def _items(text: str, at: int, depth: int) -> int:
    if text[at:at + 1] == "]":
        return at + 1
    while True:
        at = _skip(text, _value(text, at, depth + 1))
        if text[at:at + 1] == "]":
            return at + 1
        if text[at:at + 1] != ",":
            raise _Fault(_invalid(text, at, "after array element"))
        at = _skip(text, at + 1)


def _string(text: str, at: int) -> int:
    match = _STRING.match(text, at)
    if match:
        return match.end()
    head = _STRING_HEAD.match(text, at)
    assert head is not None
    end = head.end()
    if text[end:end + 1] == "\\":
        where = r"in \u hexadecimal character escape" if text[end + 1:end + 2] == "u" else "in string escape code"
        step = re.compile("[0-9a-fA-F]*").match(text, end + 2) if where.startswith(r"in \u") else None
        raise _Fault(_invalid(text, step.end() if step else end + 1, where))
    raise _Fault(_invalid(text, end, "in string literal"))


def _number(text: str, at: int) -> int:
    match = _NUMBER.match(text, at)
    if match is None:
        raise _Fault(_invalid(text, at + 1, "in numeric literal"))
    return match.end()


def _literal(text: str, at: int, word: str) -> int:
    for offset, wanted in enumerate(word):
        if text[at + offset:at + offset + 1] != wanted:
            raise _Fault(_invalid(text, at + offset, f"in literal {word} (expecting '{wanted}')"))
    return at + len(word)
