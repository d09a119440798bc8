"""Quantities. Source: kube apiserver pkg/cel/library/quantity.go."""

from __future__ import annotations

from knarr.api import quantity
from knarr.api.cel.faults import CelError
from knarr.api.cel.lexer import INT_MAX
from knarr.api.cel.overloads import Functions, scan
from knarr.api.cel.values import Thing
from knarr.api.quantity import NANO, Quantity, QuantityError

QUANTITY = "kubernetes.Quantity"


def declare(functions: Functions) -> None:
    """Declare them."""
    add = functions.add
    add(f"quantity(string) -> {QUANTITY}", _quantity, cost=scan)
    add("isQuantity(string) -> bool", _is_quantity, cost=scan)
    add(f"({QUANTITY}).sign() -> int", lambda value: (value.held.nano > 0) - (value.held.nano < 0))
    add(f"({QUANTITY}).isInteger() -> bool", lambda value: _whole(value.held) is not None)
    add(f"({QUANTITY}).asInteger() -> int", _integer)
    add(f"({QUANTITY}).asApproximateFloat() -> double", lambda value: value.held.nano / NANO)
    add(f"({QUANTITY}).isGreaterThan({QUANTITY}) -> bool", lambda left, right: left.held > right.held)
    add(f"({QUANTITY}).isLessThan({QUANTITY}) -> bool", lambda left, right: left.held < right.held)
    add(f"({QUANTITY}).compareTo({QUANTITY}) -> int",
        lambda left, right: (left.held > right.held) - (left.held < right.held))
    add(f"({QUANTITY}).add({QUANTITY}) -> {QUANTITY}", lambda left, right: Thing(QUANTITY, left.held + right.held))
    add(f"({QUANTITY}).add(int) -> {QUANTITY}", lambda left, right: Thing(QUANTITY, left.held + Quantity(right * NANO)))
    add(f"({QUANTITY}).sub({QUANTITY}) -> {QUANTITY}", lambda left, right: Thing(QUANTITY, left.held - right.held))
    add(f"({QUANTITY}).sub(int) -> {QUANTITY}", lambda left, right: Thing(QUANTITY, left.held - Quantity(right * NANO)))


def _quantity(value: str) -> Thing:
    try:
        return Thing(QUANTITY, quantity.parse(value))
    except QuantityError as fault:
        raise CelError(str(fault)) from fault


def _is_quantity(value: str) -> bool:
    try:
        quantity.parse(value)
    except QuantityError:
        return False
    return True


def _whole(value: Quantity) -> int | None:
    whole, rest = divmod(value.nano, NANO)
    return None if rest or abs(whole) > INT_MAX else whole


def _integer(value: Thing) -> int:
    whole = _whole(value.held)
    if whole is None:
        raise CelError("cannot convert value to integer")
    return whole
