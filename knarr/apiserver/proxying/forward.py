"""Send a request on to another server and bring its answer back, or join the client to it where both upgrade.

Bodies pass in pieces, each way at the pace of who reads. Connections are kept and used again; a connection that breaks
off in the middle of an answer breaks off the client's too, so that half an answer never looks whole.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from knarr.api.http import Answer, Broken, Call
from knarr.apiserver.connection import RawStream, Upgrade
from knarr.apiserver.proxying.faults import dialling
from knarr.apiserver.proxying.headers import Pairs, incoming
from knarr.apiserver.proxying.spares import Spares

CONNECT_S: Final = 10
UPGRADE_S: Final = 30  # for the answer to an upgrade
HEAD_BYTES_MAX: Final = 64 << 10  # of an upgrade's answer
REFUSAL_BYTES_MAX: Final = 1 << 20
CHUNK_BYTES: Final = 64 << 10
BODY_CHUNK_BYTES: Final = 64 << 10
NONE_ADDED: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


@dataclass(frozen=True, slots=True)
class Backend:
    """Where to send. target: path and query as they stand in the first line. tls: None for plain HTTP.

    server_name: what the certificate must be for, where that is not the host. again: it is likely asked again soon.
    """

    host: str
    port: int
    target: str
    tls: ssl.SSLContext | None = None
    server_name: str = ""
    again: bool = False

    @property
    def address(self) -> str:
        """Return host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Return the whole URL."""
        return f"{'https' if self.tls else 'http'}://{self.address}{self.target}"


class Forwarder:
    """The connections to the servers behind us."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._spares = Spares()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._spares.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, call: Call, backend: Backend, headers: Pairs) -> aiohttp.ClientResponse:
        """Send a request and return the answer's head; who asks must close it. Raises Unreached."""
        try:
            return await self._opened().request(
                call.method,
                URL(backend.url, encoded=True),
                headers=CIMultiDict(headers),
                data=call.upload or call.body or None,
                skip_auto_headers=NONE_ADDED,
                ssl=backend.tls or False,
                server_hostname=(backend.server_name or None) if backend.tls else None,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            raise dialling(backend.address, fault) from fault

    async def join(self, upgrade: Upgrade, backend: Backend, *, method: str, headers: Pairs) -> Answer:
        """Offer an upgrade and splice both connections. The answer counts only if the backend refuses.

        Raises Unreached.
        """
        place = backend.host, backend.port, backend.tls
        reader, writer = self._spares.take(place) or await _dial(backend)
        try:
            writer.write(request_head(method, backend, headers))
            async with asyncio.timeout(UPGRADE_S):
                await writer.drain()
                head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith((b"HTTP/1.1 101", b"HTTP/1.0 101")):
                return await _refusal(head, reader)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as fault:
            writer.close()
            raise dialling(backend.address, fault) from fault
        try:
            client = upgrade.take()
            try:
                await client.send(head)
                await splice(client, reader, writer)
            finally:
                client.close()
        except OSError:
            pass  # a peer that hangs up is how these streams end
        finally:
            writer.close()
        if backend.again:
            self._spares.prepare(place, lambda: _dial(backend))
        return Answer(101)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
                connector=aiohttp.TCPConnector(limit=0),  # as many as there are clients: a watch keeps one for hours
                cookie_jar=aiohttp.DummyCookieJar(),  # one client's cookies are not another's
                auto_decompress=False,
            )
        return self._session


def passed_on(response: aiohttp.ClientResponse, *, cors: bool = True) -> Answer:
    """Return an answer as it comes, streamed."""
    headers = CIMultiDict(incoming(response.headers.items(), cors=cors))
    kind = response.headers.get("content-type", "")
    return Answer(response.status, content_type=kind, headers=headers, stream=chunks(response))


async def chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Yield a body in pieces as they come. Raises Broken where it ends before its end."""
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    except (aiohttp.ClientError, OSError) as fault:
        raise Broken(str(fault)) from fault
    finally:
        response.close() if not response.content.at_eof() else response.release()


def request_head(method: str, backend: Backend, headers: Pairs) -> bytes:
    """Write the request that offers an upgrade."""
    lines = [f"{method} {backend.target} HTTP/1.1"]
    if not any(name.lower() == "host" for name, _ in headers):
        lines.append(f"Host: {backend.address}")
    lines += [f"{name}: {value}" for name, value in headers if name.lower() != "content-length"]
    if method == "POST":
        lines.append("Content-Length: 0")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", errors="replace")


async def splice(client: RawStream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes both ways until either side ends; what has come by then is still sent."""

    async def to_backend() -> None:
        while data := await client.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()

    async def to_client() -> None:
        while data := await reader.read(CHUNK_BYTES):
            await client.send(data)

    await first_done(to_backend, to_client)


async def first_done(*parts: Callable[[], Awaitable[None]]) -> None:
    """Run all; when one ends or loses its peer, end the others."""

    async def run(part: Callable[[], Awaitable[None]]) -> None:
        with suppress(ConnectionError):  # a peer that hangs up is how these streams end
            await part()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run(part)) for part in parts]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()


async def _dial(backend: Backend) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        async with asyncio.timeout(CONNECT_S):
            return await asyncio.open_connection(
                backend.host,
                backend.port,
                ssl=backend.tls,
                server_hostname=(backend.server_name or backend.host) if backend.tls else None,
                limit=HEAD_BYTES_MAX,
            )
    except OSError as fault:  # TimeoutError is one
        raise dialling(backend.address, fault) from fault


async def _refusal(head: bytes, reader: asyncio.StreamReader) -> Answer:
    """Read an answer other than 101 to its end. Raises ValueError for what is no HTTP."""
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) < 2 or not words[1].isdigit():
        raise ValueError("malformed HTTP response")
    pairs = [(key.strip(), value.strip()) for key, _, value in (line.partition(":") for line in lines if line)]
    named = {key.lower(): value for key, value in pairs}
    length = named.get("content-length")
    async with asyncio.timeout(CONNECT_S):
        body = (
            await reader.read(REFUSAL_BYTES_MAX)
            if length is None or not length.isdigit()
            else await reader.readexactly(min(int(length), REFUSAL_BYTES_MAX))
        )
    kept = [(name, value) for name, value in incoming(pairs) if name.lower() != "content-length"]
    return Answer(int(words[1]), body, named.get("content-type", "text/plain"), CIMultiDict(kept))
