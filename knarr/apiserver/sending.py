"""Send an answer: its head, and its body whole, in slices, in chunks as they come, or packed.

Large answers leave in slices, so that a slow client costs no memory, and compressed where the client asks. What most
requests get leaves in one write, which is one TLS record.
"""

from __future__ import annotations

import asyncio
import zlib
from contextlib import aclosing
from email.utils import formatdate
from http import HTTPStatus

import orjson

from knarr.api.http import Answer, Broken
from knarr.apiserver.connection import Connection
from knarr.apiserver.intake import Incoming
from knarr.base.clock import Clock

SLICE_BYTES = 256 << 10  # of a large body, written between two looks at the client's speed
INDENTED = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
PEOPLE = ("curl", "Wget", "Mozilla/5.0")  # what people read with
WHOLE_BYTES_MAX = 512 << 10  # a body up to this leaves in one write
GZIP_BYTES_MIN = 128 << 10  # Source: kube handlers/responsewriters/writers.go, defaultGzipThresholdBytes
GZIP_LEVEL = 1  # Source: the same, defaultGzipContentEncodingLevel
WITHOUT_BODY = frozenset({101, 204, 304})
LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
JSON = "application/json"


class Sender:
    """Writes answers to connections. It keeps the `Date` of this second."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._second, self._date = clock, -1, ""

    async def send(self, connection: Connection, incoming: Incoming, answer: Answer, *, keep: bool) -> bool:
        """Send an answer; say whether the connection may be used on. keep: whether it might, for all else.

        Raises ConnectionError when the client has gone.
        """
        if answer.stream is not None:
            return await self._stream(connection, incoming, answer, keep=keep)
        if answer.body and answer.content_type == JSON and _pretty(incoming):
            answer.body = orjson.dumps(orjson.loads(answer.body), option=INDENTED)
        if len(answer.body) >= GZIP_BYTES_MIN and _takes_gzip(incoming, answer):
            answer.body = await asyncio.to_thread(_gzip, answer.body)
            answer.headers = {**answer.headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        if len(answer.body) > WHOLE_BYTES_MAX and incoming.method != "HEAD":
            head = self.head(answer, _measure(answer), keep=keep, version=incoming.version)
            await _slices(connection, head, answer.body)
            return keep
        await connection.push(self.whole(answer, incoming.method, keep=keep, version=incoming.version))
        return keep

    def whole(self, answer: Answer, method: str = "", *, keep: bool = False, version: str = "1.1") -> bytes:
        """Return all bytes of an answer to a method."""
        if answer.status in WITHOUT_BODY:
            return self.head(answer, "", keep=keep, version=version)
        head = self.head(answer, _measure(answer), keep=keep, version=version)
        return head if method == "HEAD" else head + answer.body

    def head(self, answer: Answer, own: str, *, keep: bool, version: str = "1.1") -> bytes:
        """Return an answer's head. own: lines that say how the body comes. version: the request's.

        Raises ValueError for a header of several lines.
        """
        second = int(self._clock.now_s())
        if second != self._second:
            self._second, self._date = second, f"Date: {formatdate(second, usegmt=True)}\r\n"
        parts = [LINES.get(answer.status) or f"HTTP/1.1 {answer.status} \r\n", own]
        if answer.content_type:
            parts.append(f"Content-Type: {answer.content_type}\r\n")
        skipped = {"connection", "transfer-encoding", own[:14].lower(), "content-type" if answer.content_type else ""}
        names = set()
        for name, value in answer.headers.items():
            if "\n" in value or "\r" in value:
                raise ValueError(f"the answer's header {name} has more than one line")
            low = name.lower()
            names.add(low)
            if low not in skipped:
                parts.append(f"{name}: {value}\r\n")
        parts.append("" if "date" in names else self._date)
        parts.append("" if "cache-control" in names else "Cache-Control: no-cache, private\r\n")
        if not keep:
            parts.append("Connection: close\r\n")
        elif version == "1.0":
            parts.append("Connection: keep-alive\r\n")
        parts.append("\r\n")
        return "".join(parts).encode("utf-8", "surrogateescape")

    async def _stream(self, connection: Connection, incoming: Incoming, answer: Answer, *, keep: bool) -> bool:
        assert answer.stream is not None
        silent = incoming.method == "HEAD" or answer.status in WITHOUT_BODY
        measured = any(name.lower() == "content-length" for name in answer.headers)
        framed = not (silent or measured) and incoming.version != "1.0"
        keep = keep and (framed or silent or measured)
        own = "Transfer-Encoding: chunked\r\n" if framed else ""
        try:
            async with aclosing(answer.stream) as chunks:  # type: ignore[type-var]
                await connection.push(self.head(answer, own, keep=keep, version=incoming.version))
                async for chunk in chunks:
                    if chunk and not silent:
                        chunk = b"%x\r\n%b\r\n" % (len(chunk), chunk) if framed else chunk
                        await connection.push(chunk, patient=answer.patient)
        except Broken:
            connection.transport.abort()  # so that nobody takes a part for the whole
            return False
        if framed:
            await connection.push(b"0\r\n\r\n")
        return keep


def _measure(answer: Answer) -> str:
    return f"Content-Length: {len(answer.body)}\r\n"


def _takes_gzip(incoming: Incoming, answer: Answer) -> bool:
    asked = "gzip" in incoming.headers.get("accept-encoding", "")
    return asked and "content-encoding" not in {name.lower() for name in answer.headers}


def _pretty(incoming: Incoming) -> bool:
    """Say whether a person reads the answer. Source: kube endpoints/handlers/negotiation, isPrettyPrint."""
    said = incoming.query.get("pretty", "") if "pretty" in incoming.target else ""
    return said in TRUE if said else incoming.headers.get("user-agent", "").startswith(PEOPLE)


async def _slices(connection: Connection, head: bytes, body: bytes) -> None:
    view = memoryview(body)
    await connection.push(head)
    for start in range(0, len(body), SLICE_BYTES):
        await connection.push(view[start : start + SLICE_BYTES])


def _gzip(body: bytes) -> bytes:
    return zlib.compress(body, GZIP_LEVEL, wbits=31)
