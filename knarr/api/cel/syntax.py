"""The tree of a parsed expression. `at` is where a node's fault is shown, in characters from the start.

Macros stand as one node each; what they cost is that of the loop that CEL's own form makes of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Expr:
    """Any expression."""

    at: int


@dataclass(frozen=True, slots=True, eq=False)
class Literal(Expr):
    """A constant."""

    value: Any


@dataclass(frozen=True, slots=True, eq=False)
class Ident(Expr):
    """A variable, or a type's name."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Select(Expr):
    """`operand.field`; test: `has(operand.field)`; optional: `operand.?field`."""

    operand: Expr
    field: str
    test: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Call(Expr):
    """`name(args)` or `target.name(args)`; operators too, by CEL's own names."""

    name: str
    target: Expr | None
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ListExpr(Expr):
    """`[a, ?b]`; optional: the numbers of the items that may be absent."""

    items: tuple[Expr, ...]
    optional: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class MapExpr(Expr):
    """`{k: v}`."""

    entries: tuple[tuple[Expr, Expr], ...]
    optional: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Message(Expr):
    """`Name{field: value}`."""

    name: str
    entries: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Loop(Expr):
    """A macro over a list or map. sort: all, exists, exists_one, map, filter, transformList, transformMap or
    transformMapEntry. names: one or two variables. test: absent where all items count. body: absent for the tests."""

    sort: str
    source: Expr
    names: tuple[str, ...]
    test: Expr | None = None
    body: Expr | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Bind(Expr):
    """`cel.bind(name, value, body)`."""

    name: str
    value: Expr
    body: Expr


@dataclass(frozen=True, slots=True, eq=False)
class OptMap(Expr):
    """`source.optMap(name, body)`; flat: `optFlatMap`."""

    source: Expr
    name: str
    body: Expr
    flat: bool


def children(node: Expr) -> tuple[Expr, ...]:
    """Return the expressions right below one."""
    match node:
        case Select():
            return (node.operand,)
        case Call():
            return (*((node.target,) if node.target is not None else ()), *node.args)
        case ListExpr():
            return node.items
        case MapExpr():
            return tuple(one for entry in node.entries for one in entry)
        case Message():
            return tuple(value for _, value in node.entries)
        case Loop():
            return (node.source, *(one for one in (node.test, node.body) if one is not None))
        case Bind():
            return (node.value, node.body)
        case OptMap():
            return (node.source, node.body)
    return ()


def mentions(node: Expr, name: str) -> bool:
    """Say whether a variable is used."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Ident) and one.name == name:
            return True
        waiting += children(one)
    return False
