"""Know the functions that expressions may call: their types, what they do, and what they cost.

A cost is a function of the sizes of what goes in (characters, items, entries), and grows with them: given the greatest
sizes it says the most that a call can cost. Costs are Kubernetes'.
Source: cel-go checker/cost.go; kube apiserver pkg/cel/library/cost.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from knarr.api.cel import types
from knarr.api.cel.types import Type
from knarr.api.cel.values import NAMES, Thing

COST_MAX = (1 << 64) - 1  # what cannot be bounded
SIGNATURE = re.compile(r"(?:\((?P<receiver>.+?)\)\.)?(?P<name>[\w.@?:\[\]!&|=<>+\-*/%]+?)"
                       r"\((?P<parameters>.*)\) -> (?P<result>.+)")
Cost = Callable[[tuple[int, ...]], int]
Implementation = Callable[..., Any]


def tenth(count: int) -> int:
    """Return the cost of looking at a text once."""
    return (count + 9) // 10


def flat(_: tuple[int, ...]) -> int:
    """Cost the same whatever goes in."""
    return 1


def scan(sizes: tuple[int, ...]) -> int:
    """Look at the first value once."""
    return tenth(sizes[0])


def rewrite(sizes: tuple[int, ...]) -> int:
    """Look at the first value once, and make the result."""
    return tenth(2 * sizes[0])


def search(sizes: tuple[int, ...]) -> int:
    """Look for a regular expression in a text."""
    return tenth(sizes[0] + 1) * ((sizes[1] + 3) // 4)


def within(sizes: tuple[int, ...]) -> int:
    """Look for a text in a text."""
    return tenth(sizes[0]) * tenth(sizes[1])


def each(sizes: tuple[int, ...]) -> int:
    """Look at every item."""
    return sizes[0]


def pairs(sizes: tuple[int, ...]) -> int:
    """Hold every item of one list against every one of another."""
    return 1 + sizes[0] * sizes[1]


@dataclass(frozen=True, slots=True)
class Overload:
    """One way to call a function. member: the first parameter stands before the dot."""

    name: str
    member: bool
    parameters: tuple[Type, ...]
    result: Type
    run: Implementation | None
    cost: Cost = flat
    size: Cost | None = None

    def takes(self, values: tuple[Any, ...]) -> bool:
        """Say whether it can be called on some values."""
        return all(_is(wanted, value) for wanted, value in zip(self.parameters, values, strict=True))


class Functions:
    """All functions, by name, manner and count of values."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bool, int], list[Overload]] = {}
        self.names: set[tuple[str, bool]] = set()

    def add(self, signature: str, run: Implementation | None, *, cost: Cost = flat, size: Cost | None = None) -> None:
        """Declare `(string).find(string) -> string`, or `name(int) -> int`."""
        found = SIGNATURE.fullmatch(signature)
        assert found is not None, signature
        receiver = [found["receiver"]] if found["receiver"] else []
        texts = [*receiver, *types.split(found["parameters"])]
        row = Overload(found["name"], bool(receiver), tuple(types.read(one) for one in texts),
                       types.read(found["result"]), run, cost, size)
        self._known.setdefault((row.name, row.member, len(texts)), []).append(row)
        self.names.add((row.name, row.member))

    def find(self, name: str, count: int, *, member: bool) -> list[Overload]:
        """Return the ways to call a function with so many values."""
        return self._known.get((name, member, count)) or []


PYTHON: dict[str, type] = {**{name: kind for kind, name in NAMES.items()}, "null": type(None)}
PYTHON["timestamp"], PYTHON["duration"] = PYTHON["google.protobuf.Timestamp"], PYTHON["google.protobuf.Duration"]


def _is(wanted: Type, value: Any) -> bool:
    if wanted.parameter or wanted.dynamic:
        return True
    kind = PYTHON.get(wanted.name)
    if kind is None:
        return type(value) is Thing and value.type == wanted.name
    if type(value) is not kind:
        return False
    if isinstance(value, list) and value and not wanted.args[0].parameter:
        return _is(wanted.args[0], value[0])
    return True
