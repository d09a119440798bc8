"""Open a stream at the container runtime's streaming server, by whichever upgrade the client asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from knarr.node.server.connection import BUFFER_BYTES, Pipe

CONNECT_S: Final = 10.0
HEAD_BYTES_MAX: Final = 64 << 10
REFUSAL_BYTES_MAX: Final = 64 << 10
KEPT_BACK: Final = frozenset({"host", "authorization", "cookie", "content-length", "transfer-encoding"})

Headers = Iterable[tuple[str, str]]


class Refused(Exception):
    """The runtime did not upgrade the connection."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Stream:
    """An upgraded connection to the runtime. head: its 101 answer, whole, to be passed on or dropped."""

    pipe: Pipe
    head: bytes


async def open_stream(url: str, method: str, headers: Headers) -> Stream:
    """Connect, ask for the upgrade, read the answer's head. Raises Refused, or OSError where nobody listens."""
    where = urlsplit(url)
    async with asyncio.timeout(CONNECT_S):
        reader, writer = await asyncio.open_connection(
            where.hostname, where.port or 80, limit=max(BUFFER_BYTES, HEAD_BYTES_MAX))
        pipe = Pipe(reader, writer)
        try:
            path = f"{where.path or '/'}{'?' + where.query if where.query else ''}"
            await pipe.send(request_head(method, path, host=where.netloc, headers=headers))
            head = await reader.readuntil(b"\r\n\r\n")
            status = status_of(head)
            if status != 101:
                raise Refused(status, await _refusal(reader))
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            pipe.close()
            raise Refused(502, f"the container runtime's streaming server sent no answer: {error}") from error
        except BaseException:
            pipe.close()
            raise
    return Stream(pipe, head)


def request_head(method: str, path: str, *, host: str, headers: Headers) -> bytes:
    """Return the upgrade request: the client's own headers, without what is between it and us."""
    kept = [f"{name}: {value}" for name, value in headers if name.lower() not in KEPT_BACK]
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", *kept, "", ""]).encode("latin-1", "replace")


def status_of(head: bytes) -> int:
    """Return the status of an answer's head; 502 where it has none."""
    words = head.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/1.") and words[1][:3].isdigit() else 502


async def _refusal(reader: asyncio.StreamReader) -> str:
    """Read what little the refusal's body says; a server that keeps the connection open gets a second."""
    text = b""
    try:
        async with asyncio.timeout(1):
            text = await reader.read(REFUSAL_BYTES_MAX)
    except TimeoutError:
        return "the container runtime refused the stream"
    return text.decode("utf-8", "replace").strip() or "the container runtime refused the stream"
