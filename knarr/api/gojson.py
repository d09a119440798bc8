"""Say what is wrong with a JSON text in the words of Go's scanner, which clients and people know.

Source: Go encoding/json scanner.go.
"""

from __future__ import annotations

import re

_SPACE = " \t\r\n"
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"')
_STRING_HEAD = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_LITERALS = ("true", "false", "null")
END = "unexpected end of JSON input"
DEPTH_MAX = 200  # levels: beyond them any text is refused before this is asked


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
        raise _Fault("exceeded max depth")
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
