"""Sizes, conversions, types and optionals. Source: CEL language definition; cel-go cel/library.go."""

from __future__ import annotations

import math
import re
from base64 import b64decode, b64encode
from decimal import Decimal
from typing import Any

from knarr.api.cel.faults import CelError, NoOverload
from knarr.api.cel.library.operators import unsigned, whole
from knarr.api.cel.overloads import Functions, scan
from knarr.api.cel.values import (
    NS,
    Moment,
    Optional,
    Span,
    TypeName,
    Uint,
    moment,
    moment_text,
    span,
    span_text,
    type_name,
)

NONE = Optional()
DECIMAL = re.compile(r"[+-]?[0-9]+", re.ASCII)
DIGITS_MAX = 4000  # of a number in a text; more cannot be meant, and Python reads no more than 4300


def declare(functions: Functions) -> None:
    """Declare them."""
    add = functions.add
    for sized in ("string", "bytes", "list<A>", "map<A, B>"):
        add(f"size({sized}) -> int", len)
        add(f"({sized}).size() -> int", len)
    add("type(A) -> type<A>", lambda value: TypeName(type_name(value)))
    add("dyn(A) -> dyn", lambda value: value)
    _numbers(functions)
    _texts(functions)
    _optionals(functions)


def _numbers(functions: Functions) -> None:
    add = functions.add
    for one in ("int", "uint", "double", "string", "timestamp", "duration"):
        add(f"int({one}) -> int", _int)
    for one in ("int", "uint", "double", "string"):
        add(f"uint({one}) -> uint", _uint)
        add(f"double({one}) -> double", _double)
    add("bool(bool) -> bool", lambda value: value)
    add("bool(string) -> bool", _bool)


def _texts(functions: Functions) -> None:
    add = functions.add
    for one in ("int", "uint", "double", "bool", "timestamp", "duration"):
        add(f"string({one}) -> string", text)
    add("string(string) -> string", text, size=lambda sizes: sizes[0])
    add("string(bytes) -> string", text, cost=scan, size=lambda sizes: sizes[0])
    add("bytes(bytes) -> bytes", lambda value: value, size=lambda sizes: sizes[0])
    add("bytes(string) -> bytes", str.encode, cost=scan, size=lambda sizes: 4 * sizes[0])
    add("timestamp(string) -> timestamp", lambda value: _read(moment, value))
    add("timestamp(int) -> timestamp", lambda value: Moment.of(value * NS))
    add("timestamp(timestamp) -> timestamp", lambda value: value)
    add("duration(string) -> duration", lambda value: _read(span, value))
    add("duration(int) -> duration", lambda value: Span.of(value * NS))
    add("duration(duration) -> duration", lambda value: value)
    add("base64.encode(bytes) -> string", lambda value: b64encode(value).decode(), cost=scan,
        size=lambda sizes: sizes[0] * 4 // 3 + 4)
    add("base64.decode(string) -> bytes", _unbase64, cost=scan, size=lambda sizes: sizes[0])


def _optionals(functions: Functions) -> None:
    add = functions.add
    add("optional.of(A) -> optional<A>", lambda value: Optional(True, value), size=lambda sizes: sizes[0])
    add("optional.ofNonZeroValue(A) -> optional<A>", lambda value: Optional(True, value) if _there(value) else NONE)
    add("optional.none() -> optional<A>", lambda: NONE)
    add("(optional<A>).hasValue() -> bool", lambda value: value.there)
    add("(optional<A>).value() -> A", _value)
    add("(optional<A>).orValue(A) -> A", lambda value, other: value.value if value.there else other)
    add("(optional<A>).or(optional<A>) -> optional<A>", lambda value, other: value if value.there else other)


def text(value: Any) -> str:
    """Write a value as `string(value)` does; raises CelError."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case float():
            return shortest(value)
        case int():
            return str(int(value))
        case Moment():
            return moment_text(value)
        case Span():
            return span_text(value)
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError as fault:
                raise CelError("invalid UTF-8 in bytes, cannot convert to string") from fault
    raise NoOverload


def shortest(value: float) -> str:
    """Write a number as Go's %g does: with an exponent from a million on."""
    if not math.isfinite(value) or 1e-4 <= abs(value) < 1e6 or not value:
        return double_text(value)
    found = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(found.exponent, int)
    first, rest = str(found.digits[0]), "".join(map(str, found.digits[1:]))
    power = found.exponent + len(rest)
    return f"{'-' if found.sign else ''}{first}{'.' + rest if rest else ''}e{power:+03d}"


def double_text(value: float) -> str:
    """Write a number without an exponent, where that is not absurd."""
    if math.isinf(value) or math.isnan(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    if value == 0 or 1e-4 <= abs(value) < 1e21:
        shown = f"{value:.17f}".rstrip("0").rstrip(".") if value.is_integer() else repr(value)
        return shown or "0"
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent):+03d}"


def _int(value: Any) -> int:
    if isinstance(value, Moment):
        return value.ns // NS
    if isinstance(value, Span):
        return value.ns
    if isinstance(value, float) and (math.isnan(value) or math.isinf(value)):
        raise CelError("integer overflow")
    return whole(_digits(value, "ParseInt") if isinstance(value, str) else int(value))


def _uint(value: Any) -> Uint:
    if isinstance(value, str):
        return unsigned(_digits(value, "ParseUint"))
    if isinstance(value, float) and (math.isnan(value) or math.isinf(value) or value < 0):
        raise CelError("unsigned integer overflow")
    return unsigned(int(value))


def _digits(value: str, reader: str) -> int:
    """Read a decimal number as Go does: without the spaces, underscores and scripts that Python lets pass."""
    if not DECIMAL.fullmatch(value) or (reader == "ParseUint" and not value[0].isdigit()):
        raise CelError(f'strconv.{reader}: parsing "{value}": invalid syntax')
    if len(value) > DIGITS_MAX:
        raise CelError(f'strconv.{reader}: parsing "{value}": value out of range')
    return int(value)


def _double(value: Any) -> float:
    try:
        if isinstance(value, str) and not (value.isascii() and value == value.strip()):
            raise ValueError(value)
        return float(value)
    except ValueError as fault:
        raise CelError(f'strconv.ParseFloat: parsing "{value}": invalid syntax') from fault


def _bool(value: str) -> bool:
    if value in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if value in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise CelError(f'strconv.ParseBool: parsing "{value}": invalid syntax')


def _read(reader: Any, value: str) -> Any:
    try:
        return reader(value)
    except ValueError as fault:
        raise CelError(str(fault)) from fault


def _unbase64(value: str) -> bytes:
    try:
        return b64decode(value + "=" * (-len(value) % 4), validate=True)
    except ValueError as fault:  # not ASCII, or not base64
        raise CelError("illegal base64 data") from fault


def _value(value: Optional) -> Any:
    if not value.there:
        raise CelError("optional.none() dereference")
    return value.value


def _there(value: Any) -> bool:
    return bool(value.ns) if isinstance(value, Span) else value is not None and bool(value)
