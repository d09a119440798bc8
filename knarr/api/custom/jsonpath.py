"""Read the JSON paths of printer columns: members, indexes, `[*]`, and filters like `[?(@.type=="Ready")]`.

Source: client-go util/jsonpath, of which this is what columns use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

KEPT_MAX = 4096  # parsed paths
TOKEN = re.compile(
    r"""\.?\[\?\(\s*@(?P<left>[^=!<>]*?)\s*(?P<sign>==|!=)\s*(?P<right>"[^"]*"|'[^']*'|[\w.+-]+)\s*\)\]"""
    r"""|\.?\[(?P<number>-?\d+)\]"""
    r"""|\.?\[(?P<every>\*)\]|\.(?P<star>\*)"""
    r"""|\.?\[(?P<quoted>'[^']*'|"[^"]*")\]"""
    r"""|\.(?P<name>(?:\\.|[^.\[\]\\])+)""")


class BadPath(ValueError):
    """The text is no path that we read."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Choose the items of a list by what a path below them holds."""

    path: tuple[Any, ...]
    equal: bool
    value: Any


EVERY = ("*",)
Step = str | int | tuple[str] | Filter


@lru_cache(maxsize=KEPT_MAX)
def parse(text: str) -> tuple[Step, ...]:
    """Return the steps of a path; raises BadPath."""
    text = text.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    steps: list[Step] = []
    at = 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise BadPath(f"unrecognized character in the path at {text[at:at + 20]}")
        steps.append(_step(found))
        at = found.end()
    return tuple(steps)


def find(obj: Any, path: str) -> list[Any]:
    """Return every value that a path leads to; none for a path that cannot be read."""
    try:
        return list(_walk(obj, parse(path)))
    except BadPath:
        return []


def _step(found: re.Match[str]) -> Step:
    if found["sign"]:
        return Filter(parse(found["left"]), found["sign"] == "==", _literal(found["right"]))
    if found["number"]:
        return int(found["number"])
    if found["every"] or found["star"]:
        return EVERY
    if found["quoted"]:
        return str(found["quoted"][1:-1])
    return re.sub(r"\\(.)", r"\1", found["name"])


def _literal(text: str) -> Any:
    if text[0] in "\"'":
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text


def _walk(value: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    if not steps:
        yield value
        return
    for item in _taken(value, steps[0]):
        yield from _walk(item, steps[1:])


def _taken(value: Any, step: Step) -> list[Any]:
    """Return what one step leads to."""
    if isinstance(step, str):
        return [value[step]] if isinstance(value, dict) and step in value else []
    if isinstance(step, int):
        return [value[step]] if isinstance(value, list) and -len(value) <= step < len(value) else []
    members = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if isinstance(step, Filter):
        return [item for item in members if _chosen(item, step)]
    return members


def _chosen(item: Any, choice: Filter) -> bool:
    found = list(_walk(item, choice.path))
    return bool(found) and (found[0] == choice.value) == choice.equal
