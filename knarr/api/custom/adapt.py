"""Bring JSON values into the form in which CEL rules see them: times, durations, bytes, escaped names.

Source: kube apiserver pkg/cel/common/values.go; pkg/cel/escaping.go.
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any

from knarr.api import cel
from knarr.api.custom.node import Node

TYPED = frozenset({"date-time", "date", "duration", "byte"})
RESERVED = frozenset({
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
    "loop", "package", "namespace", "return", "var", "void", "while",
})
MARKS = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
MARK = re.compile(r"__|[.\-/]")


def value(given: Any, node: Node, rule: str) -> Any:
    """Return a value as the rule sees it; the same one where nothing differs."""
    return _adapted(given, node, escaped="__" in rule)


def escape(name: str) -> str:
    """Return a property's name as an identifier."""
    return f"__{name}__" if name in RESERVED else MARK.sub(lambda found: MARKS[found[0]], name)


def _adapted(given: Any, node: Node, *, escaped: bool) -> Any:
    if isinstance(given, dict):
        made = {}
        for key, item in given.items():
            child = node.member(key)
            name = escape(key) if escaped and key in node.properties else key
            made[name] = item if child is None else _adapted(item, child, escaped=escaped)
        return made
    if isinstance(given, list):
        return given if node.items is None else [_adapted(item, node.items, escaped=escaped) for item in given]
    if isinstance(given, str) and node.raw.get("format") in TYPED:
        return _typed(given, node.raw["format"])
    if isinstance(given, int) and not isinstance(given, bool) and node.types == ("number",):
        return float(given)
    return given


def _typed(text: str, form: str) -> Any:
    try:
        if form == "byte":
            return b64decode(text)
        if form == "duration":
            return cel.span(text)
        return cel.moment(f"{text}T00:00:00Z" if form == "date" else text)
    except ValueError:
        return text  # the format's own check has said so

