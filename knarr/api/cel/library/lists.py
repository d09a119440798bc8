"""Lists. Source: kube apiserver pkg/cel/library/lists.go; cel-go ext/lists.go."""

from __future__ import annotations

import itertools
from functools import cmp_to_key, reduce
from typing import Any

from knarr.api.cel.faults import CelError, NoOverload
from knarr.api.cel.library.operators import add
from knarr.api.cel.overloads import Functions, each
from knarr.api.cel.values import Span, equal, order

RANGE_MAX = 1_000_000  # items that lists.range makes
SUMS = {"int": 0, "uint": 0, "double": 0.0, "duration": Span(0)}
SORT_BY = "@sortByAssociatedKeys"  # what the macro `sortBy` calls, under a name that no expression can say
ORDERED = ("int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes")


def declare(functions: Functions) -> None:
    """Declare them."""
    put = functions.add
    for one in ORDERED:
        put(f"(list<{one}>).isSorted() -> bool", _is_sorted, cost=each)
        put(f"(list<{one}>).min() -> {one}", lambda items: _extreme(items, -1, "min"), cost=each)
        put(f"(list<{one}>).max() -> {one}", lambda items: _extreme(items, 1, "max"), cost=each)
        put(f"(list<{one}>).sort() -> list<{one}>", lambda items: sorted(items, key=cmp_to_key(order)), cost=each,
            size=lambda sizes: sizes[0])
        put(f"(list<A>).{SORT_BY}(list<{one}>) -> list<A>", _sort_by, cost=each, size=lambda sizes: sizes[0])
    for one, zero in SUMS.items():
        put(f"(list<{one}>).sum() -> {one}", lambda items, zero=zero: _sum(items, zero), cost=each)
    put("(list<A>).indexOf(A) -> int", _index, cost=each)
    put("(list<A>).lastIndexOf(A) -> int", _last_index, cost=each)
    put("(list<A>).slice(int, int) -> list<A>", _slice, cost=each, size=lambda sizes: sizes[0])
    put("(list<A>).reverse() -> list<A>", lambda items: items[::-1], cost=each, size=lambda sizes: sizes[0])
    put("(list<A>).distinct() -> list<A>", _distinct, cost=lambda sizes: sizes[0] * sizes[0],
        size=lambda sizes: sizes[0])
    put("(list<A>).flatten() -> list<dyn>", lambda items: _flatten(items, 1), cost=each)
    put("(list<A>).flatten(int) -> list<dyn>", _flatten, cost=each)
    put("lists.range(int) -> list<int>", _range)


def _is_sorted(items: list[Any]) -> bool:
    return all(order(left, right) != 1 for left, right in itertools.pairwise(items))


def _sort_by(items: list[Any], keys: list[Any]) -> list[Any]:
    """Sort a list by what the macro has computed for each item; equal ones keep their order."""
    by_key = cmp_to_key(order)
    return [item for _, item in sorted(zip(keys, items, strict=True), key=lambda pair: by_key(pair[0]))]


def _extreme(items: list[Any], sign: int, name: str) -> Any:
    if not items:
        raise CelError(f"{name} called on empty list")
    return reduce(lambda best, one: one if order(one, best) == sign else best, items)


def _sum(items: list[Any], zero: Any) -> Any:
    return reduce(add, items) if items else zero


def _index(items: list[Any], item: Any) -> int:
    return next((number for number, one in enumerate(items) if equal(one, item)), -1)


def _last_index(items: list[Any], item: Any) -> int:
    return next((number for number in range(len(items) - 1, -1, -1) if equal(items[number], item)), -1)


def _slice(items: list[Any], start: int, end: int) -> list[Any]:
    if start < 0 or end < 0:
        raise CelError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise CelError(f"cannot slice({start}, {end}), start index must be less than or equal to end index")
    if end > len(items):
        raise CelError(f"cannot slice({start}, {end}), list is length {len(items)}")
    return items[start:end]


def _distinct(items: list[Any]) -> list[Any]:
    found: list[Any] = []
    for one in items:
        if _index(found, one) < 0:
            found.append(one)
    return found


def _flatten(items: list[Any], depth: int) -> list[Any]:
    if depth < 0:
        raise CelError("level must be non-negative")
    flat: list[Any] = []
    for one in items:
        flat += _flatten(one, depth - 1) if isinstance(one, list) and depth else [one]
    return flat


def _range(count: int) -> list[int]:
    if count > RANGE_MAX:
        raise NoOverload
    return list(range(count))
