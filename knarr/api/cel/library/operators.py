"""Arithmetic, comparison and membership. The evaluator calls these functions straight away.

Source: CEL language definition, Standard Definitions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import permutations
from typing import Any

from knarr.api.cel.faults import CelError, NoOverload
from knarr.api.cel.lexer import INT_MAX, UINT_MAX
from knarr.api.cel.overloads import Functions
from knarr.api.cel.values import Moment, Optional, Span, Uint, equal, order

NUMBERS = ("int", "uint", "double")
ORDERED = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")


def whole(number: int) -> int:
    """Return an int of 64 bits; raises CelError."""
    if not -INT_MAX - 1 <= number <= INT_MAX:
        raise CelError("integer overflow")
    return number


def unsigned(number: int) -> Uint:
    """Return an unsigned int of 64 bits; raises CelError."""
    if not 0 <= number <= UINT_MAX:
        raise CelError("unsigned integer overflow")
    return Uint(number)


def add(left: Any, right: Any) -> Any:
    """`left + right`."""
    kind, other = type(left), type(right)
    if kind is other:
        if kind is int:
            return whole(left + right)
        if kind in (float, str, bytes, list):
            return left + right
        if kind is Uint:
            return unsigned(int(left) + int(right))
        if kind is Span:
            return Span.of(left.ns + right.ns)
    if {kind, other} == {Moment, Span}:
        return Moment.of(left.ns + right.ns)
    raise NoOverload


def subtract(left: Any, right: Any) -> Any:
    """`left - right`."""
    kind, other = type(left), type(right)
    if kind is other:
        if kind is int:
            return whole(left - right)
        if kind is float:
            return left - right
        if kind is Uint:
            return unsigned(int(left) - int(right))
        if kind in (Span, Moment):
            return Span.of(left.ns - right.ns)
    if kind is Moment and other is Span:
        return Moment.of(left.ns - right.ns)
    raise NoOverload


def multiply(left: Any, right: Any) -> Any:
    """`left * right`."""
    kind = type(left)
    if kind is type(right):
        if kind is int:
            return whole(left * right)
        if kind is float:
            return left * right
        if kind is Uint:
            return unsigned(int(left) * int(right))
    raise NoOverload


def divide(left: Any, right: Any) -> Any:
    """`left / right`, towards zero."""
    kind = type(left)
    if kind is not type(right) or kind not in (int, float, Uint):
        raise NoOverload
    if kind is float:
        return _quotient(left, right)
    if right == 0:
        raise CelError("division by zero")
    result = abs(int(left)) // abs(int(right))
    return Uint(result) if kind is Uint else whole(result if (left < 0) == (right < 0) else -result)


def _quotient(left: float, right: float) -> float:
    if right:
        return left / right
    return math.nan if not left or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1, right)


def modulo(left: Any, right: Any) -> Any:
    """`left % right`, with the sign of the left."""
    kind = type(left)
    if kind is not type(right) or kind not in (int, Uint):
        raise NoOverload
    if right == 0:
        raise CelError("modulus by zero")
    result = abs(int(left)) % abs(int(right))
    return Uint(result) if kind is Uint else (-result if left < 0 else result)


def negative(value: Any) -> Any:
    """`-value`."""
    if type(value) is int:
        return whole(-value)
    if type(value) is float:
        return -value
    raise NoOverload


def contained(value: Any, found: Any) -> bool:
    """`value in found`."""
    if type(found) is dict:
        return isinstance(value, str | bool | int | float) and value in found
    if type(found) is list:
        return any(equal(value, one) for one in found)
    raise NoOverload


def item(held: Any, key: Any) -> Any:
    """`held[key]`; raises CelError where there is none."""
    if type(held) is Optional:
        return maybe(held, key)
    if type(held) is dict:
        try:
            return held[key]
        except (KeyError, TypeError):
            raise CelError(f"no such key: {key}") from None
    if type(held) is not list:
        raise NoOverload
    if type(key) is float and key.is_integer():
        key = int(key)
    if type(key) not in (int, Uint):
        raise NoOverload
    if not 0 <= key < len(held):
        raise CelError(f"index out of bounds: {key}")
    return held[key]


def maybe(held: Any, key: Any) -> Optional:
    """`held[?key]`."""
    if type(held) is Optional:
        return maybe(held.value, key) if held.there else held
    try:
        return Optional(True, item(held, key))
    except NoOverload:
        raise
    except CelError:
        return Optional()


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "_<_": lambda left, right: order(left, right) == -1,
    "_<=_": lambda left, right: order(left, right) in (-1, 0),
    "_>_": lambda left, right: order(left, right) == 1,
    "_>=_": lambda left, right: order(left, right) in (0, 1),
    "_==_": equal,
    "_!=_": lambda left, right: not equal(left, right),
}
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    **COMPARE, "_+_": add, "_-_": subtract, "_*_": multiply, "_/_": divide, "_%_": modulo, "@in": contained,
    "_[_]": item, "_[?_]": maybe,
}


def _shorter(sizes: tuple[int, ...]) -> int:
    return (min(sizes) + 9) // 10


def _together(sizes: tuple[int, ...]) -> int:
    return (sum(sizes) + 9) // 10


def declare(functions: Functions) -> None:
    """Declare the operators."""
    add_, total = functions.add, sum
    for name in ("_<_", "_<=_", "_>_", "_>=_"):
        for one in ORDERED:
            sized = one in ("string", "bytes")
            add_(f"{name}({one}, {one}) -> bool", None, **({"cost": _shorter} if sized else {}))
        for one, other in permutations(NUMBERS, 2):
            add_(f"{name}({one}, {other}) -> bool", None)
    for name in ("_==_", "_!=_"):
        add_(f"{name}(A, A) -> bool", None, cost=_shorter)
    for one in NUMBERS:
        for name in ("_+_", "_-_", "_*_", "_/_"):
            add_(f"{name}({one}, {one}) -> {one}", None)
    for one in ("int", "uint"):
        add_(f"_%_({one}, {one}) -> {one}", None)
    for one in ("string", "bytes"):
        add_(f"_+_({one}, {one}) -> {one}", None, cost=_together, size=total)
    add_("_+_(list<A>, list<A>) -> list<A>", None, size=total)
    for name in ("_+_", "_-_"):
        add_(f"{name}(duration, duration) -> duration", None)
        add_(f"{name}(timestamp, duration) -> timestamp", None)
    add_("_+_(duration, timestamp) -> timestamp", None)
    add_("_-_(timestamp, timestamp) -> duration", None)
    for one in ("int", "double"):
        add_(f"-_({one}) -> {one}", negative)
    add_("!_(bool) -> bool", None)
    for name in ("_&&_", "_||_"):
        add_(f"{name}(bool, bool) -> bool", None)
    add_("_?_:_(bool, A, A) -> A", None)
    add_("@in(A, list<A>) -> bool", None, cost=lambda sizes: sizes[1])
    add_("@in(A, map<A, B>) -> bool", None)
    add_("_[_](list<A>, int) -> A", None)
    add_("_[_](map<A, B>, A) -> B", None)
    add_("_[_](optional<list<A>>, int) -> optional<A>", None)
    add_("_[_](optional<map<A, B>>, A) -> optional<B>", None)
    for held in ("list<A>", "optional<list<A>>"):
        add_(f"_[?_]({held}, int) -> optional<A>", None)
    for held in ("map<A, B>", "optional<map<A, B>>"):
        add_(f"_[?_]({held}, A) -> optional<B>", None)
