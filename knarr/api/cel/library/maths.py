"""Numbers. Source: cel-go ext/math.go."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from knarr.api.cel.faults import CelError
from knarr.api.cel.library.operators import unsigned, whole
from knarr.api.cel.overloads import Functions, each
from knarr.api.cel.values import Uint, order

VALUES_MAX = 8  # that greatest and least take, but for a list
NUMBERS = ("int", "uint", "double")


def declare(functions: Functions) -> None:
    """Declare them."""
    add = functions.add
    for name, sign in (("greatest", 1), ("least", -1)):
        choose = _chooser(sign)
        for count in range(1, VALUES_MAX + 1):
            if count != 1:
                add(f"math.{name}({', '.join(['dyn'] * count)}) -> dyn", choose)
        for number in NUMBERS:
            add(f"math.{name}({number}) -> {number}", choose)
            add(f"math.{name}(list<{number}>) -> {number}", lambda values, choose=choose: choose(*values), cost=each)
    for name, run in (("ceil", math.ceil), ("floor", math.floor), ("trunc", math.trunc), ("round", _round)):
        add(f"math.{name}(double) -> double",
            lambda value, run=run: float(run(value)) if math.isfinite(value) else value)
    for name, test in (("isNaN", math.isnan), ("isInf", math.isinf), ("isFinite", math.isfinite)):
        add(f"math.{name}(double) -> bool", test)
    for number in NUMBERS:
        add(f"math.abs({number}) -> {number}", _abs)
        add(f"math.sign({number}) -> {number}", lambda value: type(value)((value > 0) - (value < 0)))
        add(f"math.sqrt({number}) -> double", lambda value: math.sqrt(value) if value >= 0 else math.nan)
    for number, bound in (("int", _signed), ("uint", _masked)):
        _bits(functions, number, bound)


def _bits(functions: Functions, number: str, bound: Callable[[int], int]) -> None:
    add = functions.add
    add(f"math.bitAnd({number}, {number}) -> {number}", lambda left, right: bound(int(left) & int(right)))
    add(f"math.bitOr({number}, {number}) -> {number}", lambda left, right: bound(int(left) | int(right)))
    add(f"math.bitXor({number}, {number}) -> {number}", lambda left, right: bound(int(left) ^ int(right)))
    add(f"math.bitNot({number}) -> {number}", lambda value: bound(~int(value)))
    add(f"math.bitShiftLeft({number}, int) -> {number}",
        lambda value, count: bound(int(value) << _count(count) if count < 64 else 0))
    add(f"math.bitShiftRight({number}, int) -> {number}",
        lambda value, count: bound((int(value) & (1 << 64) - 1) >> _count(count) if count < 64 else 0))


def _count(count: int) -> int:
    if count < 0:
        raise CelError(f"math.bitShift() negative offset: {count}")
    return count


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _masked(value: int) -> Uint:
    return Uint(value & (1 << 64) - 1)


def _chooser(sign: int) -> Callable[..., Any]:
    def choose(*values: Any) -> Any:
        if not values:
            raise CelError("math.@max(list) argument must not be empty" if sign > 0
                           else "math.@min(list) argument must not be empty")
        best = values[0]
        for value in values[1:]:
            best = value if order(value, best) == sign else best
        return best
    return choose


def _round(value: float) -> float:
    return math.copysign(math.floor(abs(value) + 0.5), value)


def _abs(value: Any) -> Any:
    if isinstance(value, Uint):
        return unsigned(value)
    return abs(value) if isinstance(value, float) else whole(abs(value))
