"""Keep a connection ready for who joins a container of the same node again soon.

To dial and to agree on keys costs more than all else of a short exec; scripts run many of them. What lies ready has
asked for nothing yet, so it is anybody's.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeAlias

from knarr.apiserver.proxying.faults import Unreached

SPARE_S: Final = 30.0       # a connection lies ready for so long
SPARES_MAX: Final = 32      # at once, one for each node

Place: TypeAlias = tuple[str, int, ssl.SSLContext | None]
Connection: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Spares:
    """Connections that lie ready, by place."""

    def __init__(self) -> None:
        self._ready: dict[Place, Connection] = {}
        self._keepers: dict[Place, asyncio.Task[None]] = {}

    def take(self, place: Place) -> Connection | None:
        """Return the one that lies ready, if there is one and the other side has not hung up."""
        connection = self._ready.pop(place, None)
        if connection is None:
            return None
        self._keepers.pop(place).cancel()
        reader, writer = connection
        if reader.at_eof() or writer.is_closing():
            writer.close()
            return None
        return connection

    def prepare(self, place: Place, dial: Callable[[], Awaitable[Connection]]) -> None:
        """Have one made, unless enough lie ready."""
        if place not in self._keepers and len(self._keepers) < SPARES_MAX:
            self._keepers[place] = asyncio.get_running_loop().create_task(self._keep(place, dial))

    async def close(self) -> None:
        """Hang up everywhere."""
        keepers = tuple(self._keepers.values())
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)

    async def _keep(self, place: Place, dial: Callable[[], Awaitable[Connection]]) -> None:
        """Dial, and hang up when nobody has taken it for a while; who takes it cancels this."""
        with suppress(Unreached):       # who asks next dials, and is told
            self._ready[place] = await dial()
            try:
                await asyncio.sleep(SPARE_S)
            finally:
                self._hang_up(place)
        del self._keepers[place]

    def _hang_up(self, place: Place) -> None:
        """Close what lies ready, unless it was taken."""
        connection = self._ready.pop(place, None)
        if connection is not None:
            connection[1].close()
