"""Read requests off a connection's bytes, by httptools. Knows no socket.

Requests sent ahead wait in a queue; what a client sends beyond that stays unread. Behind a request that asks for
another protocol the bytes are held as they are, to the last one, for whoever takes the connection.
"""

from __future__ import annotations

import asyncio
from collections import deque

import httptools
import structlog
from multidict import CIMultiDict

from knarr.apiserver.limits import (
    HEAD_BYTES_MAX,
    HEADERS_MAX,
    LINE_BYTES_MAX,
    Refused,
    large_head,
    long_line,
    malformed,
)

log = structlog.get_logger("apiserver")
STEP_BYTES = 32 << 10  # parsed between two looks at the queue
AHEAD_MAX = 16  # requests in the queue, beyond which no more is parsed; those of one step may come on top
VERSIONS = frozenset({"1.0", "1.1"})
PROTOCOLS = frozenset({"spdy/3.1", "websocket"})  # that a connection may be left to


class Incoming:
    """One request. Its head is whole; its body is coming until it is `complete` or has a `fault`.

    target: path and query as they were sent; query: as the edge has read it. length: of the body as it was announced,
    bytes; 0 where it was not. size: of what has come of it and nobody has taken yet. upgrading: the client offers one
    of PROTOCOLS.
    """

    __slots__ = (
        "_pieces", "_waiter", "complete", "fault", "headers", "keep_alive", "length", "method", "query", "size",
        "target", "upgrading", "version",
    )  # fmt: skip

    def __init__(self, method: str, target: str, headers: CIMultiDict[str], *, version: str) -> None:
        self.method, self.target, self.headers, self.version = method, target, headers, version
        self.length = int(headers.get("content-length", "0"))
        self.query: dict[str, str] = {}
        self.keep_alive, self.upgrading, self.complete = True, False, False
        self.fault: Refused | None = None
        self.size = 0
        self._pieces: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None

    @property
    def bodied(self) -> bool:
        """Say whether a body belongs to it."""
        return self.length > 0 or "transfer-encoding" in self.headers

    def add(self, piece: bytes) -> None:
        """Take a piece of the body in."""
        self._pieces.append(piece)
        self.size += len(piece)
        self.wake()

    def take(self) -> bytes:
        """Hand out what has come of the body; the next piece comes behind it."""
        pieces, self._pieces, self.size = self._pieces, [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def wake(self) -> None:
        """Tell who waits that something has come."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def more(self) -> None:
        """Wait until something comes: a piece, the end, or a fault."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None


class Intake:
    """The bytes of one connection, read as requests.

    ready: whose heads have come. begun: a head has, and not ended. over: no request can follow. early: bytes behind
    an upgrade. unread: what is left for when the queue is shorter.
    """

    __slots__ = ("_fields", "_head_bytes", "_incoming", "_parser", "_url", "begun", "early", "over", "ready", "unread")

    def __init__(self) -> None:
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self._fields: list[tuple[str, str]] = []
        self._url, self._head_bytes = b"", 0
        self._incoming: Incoming | None = None  # whose body is coming
        self.ready: deque[Incoming] = deque()
        self.begun = self.over = False
        self.early: bytearray | None = None
        self.unread = b""

    def feed(self, data: bytes) -> None:
        """Read on."""
        if self.early is not None:
            self.early += data
        elif not self.over:
            self.unread += data
            self.read()

    def close(self) -> None:
        """Read nothing any more. The parser, which holds us, is let go."""
        self.over, self.unread, self._parser = True, b"", None

    def read(self) -> None:
        """Read what is unread, as far as the queue allows."""
        while self.unread and len(self.ready) < AHEAD_MAX and not self.over:
            step, self.unread = self.unread[:STEP_BYTES], self.unread[STEP_BYTES:]
            self._parse(step)

    def _parse(self, data: bytes) -> None:
        assert self._parser is not None, "nothing is read once it is closed"
        try:
            self._parser.feed_data(data)
            if self.begun:
                self._head_bytes += len(data)
                if self._head_bytes > HEAD_BYTES_MAX:
                    raise large_head()
        except httptools.HttpParserUpgrade as upgrade:
            self._leave(data[upgrade.args[0] :])
        except Refused as fault:
            self._refuse(fault)
        except httptools.HttpParserError as fault:
            self._refuse(_refusal(fault))

    def _leave(self, behind: bytes) -> None:
        """Stop reading HTTP behind an upgrade; where we know nothing of its protocol, it is a request like others."""
        self.unread = behind + self.unread
        if self.over:
            self.early, self.unread = bytearray(self.unread), b""

    def _refuse(self, fault: Refused) -> None:
        if self.over:
            return  # bytes behind the last request
        self.over, self.begun, self.unread = True, False, b""
        if self._incoming is None:
            self._incoming = Incoming("", "", CIMultiDict(), version="1.1")
            self.ready.append(self._incoming)
        self._incoming.fault = fault
        self._incoming.wake()

    def on_message_begin(self) -> None:
        """Hear of a first byte. This and what follows are called by httptools."""
        self.begun, self._head_bytes, self._url, self._fields = True, 0, b"", []

    def on_url(self, url: bytes) -> None:
        """Take a piece of path and query."""
        self._url += url
        if len(self._url) > LINE_BYTES_MAX:
            raise long_line()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header line. Those behind a body count for nothing."""
        if len(name) + len(value) > LINE_BYTES_MAX or len(self._fields) >= HEADERS_MAX:
            raise large_head()
        self._fields.append((name.decode("latin-1"), value.decode("utf-8", "surrogateescape")))

    def on_headers_complete(self) -> None:
        """Put a request into the queue."""
        self.begun, parser = False, self._parser
        assert parser is not None, "it is the parser that calls"
        version, headers = parser.get_http_version(), CIMultiDict(self._fields)
        if version not in VERSIONS:
            raise malformed("Bad HTTP version")
        hosts = len(headers.getall("host", ()))
        if hosts > 1 or (not hosts and version == "1.1"):
            raise malformed("Duplicate 'Host' header" if hosts else "Missing 'Host' header")
        method, url = parser.get_method().decode("latin-1"), self._url.decode("latin-1")
        incoming = Incoming(method, url, headers, version=version)
        incoming.keep_alive = parser.should_keep_alive()
        if parser.should_upgrade():
            _offer(incoming)
        self._incoming = incoming
        self.ready.append(incoming)

    def on_body(self, piece: bytes) -> None:
        """Take a piece of a body."""
        assert self._incoming is not None
        self._incoming.add(piece)

    def on_message_complete(self) -> None:
        """Hear of a request's last byte."""
        incoming, self._incoming = self._incoming, None
        assert incoming is not None
        incoming.complete, self.over = True, incoming.upgrading or not incoming.keep_alive
        incoming.wake()


def _offer(incoming: Incoming) -> None:
    """Note which way a connection may go on. httptools reads no body of a request that offers an upgrade."""
    protocol = incoming.headers.get("upgrade", "").strip().lower()
    incoming.upgrading = protocol in PROTOCOLS and incoming.method in ("GET", "POST")
    if incoming.upgrading:
        return
    if incoming.bodied:
        raise malformed("an upgrade with a body, to a protocol that is not spoken here")
    incoming.keep_alive = incoming.keep_alive and incoming.method != "CONNECT"


def _refusal(fault: httptools.HttpParserError) -> Refused:
    cause = fault.__context__
    if isinstance(cause, Refused):
        return cause
    if isinstance(fault, httptools.HttpParserCallbackError):
        log.error("http.bug", exc_info=cause)
        return Refused(500, "Internal Server Error")
    return malformed(str(fault))
