"""Share, among all who use one client, the news that the server answers again.

Everyone who was refused an answer waits by a back-off of its own, up to seconds. Were that all, the parts of one
process would learn of a server's return at different moments: the agent would end a pod that its proxy still serves.
So whoever is answered first wakes all others. Only the change from silence to an answer wakes: a server that answers
some calls and drops others causes no storm.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from knarr.base.clock import Clock

LEAST_S: Final = 0.1    # nobody who was woken tries again sooner than this after his own failure


class Reach:
    """Whether one server answers. The client tells it; who retries waits with `pause`."""

    def __init__(self) -> None:
        self._silent = False
        self._back = asyncio.Event()        # set once and replaced: each waits for the next return

    def lost(self) -> None:
        """Note that a call got no answer."""
        self._silent = True

    def answered(self) -> None:
        """Note that a call was answered; after a silence this wakes all who wait."""
        if not self._silent:
            return
        self._silent = False
        self._back.set()
        self._back = asyncio.Event()

    async def pause(self, delay_s: float, clock: Clock) -> bool:
        """Wait `delay_s`, or until the server answers somebody after a silence; tell whether it did."""
        back = self._back
        await clock.sleep(min(delay_s, LEAST_S))
        with suppress(TimeoutError):
            async with asyncio.timeout(max(delay_s - LEAST_S, 0)):
                await back.wait()
        return back.is_set()
