"""Write moments as RFC 3339 and read them back. Pure: no clock is asked."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


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
