"""One client's connection: HTTP until an upgrade takes it over, a plain stream of bytes from then on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

BUFFER_BYTES: Final = 1 << 16     # read ahead of a slow peer; asyncio pauses the socket at twice this
BLOCK_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Pipe:
    """Two directions of bytes, each with back-pressure."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read(self, bytes_max: int) -> bytes:
        """Return what has come, at most this much; empty when the peer has ended."""
        return await self.reader.read(bytes_max)

    async def send(self, data: bytes) -> None:
        """Write and wait while the peer is slow. Raises OSError when it has gone."""
        if data:
            self.writer.write(data)
            await self.writer.drain()

    def close(self) -> None:
        """End the connection; what was written still goes out."""
        self.writer.close()


class Connection(RequestHandler):
    """aiohttp's protocol, with a way out of HTTP.

    Bytes that come before the upgrade is answered are kept for WebSockets; an early SPDY byte would be read as HTTP and
    refused, which no client sends: it waits for 101.
    """

    __slots__ = ("_relay",)

    def __init__(self, server: web.Server, **settings: Any) -> None:
        super().__init__(server, **settings)
        self._relay: asyncio.StreamReaderProtocol | None = None

    def take(self) -> Pipe:
        """Leave HTTP; from now on the caller alone reads and writes."""
        assert self._relay is None, "the connection has been taken already"
        if self.transport is None:
            raise ConnectionResetError("the client has gone")
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=BUFFER_BYTES, loop=loop)
        self._relay = asyncio.StreamReaderProtocol(reader, loop=loop)
        self._relay.connection_made(self.transport)
        if self._message_tail:
            reader.feed_data(self._message_tail)
            self._message_tail = b""
        return Pipe(reader, asyncio.StreamWriter(self.transport, self._relay, reader, loop))

    def data_received(self, data: bytes) -> None:
        """Pass bytes to whoever owns the connection now."""
        if self._relay is not None:
            self._relay.data_received(data)
        else:
            super().data_received(data)

    def eof_received(self) -> None:
        """Tell the owner that the client will send no more."""
        if self._relay is not None:
            self._relay.eof_received()

    def pause_writing(self) -> None:
        """Hold whoever writes."""
        super().pause_writing()
        if self._relay is not None:
            self._relay.pause_writing()

    def resume_writing(self) -> None:
        """Let whoever writes go on."""
        super().resume_writing()
        if self._relay is not None:
            self._relay.resume_writing()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell the owner that the client has gone."""
        if self._relay is not None:
            self._relay.connection_lost(exc if isinstance(exc, Exception) else None)
        super().connection_lost(exc)


class Connections(web.Server):
    """Makes a Connection for each client."""

    def __call__(self) -> Connection:
        """Return a new protocol."""
        return Connection(self, loop=self._loop, **self._kwargs)


async def splice(one: Pipe, other: Pipe) -> None:
    """Carry bytes both ways, each at the pace of its reader, until either side ends. Raises a group of OSError."""
    await until_first(_carry(one, other), _carry(other, one))


async def until_first(*works: Coroutine[Any, Any, None]) -> None:
    """Run all until one of them is done, then end the others. What they raise comes as an exception group."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()


async def _carry(source: Pipe, sink: Pipe) -> None:
    while data := await source.reader.read(BLOCK_BYTES):
        await sink.send(data)
