"""A spare connection: one a place, taken once, not taken when dead, gone when nobody wants it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from knarr.apiserver.proxying import spares
from knarr.apiserver.proxying.faults import Unreached
from knarr.apiserver.proxying.spares import Spares

PLACE = ("127.0.0.1", 1, None)


class Peer:
    """A server that counts who comes, and can hang up."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.ended = 0
        self.changed = asyncio.Condition()

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self.changed:
            self.writers.append(writer)
            self.changed.notify_all()
        await reader.read()
        async with self.changed:
            self.ended += 1
            self.changed.notify_all()
        writer.close()

    async def dial(self) -> Any:
        return await asyncio.open_connection(*self.server.sockets[0].getsockname())

    async def came(self, count: int, *, ended: int = 0) -> None:
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(lambda: (len(self.writers), self.ended) == (count, ended))


@pytest_asyncio.fixture
async def peer() -> AsyncIterator[Peer]:
    """A peer that listens."""
    made = Peer()
    await made.start()
    yield made
    made.server.close()


async def test_one_lies_ready_and_is_taken_once(peer):
    """However often it is asked for; when it was taken, another may be prepared."""
    store = Spares()
    for _ in range(3):
        store.prepare(PLACE, peer.dial)
    await peer.came(1)
    await asyncio.sleep(0.05)
    taken = store.take(PLACE)
    assert taken is not None
    assert store.take(PLACE) is None
    store.prepare(PLACE, peer.dial)
    await peer.came(2)
    await store.close()
    await peer.came(2, ended=1)     # the one that was taken is its taker's
    taken[1].close()
    await peer.came(2, ended=2)


async def test_nobody_wants_it(peer, monkeypatch):
    """It is hung up, and the next asker dials."""
    monkeypatch.setattr(spares, "SPARE_S", 0.1)
    store = Spares()
    store.prepare(PLACE, peer.dial)
    await peer.came(1, ended=1)
    assert store.take(PLACE) is None


async def test_the_other_side_hangs_up(peer):
    """What is dead is not handed out."""
    store = Spares()
    store.prepare(PLACE, peer.dial)
    await peer.came(1)
    peer.writers[0].close()
    await asyncio.sleep(0.05)
    assert store.take(PLACE) is None


async def test_nobody_is_there():
    """The fault is for who asks next; enough is enough."""
    async def refused() -> Any:
        raise Unreached("connection refused")

    async def never() -> Any:
        await asyncio.Event().wait()

    store = Spares()
    store.prepare(PLACE, refused)
    await asyncio.sleep(0)
    assert store.take(PLACE) is None
    for port in range(2 * spares.SPARES_MAX):
        store.prepare(("host", port, None), never)
    assert len(store._keepers) <= spares.SPARES_MAX
    await store.close()
