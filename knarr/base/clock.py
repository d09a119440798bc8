"""Tell the time. The only module that asks the machine for it; everything else is handed a `Clock`."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What time it is, and how to let some pass."""

    def now_s(self) -> float:
        """Return wall time, seconds since 1970 UTC. May jump."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds since an arbitrary moment. Never goes back."""
        ...

    async def sleep(self, seconds_s: float) -> None:
        """Wait; other tasks run meanwhile."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_s(self) -> float:
        """Return the machine's wall time."""
        return time.time()

    def monotonic_s(self) -> float:
        """Return the machine's monotonic time."""
        return time.monotonic()

    async def sleep(self, seconds_s: float) -> None:
        """Wait on the running loop."""
        await asyncio.sleep(seconds_s)


class ManualClock:
    """A clock that stands still until somebody advances it.

    Under `virtual.run` the loop itself advances it, from timer to timer.
    """

    def __init__(self, start_s: float = 1_700_000_000.0) -> None:
        self._start_s = start_s
        self._passed_s = 0.0

    def now_s(self) -> float:
        """Return the start plus all that has passed."""
        return self._start_s + self._passed_s

    def monotonic_s(self) -> float:
        """Return all that has passed."""
        return self._passed_s

    def advance(self, seconds_s: float) -> None:
        """Let time pass."""
        assert seconds_s >= 0, f"time cannot go back (got {seconds_s})"
        self._passed_s += seconds_s

    def step(self, seconds_s: float) -> None:
        """Set the wall clock forward, or back; monotonic time does not notice."""
        self._start_s += seconds_s

    async def sleep(self, seconds_s: float) -> None:
        """Wait for a timer of the running loop, whose time is this clock's under `virtual.run`."""
        await asyncio.sleep(seconds_s)
