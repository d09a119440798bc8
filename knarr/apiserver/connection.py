"""One client's connection: HTTP until a handler takes it over, raw bytes from then on.

One task answers its requests one after the other. It ends with the connection, so a client that goes away ends its
watch. Who is slow with a head is cut; who keeps a connection without using it, or takes no answer, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import structlog

from knarr.apiserver.intake import Incoming, Intake
from knarr.apiserver.limits import LINGER_S, Limits

log = structlog.get_logger("apiserver")
RAW_BUFFER_BYTES = 1 << 16  # read ahead of a slow peer
KEEPALIVE_S = 90.0  # Source: kube secure_serving.go, IdleTimeout


class Connection(asyncio.Protocol):
    """What the event loop calls when something happens to a connection.

    serve: answers one request and says whether the connection may be used on. late: what one is told who does not end
    a request's head. together: all connections of the server. certificate, remote: the client's, for all its requests.
    """

    __slots__ = (
        "_idle", "_idle_since_s", "_late", "_paused", "_raw", "_serve", "_together", "_waiter", "_writable",
        "certificate", "intake", "late", "leaving", "limits", "loop", "remote", "task", "transport",
    )  # fmt: skip

    def __init__(self, serve: Serve, late: bytes, *, limits: Limits, together: set[Connection]) -> None:
        self._serve, self.late, self.limits, self._together = serve, late, limits, together
        self.loop = asyncio.get_running_loop()
        self.intake = Intake()
        self.certificate: bytes | None = None
        self.remote = ""
        self.leaving = False  # nothing more is answered behind what is under way
        self.transport: asyncio.Transport
        self.task: asyncio.Task[None]
        self._paused = False  # we read nothing
        self._writable = asyncio.Event()
        self._waiter: asyncio.Future[None] | None = None  # for the next request, while none is under way
        self._late: asyncio.TimerHandle | None = None  # runs while a head is waited for that must come
        self._idle: asyncio.TimerHandle | None = None
        self._idle_since_s = 0.0
        self._raw: asyncio.StreamReader | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember who it is, and begin to answer. No task group can own what the loop itself begins: the edge does."""
        self.transport = transport  # type: ignore[assignment]  # never ask its class: uvloop's is no asyncio.Transport
        tls, peer = transport.get_extra_info("ssl_object"), transport.get_extra_info("peername")
        self.certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        self.remote = str(peer[0]) if isinstance(peer, tuple) else ""
        self._writable.set()
        self._together.add(self)
        self._late = self.loop.call_later(self.limits.head_s, self._cut)
        self.task = self.loop.create_task(self._answer_all(), name="connection")

    def data_received(self, data: bytes) -> None:
        """Pass bytes to whoever owns the connection now."""
        if self._raw is not None:
            self._raw.feed_data(data)
            return
        intake = self.intake
        intake.feed(data)
        if intake.ready:
            self._end_late()
        if self._waiter is None:
            if intake.ready or intake.unread or len(intake.early or b"") > RAW_BUFFER_BYTES:
                self.pause()  # what has been sent ahead is enough
        elif intake.ready:
            if not self._waiter.done():
                self._waiter.set_result(None)
        elif intake.begun and self._late is None:
            self._late = self.loop.call_later(self.limits.head_s, self._cut)

    def eof_received(self) -> None:
        """Tell the owner that the client will send no more."""
        if self._raw is not None:
            self._raw.feed_eof()

    def connection_lost(self, exc: BaseException | None) -> None:
        """End what was done for the client, and let go: what holds itself stays in memory until the collector looks."""
        self._together.discard(self)
        self._end_late()
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        self.intake.close()
        if self._raw is not None:
            self._raw.feed_eof()
        self._writable.set()
        self.task.cancel()

    def pause_writing(self) -> None:
        """Hear that the client is slow."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Hear that it has caught up."""
        self._writable.set()

    def pause(self) -> None:
        """Read nothing until `resume`."""
        if not self._paused:
            self._paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._paused:
            self._paused = False
            self.transport.resume_reading()

    async def push(self, data: bytes | memoryview, *, patient: bool = False) -> None:
        """Write, and wait while the client is slow: as long as it likes where we are patient, else for a slice's time.

        Raises ConnectionError when it has gone, or has been cut because it takes nothing.
        """
        if self.transport.is_closing():
            raise ConnectionResetError("the client has gone")
        self.transport.write(data)
        if not self._writable.is_set():
            await self._taken(None if patient else self.limits.slice_s)

    async def _taken(self, limit_s: float | None) -> None:
        """Wait until most of what was written has left."""
        try:
            async with asyncio.timeout(limit_s):
                await self._writable.wait()
        except TimeoutError:
            self.transport.abort()  # what lies ready for it must not stay in memory
            raise ConnectionResetError("the client takes nothing") from None

    async def pieces(self, incoming: Incoming) -> AsyncIterator[bytes]:
        """Yield a body in pieces, at the pace of who takes them. Raises ConnectionError where it breaks off."""
        while True:
            piece = incoming.take()
            if piece:
                yield piece
            elif incoming.fault is not None:
                raise ConnectionResetError(incoming.fault.message)
            elif incoming.complete:
                return
            else:
                self.resume()
                await incoming.more()
                if incoming.size > RAW_BUFFER_BYTES:
                    self.pause()

    def take(self) -> RawStream:
        """Leave HTTP; from now on the caller alone reads and writes."""
        assert self._raw is None, "the connection has been taken already"
        if self.transport.is_closing():
            raise ConnectionResetError("the client has gone")
        self._raw = asyncio.StreamReader(limit=RAW_BUFFER_BYTES, loop=self.loop)
        self._raw.set_transport(self.transport)
        self.resume()
        if self.intake.early:
            self._raw.feed_data(bytes(self.intake.early))
        return RawStream(self, self._raw)

    def leave(self) -> None:
        """Answer what is under way, nothing more, and close."""
        self.leaving = True
        if self._waiter is not None:
            self.task.cancel()

    async def _answer_all(self) -> None:
        try:
            while (incoming := await self._next()) is not None:
                if not await self._serve(self, incoming):
                    await self._linger(incoming)
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client has gone, or we leave; a task that ends as cancelled would keep its frames, and they us
        except Exception as error:  # noqa: BLE001  # a bug ends this connection, not the server
            log.error("http.bug", exc_info=error)
        finally:
            self.transport.close()

    async def _next(self) -> Incoming | None:
        """Wait for a request; None where none can follow."""
        intake = self.intake
        while not intake.ready:
            if intake.unread:
                intake.read()
                continue
            if intake.over or self.leaving:
                return None
            self.resume()
            self._rest()
            self._waiter = self.loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        incoming = intake.ready.popleft()
        if not (intake.ready or intake.unread):
            self.resume()
        return incoming

    async def _linger(self, incoming: Incoming) -> None:
        """Read the rest of a body that nobody wants, for a while, so that the client reads the answer."""
        try:
            async with asyncio.timeout(LINGER_S):
                while not incoming.complete and incoming.fault is None:
                    self.resume()
                    await incoming.more()
                    incoming.take()
        except TimeoutError:
            return

    def _rest(self) -> None:
        """Begin to wait: for a head's end, or for the next request. One timer serves many requests: it looks back."""
        if self.intake.begun:
            self._late = self._late or self.loop.call_later(self.limits.head_s, self._cut)
            return
        self._idle_since_s = self.loop.time()
        if self._idle is None:
            self._idle = self.loop.call_later(KEEPALIVE_S, self._tire)

    def _tire(self) -> None:
        self._idle = None
        if self._waiter is None:
            return  # a request is under way; the next rest begins anew
        left_s = self._idle_since_s + KEEPALIVE_S - self.loop.time()
        if left_s > 0:
            self._idle = self.loop.call_later(left_s, self._tire)
        else:
            self.transport.close()

    def _cut(self) -> None:
        """End a connection whose request's head does not end; who has begun one is told why."""
        self._late = None
        if self._waiter is not None:
            self.transport.write(self.late)
            self.transport.close()

    def _end_late(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


Serve: TypeAlias = Callable[[Connection, Incoming], Awaitable[bool]]


class RawStream:
    """The bytes of a taken connection, with back-pressure both ways."""

    def __init__(self, connection: Connection, reader: asyncio.StreamReader) -> None:
        self._connection, self._reader = connection, reader

    async def read(self, bytes_max: int) -> bytes:
        """Return what has come, at most this much; empty when the client has ended."""
        return await self._reader.read(bytes_max)

    async def send(self, data: bytes) -> None:
        """Write, and wait while the client is slow: a terminal may be stopped. Raises ConnectionError if it left."""
        await self._connection.push(data, patient=True)

    def close(self) -> None:
        """End the connection."""
        self._connection.transport.close()


class Upgrade:
    """What a handler gets with an upgrade request: the query as it was sent, and the connection itself.

    raw_query: undecoded; `command=` may stand in it many times. on_taken: called when the connection is taken.
    """

    def __init__(self, connection: Connection, raw_query: str) -> None:
        self._connection = connection
        self.raw_query = raw_query
        self.taken = False
        self.on_taken: Callable[[], None] | None = None

    def take(self) -> RawStream:
        """Take the connection over; the answer that the handler returns is then not sent."""
        self.taken = True
        if self.on_taken is not None:
            self.on_taken()
        return self._connection.take()
