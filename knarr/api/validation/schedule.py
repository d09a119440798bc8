"""Check cron schedules and time zones.

Source: kube's parser robfig/cron (five fields), and the IANA zone names' areas.
"""

from __future__ import annotations

import re
from typing import Final

MONTHS: Final = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1)}
DAYS: Final = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
FIELDS: Final[tuple[tuple[int, int, dict[str, int]], ...]] = (
    (0, 59, {}), (0, 23, {}), (1, 31, {}), (1, 12, MONTHS), (0, 6, DAYS),
)
DESCRIPTORS: Final = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
DURATION: Final = re.compile(r"(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+")
AREAS: Final = frozenset({
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Brazil", "Canada", "Chile", "Etc",
    "Europe", "Indian", "Mexico", "Pacific", "US",
})
SINGLE_ZONES: Final = frozenset({
    "CET", "CST6CDT", "Cuba", "EET", "EST", "EST5EDT", "Egypt", "Eire", "Factory", "GB", "GB-Eire", "GMT", "GMT+0",
    "GMT-0", "GMT0", "Greenwich", "HST", "Hongkong", "Iceland", "Iran", "Israel", "Jamaica", "Japan", "Kwajalein",
    "Libya", "MET", "MST", "MST7MDT", "NZ", "NZ-CHAT", "Navajo", "PRC", "PST8PDT", "Poland", "Portugal", "ROC", "ROK",
    "Singapore", "Turkey", "UCT", "UTC", "Universal", "W-SU", "WET", "Zulu",
})
ZONE: Final = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")


def schedule_fault(schedule: str) -> str:
    """Return what is wrong with a schedule; empty if nothing is."""
    if "TZ" in schedule:
        return "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
    if schedule.startswith("@"):
        return _descriptor_fault(schedule)
    fields = schedule.split()
    if len(fields) != len(FIELDS):
        return f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
    for text, (low, high, names) in zip(fields, FIELDS, strict=True):
        for part in text.split(","):
            fault = _part_fault(part, low=low, high=high, names=names)
            if fault:
                return fault
    return ""


def time_zone_fault(zone: str) -> str:
    """Return what is wrong with a time zone's name; empty if nothing is.

    Only the area is looked up: which places it has is known where the zone is used.
    """
    if not zone:
        return "timeZone must be nil or non-empty string"
    if zone.lower() == "local":
        return "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
    area, slash, _ = zone.partition("/")
    known = area in AREAS if slash else zone in SINGLE_ZONES
    return "" if known and ZONE.fullmatch(zone) else f"unknown time zone {zone}"


def _descriptor_fault(schedule: str) -> str:
    if schedule in DESCRIPTORS:
        return ""
    if schedule.startswith("@every "):
        duration = schedule.removeprefix("@every ")
        if DURATION.fullmatch(duration):
            return ""
        return f'failed to parse duration {schedule}: time: invalid duration "{duration}"'
    return f"unrecognized descriptor: {schedule}"


def _part_fault(part: str, *, low: int, high: int, names: dict[str, int]) -> str:
    """Check one of `*`, `*/2`, `3`, `1-5`, `1-5/2`."""
    if part.count("/") > 1:
        return f"too many slashes: {part}"
    span, slash, step = part.partition("/")
    if slash and not step.isdigit():
        return f'failed to parse int from {step}: strconv.Atoi: parsing "{step}": invalid syntax'
    if slash and int(step) == 0:
        return f"step of range should be a positive number: {part}"
    if span in ("*", "?"):
        return ""
    ends = span.split("-")
    if len(ends) > 2:
        return f"too many hyphens: {part}"
    for end in ends:
        if not end.isdigit() and end.lower() not in names:
            return f'failed to parse int from {end}: strconv.Atoi: parsing "{end}": invalid syntax'
    numbers = [int(end) if end.isdigit() else names[end.lower()] for end in ends]
    return _range_fault(part, numbers[0], numbers[-1], low=low, high=high)


def _range_fault(part: str, start: int, end: int, *, low: int, high: int) -> str:
    if start < low:
        return f"beginning of range ({start}) below minimum ({low}): {part}"
    if end > high:
        return f"end of range ({end}) above maximum ({high}): {part}"
    if start > end:
        return f"beginning of range ({start}) beyond end of range ({end}): {part}"
    return ""
