"""Let a machine's wall clock go wrong by itself; time passes there as everywhere."""

from __future__ import annotations

from knarr.base.clock import Clock


class SkewedClock:
    """A machine's clock. skew_s: by how much its wall time is ahead of the world's; may be changed at any time."""

    def __init__(self, clock: Clock, skew_s: float) -> None:
        self._clock = clock
        self.skew_s = skew_s

    def now_s(self) -> float:
        """Return what this machine takes for the time."""
        return self._clock.now_s() + self.skew_s

    def monotonic_s(self) -> float:
        """Return the world's monotonic time."""
        return self._clock.monotonic_s()

    async def sleep(self, seconds_s: float) -> None:
        """Wait as everybody waits."""
        await self._clock.sleep(seconds_s)
