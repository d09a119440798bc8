"""One client's connection: HTTP until a handler takes it over, raw bytes from then on.

aiohttp's parser would read what follows an `Upgrade: SPDY/3.1` request as the next request. So the bytes behind such
a request's head are held here until somebody takes the connection; none that came early is lost. A refused upgrade
closes the connection.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from knarr.apiserver.limits import Limits, code_of, raw_refusal, status_body, words

log = structlog.get_logger("apiserver")
RAW_BUFFER_BYTES = 1 << 16  # read ahead of a slow peer; asyncio pauses the socket at twice this
UPGRADE = re.compile(rb"\r\nupgrade:[ \t]*(?:spdy/3\.1|websocket)", re.IGNORECASE)
METHODS = (b"GET ", b"POST ")
HEAD_BYTES_MAX = 16 << 10  # searched for the header
HEAD_END = b"\r\n\r\n"


class Connection(RequestHandler):
    """aiohttp's protocol, with a way out of HTTP."""

    __slots__ = ("_early", "_head_open", "_late", "_raw", "certificate", "limits", "loop", "remote")

    def __init__(self, server: web.Server, *, limits: Limits, **settings: Any) -> None:
        super().__init__(server, **settings)
        self.limits = limits
        self._late: asyncio.TimerHandle | None = None  # runs while a head has begun and not ended
        self.loop: asyncio.AbstractEventLoop = settings["loop"]
        self.certificate: bytes | None = None
        self.remote = ""
        self._early: bytearray | None = None
        self._head_open = False
        self._raw: asyncio.StreamReader | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the client's certificate and address: they hold for all its requests."""
        tls = transport.get_extra_info("ssl_object")
        self.certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        peer = transport.get_extra_info("peername")
        self.remote = str(peer[0]) if isinstance(peer, tuple) else ""
        super().connection_made(transport)
        self._late = self.loop.call_later(self.limits.head_s, self._cut)

    def data_received(self, data: bytes) -> None:
        """Pass bytes to whoever owns the connection now."""
        if self._raw is not None:
            self._raw.feed_data(data)
            return
        if self._early is not None:
            self._hold(data)
            return
        if self._head_open or (data.startswith(METHODS) and asks_upgrade(data)):
            self._split(data)
        else:
            super().data_received(data)
        waiter = self._waiter
        if (not waiter.done()) if waiter is not None else not self._request_count:  # nobody handles anything
            if self._late is None:
                self._late = self.loop.call_later(self.limits.head_s, self._cut)
        elif self._late is not None:
            self._late.cancel()
            self._late = None

    def _cut(self) -> None:
        """End a connection whose request's head does not end; who has begun one is told why."""
        self._late = None
        transport = self.transport
        if transport is None or self._raw is not None:
            return
        transport.write(raw_refusal(408, f"the request's head took longer than {self.limits.head_s:g} seconds"))
        self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or too much of it, with a Status; a bug of ours with one that says no more."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is under way")
        code = code_of(exc)
        if code == 500:
            log.error("http.bug", exc_info=exc)
        response = web.Response(status=code, body=status_body(code, words(code, exc)), content_type="application/json")
        response.force_close()
        return response

    def _split(self, data: bytes) -> None:
        head, end, rest = data.partition(HEAD_END)
        self._head_open = not end
        if end:
            self._early = bytearray()
        super().data_received(head + end)
        if rest:
            self._hold(rest)

    def _hold(self, data: bytes) -> None:
        assert self._early is not None
        self._early += data
        transport = self.transport
        if len(self._early) > RAW_BUFFER_BYTES and transport is not None:
            transport.pause_reading()

    async def push(self, data: bytes) -> None:
        """Write bytes as they are, and wait while the client is slow. Raises ConnectionError when it has gone."""
        if self.transport is None or self.transport.is_closing():
            raise ConnectionResetError("the client has gone")
        self.transport.write(data)
        await self._drain_helper()

    def take(self) -> RawStream:
        """Leave HTTP; from now on the caller alone reads and writes."""
        assert self._raw is None, "the connection has been taken already"
        transport = self.transport  # never ask its class: uvloop's TLS transport is no asyncio.Transport
        if transport is None:
            raise ConnectionResetError("the client has gone")
        self._raw = asyncio.StreamReader(limit=RAW_BUFFER_BYTES, loop=self.loop)
        self._raw.set_transport(transport)
        transport.resume_reading()
        early = bytes(self._early or b"") + bytes(self._message_tail)
        self._early, self._message_tail = None, b""
        if early:
            self._raw.feed_data(early)
        return RawStream(self, self._raw, transport)

    def eof_received(self) -> None:
        """Tell the owner that the client will send no more."""
        if self._raw is not None:
            self._raw.feed_eof()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell the owner that the client has gone."""
        if self._late is not None:
            self._late.cancel()
            self._late = None
        if self._raw is not None:
            self._raw.feed_eof()
        super().connection_lost(exc)


def asks_upgrade(data: bytes) -> bool:
    """Say whether the request head at the start of `data` asks for another protocol.

    What stands in a body does not count.
    """
    found = UPGRADE.search(data, 0, HEAD_BYTES_MAX)
    return found is not None and HEAD_END not in data[: found.start()]


class RawStream:
    """The bytes of a taken connection, with back-pressure both ways."""

    def __init__(self, connection: Connection, reader: asyncio.StreamReader, transport: asyncio.Transport) -> None:
        self._connection, self._reader, self._transport = connection, reader, transport

    async def read(self, bytes_max: int) -> bytes:
        """Return what has come, at most this much; empty when the client has ended."""
        return await self._reader.read(bytes_max)

    async def write(self, data: bytes) -> None:
        """Send, and wait while the client is slow. Raises ConnectionError when it has gone."""
        if self._connection.transport is None:
            raise ConnectionResetError("the client has gone")
        self._transport.write(data)
        await self._connection._drain_helper()

    def close(self) -> None:
        """End the connection."""
        self._transport.close()


class Upgrade:
    """What a handler gets with an upgrade request: the query as it was sent, the headers, and the connection itself.

    raw_query: undecoded; `command=` may stand in it many times. on_taken: called when the connection is taken.
    """

    def __init__(self, connection: Connection, raw_query: str, headers: list[tuple[str, str]]) -> None:
        self._connection = connection
        self.raw_query = raw_query
        self.headers = headers
        self.taken = False
        self.on_taken: Callable[[], None] | None = None

    def take(self) -> RawStream:
        """Take the connection over; the answer that the handler returns is then not sent."""
        self.taken = True
        if self.on_taken is not None:
            self.on_taken()
        return self._connection.take()


class Connections(web.Server):
    """Makes a Connection for each client."""

    def __init__(self, handler: Any, *, limits: Limits, **settings: Any) -> None:
        super().__init__(handler, **settings)
        self.limits = limits

    def __call__(self) -> Connection:
        """Return a new protocol."""
        return Connection(self, limits=self.limits, loop=self._loop, **self._kwargs)
