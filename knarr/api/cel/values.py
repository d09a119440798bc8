"""The values that expressions compute with, beside JSON's own: times, durations, unsigned numbers, types, optionals.

Maps are dicts, lists are lists. Equality and order are CEL's: 1 == 1.0, but true is no number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from knarr.api.cel.faults import CelError, NoOverload

NS = 1_000_000_000
SPAN_NS_MAX = (1 << 63) - 1  # Source: Go time.Duration
FIRST_S, LAST_S = -62_135_596_800, 253_402_300_799  # years 1 to 9999
UNITS_NS = {"ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 10**6, "s": NS, "m": 60 * NS, "h": 3600 * NS}
PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
STAMP = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class Uint(int):
    """An unsigned number."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """A time, in nanoseconds since 1970."""

    ns: int

    @classmethod
    def of(cls, ns: int) -> Moment:
        """Return a time of years 1 to 9999; raises CelError."""
        if not FIRST_S <= ns // NS <= LAST_S:
            raise CelError("timestamp overflow")
        return cls(ns)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A duration, in nanoseconds."""

    ns: int

    @classmethod
    def of(cls, ns: int) -> Span:
        """Return a duration; raises CelError."""
        if abs(ns) > SPAN_NS_MAX:
            raise CelError("duration overflow")
        return cls(ns)


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type, as a value."""

    name: str


@dataclass(frozen=True, slots=True)
class Optional:
    """A value that may be absent."""

    there: bool = False
    value: Any = None


@dataclass(frozen=True, slots=True)
class Thing:
    """A value of a library's own type. type: its name. held: what the library keeps of it."""

    type: str
    held: Any


def moment(text: str) -> Moment:
    """Read an RFC 3339 time; raises ValueError."""
    found = STAMP.fullmatch(text)
    if found is None:
        raise ValueError(f"invalid timestamp: {text}")
    zone = "+00:00" if found[4] in "Zz" else found[4]
    whole = datetime.fromisoformat(f"{found[1]}T{found[2]}{zone}")
    seconds = (whole - datetime(1970, 1, 1, tzinfo=UTC)) // _second()
    return Moment(seconds * NS + int((found[3] or "").ljust(9, "0")[:9]))


def span(text: str) -> Span:
    """Read a duration as Go writes it, 1h30m; raises ValueError."""
    body = text[1:] if text[:1] in "+-" else text
    if body == "0":
        return Span(0)
    parts = list(PART.finditer(body))
    if not parts or "".join(one[0] for one in parts) != body:
        raise ValueError(f'time: invalid duration "{text}"')
    total = sum(_part_ns(one[1], UNITS_NS[one[2]]) for one in parts)
    if total > SPAN_NS_MAX:
        raise ValueError(f'time: invalid duration "{text}"')
    return Span(-total if text.startswith("-") else total)


def _part_ns(number: str, unit: int) -> int:
    whole, _, fraction = number.partition(".")
    return int(whole or 0) * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)


def _second() -> Any:
    return datetime(1970, 1, 1, 0, 0, 1) - datetime(1970, 1, 1)  # noqa: DTZ001  # a difference has no zone


def moment_text(value: Moment) -> str:
    """Write a time as RFC 3339."""
    whole = datetime(1970, 1, 1, tzinfo=UTC) + _second() * (value.ns // NS)
    fraction = f".{value.ns % NS:09d}".rstrip("0").rstrip(".")
    return f"{whole.strftime('%Y').zfill(4)}{whole.strftime('-%m-%dT%H:%M:%S')}{fraction}Z"


def span_text(value: Span) -> str:
    """Write a duration in seconds."""
    sign, ns = "-" if value.ns < 0 else "", abs(value.ns)
    fraction = f".{ns % NS:09d}".rstrip("0").rstrip(".")
    return f"{sign}{ns // NS}{fraction}s"


NAMES: dict[type, str] = {
    bool: "bool", int: "int", float: "double", str: "string", bytes: "bytes", list: "list", dict: "map",
    type(None): "null_type", Uint: "uint", Moment: "google.protobuf.Timestamp", Span: "google.protobuf.Duration",
    TypeName: "type", Optional: "optional_type",
}
NUMBERS = frozenset({int, float, Uint})


def type_name(value: Any) -> str:
    """Return the name of a value's type."""
    return str(value.type) if type(value) is Thing else NAMES[type(value)]


def equal(left: Any, right: Any) -> bool:
    """Compare two values; those of different types differ, but numbers are numbers."""
    kind, other = type(left), type(right)
    if kind is not other:
        return kind in NUMBERS and other in NUMBERS and bool(left == right)
    if kind is list:
        return len(left) == len(right) and all(map(equal, left, right))
    if kind is dict:
        return len(left) == len(right) and all(key in right and equal(item, right[key]) for key, item in left.items())
    if kind is Optional:
        return left.there == right.there and equal(left.value, right.value)
    if kind is Thing:
        return bool(left.type == right.type and left.held == right.held)
    return bool(left == right)


def order(left: Any, right: Any) -> int:
    """Return -1, 0 or 1; raises NoOverload for values without an order. A NaN is never less, equal or more: 2."""
    kind, other = type(left), type(right)
    if kind is not other and not (kind in NUMBERS and other in NUMBERS):
        raise NoOverload
    if kind not in (int, float, Uint, str, bytes, bool, Moment, Span):
        raise NoOverload
    if left < right:
        return -1
    if left == right:
        return 0
    return 1 if left > right else 2
