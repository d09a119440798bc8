"""Say when a cron schedule comes due. Pure: the zone's rules are handed in.

Five fields (minute, hour, day of month, month, day of week), `@hourly` and its like, `@every 90m`. What is written
`?` means `*`. When both day fields are restricted, either may match. An hour that a change of clocks skips is
skipped; one that it repeats comes twice.
Source: kube's parser robfig/cron (ParseStandard).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import product
from typing import Final, TypeAlias

from knarr.api.validation.schedule import DAYS, MONTHS, schedule_fault

YEARS_MAX: Final = 5       # how far to look for a day that comes; Source: robfig/cron, SpecSchedule.Next
DAY: Final = timedelta(days=1)
SPELLED: Final = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}
UNIT_S: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Fields:
    """What each field allows. either_day: a day matches by month or by week; else it must match by both."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]      # 0: Sunday
    either_day: bool


@dataclass(frozen=True, slots=True)
class Every:
    """Come again after so many seconds, at least one."""

    seconds_s: int


Schedule: TypeAlias = Fields | Every


def parse(text: str) -> Schedule:
    """Return what a schedule means; ValueError tells what is wrong with it."""
    fault = schedule_fault(text)
    if fault:
        raise ValueError(fault)
    if text.startswith("@every "):
        parts = re.findall(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)", text)
        return Every(max(1, int(sum(float(number) * UNIT_S[unit] for number, unit in parts))))
    minute, hour, day, month, weekday = SPELLED.get(text, text).split()
    days, every_day = _allowed(day, 1, 31, names={})
    weekdays, every_weekday = _allowed(weekday, 0, 6, names=DAYS)
    return Fields(
        tuple(sorted(_allowed(minute, 0, 59, names={})[0])), tuple(sorted(_allowed(hour, 0, 23, names={})[0])),
        days, _allowed(month, 1, 12, names=MONTHS)[0], weekdays, either_day=not (every_day or every_weekday))


def next_after(schedule: Schedule, after_s: float, zone: tzinfo = UTC) -> float | None:
    """Return the first moment later than `after_s`, seconds since 1970; None when none comes within five years.

    >>> next_after(parse("*/15 * * * *"), 1000.0)
    1800.0
    """
    if isinstance(schedule, Every):
        return float(int(after_s) + schedule.seconds_s)
    start = datetime.fromtimestamp(after_s, zone)
    for number in range(366 * YEARS_MAX):
        day = start.date() + number * DAY
        if _is_due(schedule, day):
            moment_s = _first_of_day(schedule, day, zone, after_s=after_s)
            if moment_s is not None:
                return moment_s
    return None


def latest(schedule: Schedule, *, after_s: float, until_s: float, zone: tzinfo = UTC) -> tuple[float | None, int]:
    """Return the last moment due in (after_s, until_s], and how many were due, counted no further than 101.

    Beyond that the last one is found from the end, so that a schedule that slept for years costs no more.
    """
    found, count = None, 0
    moment_s = next_after(schedule, after_s, zone)
    while moment_s is not None and moment_s <= until_s and count < 101:
        found, count = moment_s, count + 1
        moment_s = next_after(schedule, moment_s, zone)
    if count <= 100 or moment_s is None or found is None or moment_s > until_s:
        return found, count
    return _last_before(schedule, found, until_s, zone), count


def _last_before(schedule: Schedule, known_s: float, until_s: float, zone: tzinfo) -> float:
    """Look back from the end in growing strides; `known_s` is due and early enough."""
    if isinstance(schedule, Every):
        return known_s + (until_s - known_s) // schedule.seconds_s * schedule.seconds_s
    stride_s = 60.0
    while until_s - stride_s > known_s:
        moment_s = next_after(schedule, until_s - stride_s, zone)
        if moment_s is not None and moment_s <= until_s:
            return _walk(schedule, moment_s, until_s, zone)
        stride_s *= 2
    return _walk(schedule, known_s, until_s, zone)


def _walk(schedule: Schedule, moment_s: float, until_s: float, zone: tzinfo) -> float:
    following_s = next_after(schedule, moment_s, zone)
    while following_s is not None and following_s <= until_s:
        moment_s, following_s = following_s, next_after(schedule, following_s, zone)
    return moment_s


def _is_due(fields: Fields, day: date) -> bool:
    if day.month not in fields.months:
        return False
    by_month, by_week = day.day in fields.days, day.isoweekday() % 7 in fields.weekdays
    return by_month or by_week if fields.either_day else by_month and by_week


def _first_of_day(fields: Fields, day: date, zone: tzinfo, *, after_s: float) -> float | None:
    """Return the day's first moment later than `after_s`.

    A day whose clocks do not change is reckoned without looking up each of its moments: one a minute is 1,440.
    """
    midnight, next_midnight = (datetime.combine(each, time(), zone) for each in (day, day + DAY))
    if midnight.utcoffset() != next_midnight.utcoffset():
        return next((found for found in _moments_of_change(fields, day, zone) if found > after_s), None)
    began_s = midnight.timestamp()
    for hour in fields.hours:
        hour_s = began_s + hour * UNIT_S["h"]
        if hour_s + UNIT_S["h"] > after_s:
            moments = (hour_s + minute * UNIT_S["m"] for minute in fields.minutes)
            found = next((moment_s for moment_s in moments if moment_s > after_s), None)
            if found is not None:
                return found
    return None


def _moments_of_change(fields: Fields, day: date, zone: tzinfo) -> list[float]:
    """Return the moments of a day whose clocks change; what they repeat comes twice, what they skip does not come."""
    found: set[float] = set()
    for hour, minute, fold in product(fields.hours, fields.minutes, (0, 1)):
        wall = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone, fold=fold)
        moment_s = wall.timestamp()
        if datetime.fromtimestamp(moment_s, zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
            found.add(moment_s)
    return sorted(found)


def _allowed(text: str, low: int, high: int, *, names: dict[str, int]) -> tuple[frozenset[int], bool]:
    """Return the numbers a field allows, and whether it allows all by a star."""
    found: set[int] = set()
    star = False
    for part in text.split(","):
        span, slash, step = part.partition("/")
        every = int(step) if slash else 1
        if span in ("*", "?"):
            star = star or every == 1
            found.update(range(low, high + 1, every))
            continue
        first, dash, last = span.partition("-")
        start = _number(first, names)
        end = _number(last, names) if dash else (high if slash else start)
        found.update(range(start, end + 1, every))
    return frozenset(found), star


def _number(text: str, names: dict[str, int]) -> int:
    return int(text) if text.isdigit() else names[text.lower()]
