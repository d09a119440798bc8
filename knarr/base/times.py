"""Write moments as RFC 3339 and read them back; read durations. Pure: no clock is asked."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

UNITS_S: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
PART: Final = re.compile(r"(\d+\.?\d*|\.\d+)(h|ms|m|s|us|µs|μs|ns)", re.ASCII)


def rfc3339(moment_s: float) -> str:
    """Return a moment in whole seconds, `2026-01-02T03:04:05Z`. moment_s: seconds since 1970 UTC."""
    return _second(int(moment_s)) + "Z"


def rfc3339_micro(moment_s: float) -> str:
    """Return a moment in microseconds, `2026-01-02T03:04:05.000006Z`."""
    second, micro = divmod(round(moment_s * 1_000_000), 1_000_000)
    return f"{_second(second)}.{micro:06d}Z"


@lru_cache(maxsize=16)  # every request of a second asks for that second
def _second(moment_s: int) -> str:
    return datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=4096)   # the same few thousand texts are read over and over
def seconds(text: str) -> float:
    """Return the moment a text tells, seconds since 1970 UTC. ValueError when it is no RFC 3339."""
    return datetime.fromisoformat(text.upper().replace("Z", "+00:00")).timestamp()


def duration_s(text: str) -> float:
    """Return what a duration says, in seconds; it may be negative. ValueError where it is none.

    Source: Go time.ParseDuration.

    >>> duration_s("1h30m")
    5400.0
    """
    body = text[1:] if text[:1] in ("+", "-") else text
    parts = PART.findall(body)
    if body != "0" and (not parts or "".join(number + unit for number, unit in parts) != body):
        raise ValueError(f'expected a duration like 10m or 1h30m, got "{text}"')
    total_s = sum(float(number) * UNITS_S[unit] for number, unit in parts)
    return -total_s if text.startswith("-") else total_s
