"""The parts of times and durations. Source: CEL language definition, Timestamps and Durations."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from knarr.api.cel.faults import CelError
from knarr.api.cel.overloads import Functions
from knarr.api.cel.values import NS, Moment, Span

PARTS: dict[str, Callable[[datetime], int]] = {
    "getFullYear": lambda when: when.year,
    "getMonth": lambda when: when.month - 1,
    "getDate": lambda when: when.day,
    "getDayOfMonth": lambda when: when.day - 1,
    "getDayOfWeek": lambda when: when.isoweekday() % 7,
    "getDayOfYear": lambda when: when.timetuple().tm_yday - 1,
    "getHours": lambda when: when.hour,
    "getMinutes": lambda when: when.minute,
    "getSeconds": lambda when: when.second,
    "getMilliseconds": lambda when: when.microsecond // 1000,
}
SPANS: dict[str, int] = {"getHours": 3600 * NS, "getMinutes": 60 * NS, "getSeconds": NS, "getMilliseconds": 10**6}
OFFSET = re.compile(r"([+-]?)(\d\d):(\d\d)")


def declare(functions: Functions) -> None:
    """Declare them."""
    for name, part in PARTS.items():
        functions.add(f"(timestamp).{name}() -> int", lambda value, part=part: part(_at(value)))
        functions.add(f"(timestamp).{name}(string) -> int",
                      lambda value, zone, part=part: part(_at(value).astimezone(_zone(zone))))
    for name, unit in SPANS.items():
        functions.add(f"(duration).{name}() -> int", lambda value, unit=unit: _units(value, unit))


def _at(value: Moment) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value.ns // NS, microseconds=value.ns % NS // 1000)


def _units(value: Span, unit: int) -> int:
    count = abs(value.ns) // unit
    return -count if value.ns < 0 else count


def _zone(name: str) -> tzinfo:
    found = OFFSET.fullmatch(name)
    if found:
        offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return timezone(-offset if found[1] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
        raise CelError(f"unknown time zone {name}") from fault
