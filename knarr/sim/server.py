"""Live the API server's lives: each opens the store from what lies on the disk, answers, and dies where it stands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from knarr.api.errors import ApiError
from knarr.api.http import Answer, Call
from knarr.apiserver.secured import Entrances, secured
from knarr.apiserver.settings import Settings
from knarr.base.clock import Clock
from knarr.base.rng import Rng
from knarr.client.transport import Unreachable
from knarr.sim.disk import Platter, open_disk
from knarr.sim.network import Network, Pipe
from knarr.store.face import StoreError

RESTART_S = 1.0      # after a start that the disk refused


async def live(platter: Platter, network: Network, *, clock: Clock, rng: Rng) -> None:
    """Serve until cancelled, which is a crash. A start that the disk refuses is tried again."""
    while True:
        with suppress(StoreError, ApiError):
            await Life(platter, clock, rng).run(network)
        await clock.sleep(RESTART_S)


class Life:
    """One life of the server."""

    def __init__(self, platter: Platter, clock: Clock, rng: Rng) -> None:
        self._store, self._disk = open_disk(platter)
        self._secured = secured(self._store, Settings(), Entrances(platter.key_pem), clock=clock, rng=rng)
        self._api = self._secured.server
        self._clock = clock
        self._group: asyncio.TaskGroup | None = None

    async def run(self, network: Network) -> None:
        """Start, answer the network, and die by cancellation."""
        try:
            await self._secured.start()
            async with asyncio.TaskGroup() as group:
                self._group, network.server = group, self
                group.create_task(self._kept_up(self._api.run))
                group.create_task(self._kept_up(self._secured.access.run))
                group.create_task(self._kept_up(self._api.aggregator.run))
        finally:
            self._disk.crash()

    async def _kept_up(self, part: Callable[[], Awaitable[None]]) -> None:
        """Start a part again that the disk has stopped, as assembly does; a bug ends the run."""
        while True:
            with suppress(StoreError, ApiError):
                await part()
            await self._clock.sleep(RESTART_S)

    def doom(self) -> None:
        """Take nothing more on; the cancellation that follows ends what is under way."""
        self._group = None

    async def handle(self, call: Call) -> Answer:
        """Answer in a task of our own: a client that goes away does not take back what it sent."""
        if self._group is None:
            raise Unreachable("connection refused")
        task = self._group.create_task(self._api.handle(call))
        await asyncio.wait([task])
        if task.cancelled():
            raise Unreachable("the server died before it answered")
        return task.result()

    def keep(self, pipe: Pipe, source: AsyncIterator[bytes]) -> None:
        """Fill a watch's pipe for as long as both ends live."""
        if self._group is None:
            pipe.end()
            return
        filling = self._group.create_task(pipe.fill(source))
        self._group.create_task(_until_left(pipe, filling))


async def _until_left(pipe: Pipe, filling: asyncio.Task[None]) -> None:
    await pipe.left.wait()
    filling.cancel()
