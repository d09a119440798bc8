"""Lists as sets. Source: cel-go ext/sets.go."""

from __future__ import annotations

from typing import Any

from knarr.api.cel.library.operators import contained
from knarr.api.cel.overloads import Functions, pairs


def declare(functions: Functions) -> None:
    """Declare them."""
    functions.add("sets.contains(list<A>, list<A>) -> bool", _contains, cost=pairs)
    functions.add("sets.intersects(list<A>, list<A>) -> bool", _intersects, cost=pairs)
    functions.add("sets.equivalent(list<A>, list<A>) -> bool",
                  lambda left, right: _contains(left, right) and _contains(right, left),
                  cost=lambda sizes: 1 + 2 * sizes[0] * sizes[1])


def _contains(whole: list[Any], part: list[Any]) -> bool:
    return all(contained(one, whole) for one in part)


def _intersects(left: list[Any], right: list[Any]) -> bool:
    return any(contained(one, right) for one in left)
