"""Carry logs, exec, attach and port-forward between a client and a node's agent. Bytes are passed on, never understood.

An upgrade is offered to the agent first, with the client's own headers. Only when the agent has said 101 is the
client's connection taken and both are spliced, each direction at the pace of its reader; a refusal is passed on as
the answer it is.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from urllib.parse import quote, urlencode

import aiohttp

from knarr.api.errors import ApiError, BadRequest, Internal, Unavailable
from knarr.api.http import Answer
from knarr.apiserver.agents import Place, agent_address, log_place, stream_place
from knarr.apiserver.connection import RawStream, Upgrade
from knarr.apiserver.core import Core, Request

CONNECT_S = 10
HEAD_BYTES_MAX = 64 << 10  # of an agent's answer
REFUSAL_BYTES_MAX = 1 << 20
CHUNK_BYTES = 64 << 10
ANSWER_BYTES_MAX = 64 << 20  # of a proxied answer that is not a log
PRIVATE = frozenset({"authorization", "host", "cookie", "content-length", "x-forwarded-for", "x-forwarded-uri"})
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "content-encoding",
        "date",
        "server",
    }
)
BEARER_PROTOCOL = re.compile(r"base64url\.bearer\.authorization\.k8s\.io\.[^,]*,?\s*")


class Streams:
    """Everything that goes on to an agent."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Let go of the connections to agents."""
        if self._session is not None:
            await self._session.close()

    async def log(self, request: Request) -> Answer:
        """Answer with a container's log, streamed as it comes."""
        return await self._pass_on(log_place(self.core, request), "GET")

    async def node_proxy(self, request: Request) -> Answer:
        """Answer with whatever the node's agent says at a path."""
        host, port = agent_address(self.core, request.target.name)
        query = urlencode(request.call.query)
        return await self._pass_on(
            Place(host, port, f"/{quote(request.target.rest)}", query), request.call.method, request.call.body
        )

    async def connect(self, request: Request) -> Answer:
        """Join a client to exec, attach or port-forward of a container. The answer counts only if the agent refuses."""
        upgrade = request.call.upgrade
        if not isinstance(upgrade, Upgrade):
            raise BadRequest("Upgrade request required")
        place = stream_place(self.core, request, upgrade.raw_query)
        reader, writer = await self._open(place)
        try:
            writer.write(request_head(request.call.method, place, upgrade.headers))
            await writer.drain()
            head = await _read_head(reader)
            if not head.startswith((b"HTTP/1.1 101", b"HTTP/1.0 101")):
                return await _refusal(head, reader)
            client = upgrade.take()
            try:
                await client.write(head)
                await splice(client, reader, writer)
            finally:
                client.close()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as fault:
            raise Internal(f"error dialing backend: {fault}") from fault
        finally:
            writer.close()
        return Answer(101)

    async def _open(self, place: Place) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(CONNECT_S):
                return await asyncio.open_connection(place.host, place.port, ssl=self._tls(), limit=HEAD_BYTES_MAX)
        except (OSError, TimeoutError) as fault:
            raise dial_failed(place, fault) from fault

    async def _pass_on(self, place: Place, method: str, body: bytes = b"") -> Answer:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S)
            self._session = aiohttp.ClientSession(
                timeout=timeout, connector=aiohttp.TCPConnector(ssl=self._tls(), limit=256)
            )
        try:
            response = await self._session.request(method, place.url, data=body or None, allow_redirects=False)
        except (aiohttp.ClientError, OSError, TimeoutError) as fault:
            raise dial_failed(place, fault) from fault
        headers = {
            key: value for key, value in response.headers.items() if key.lower() not in HOP_BY_HOP | {"content-type"}
        }
        kind = response.headers.get("content-type", "text/plain")
        return Answer(response.status, content_type=kind, headers=headers, stream=_chunks(response))

    def _tls(self) -> ssl.SSLContext:
        if self.core.settings.agent_tls is None:
            raise Unavailable("this server has no certificate to reach agents with")
        return self.core.settings.agent_tls


def dial_failed(place: Place, fault: Exception) -> ApiError:
    """Say that an agent cannot be reached. Source: kube, a proxied dial error is a 500 with these words."""
    return Internal(f"error dialing backend: dial tcp {place.host}:{place.port}: {fault or type(fault).__name__}")


def request_head(method: str, place: Place, headers: list[tuple[str, str]]) -> bytes:
    """Write the request that offers the upgrade to the agent: the client's headers, without what concerns only us."""
    lines = [f"{method} {place.target} HTTP/1.1", f"Host: {place.host}:{place.port}"]
    for key, value in headers:
        if key.lower() in PRIVATE or key.lower().startswith("impersonate-"):
            continue
        kept = BEARER_PROTOCOL.sub("", value).strip(", ") if key.lower() == "sec-websocket-protocol" else value
        if kept:
            lines.append(f"{key}: {kept}")
    if method == "POST":
        lines.append("Content-Length: 0")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", errors="replace")


async def splice(client: RawStream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes both ways until either side ends."""

    async def to_agent() -> None:
        while data := await client.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()

    async def to_client() -> None:
        while data := await reader.read(CHUNK_BYTES):
            await client.write(data)

    await first_done(to_agent, to_client)


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


async def _read_head(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(CONNECT_S * 3):
        return await reader.readuntil(b"\r\n\r\n")


async def _refusal(head: bytes, reader: asyncio.StreamReader) -> Answer:
    """Read an answer other than 101 to its end."""
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in lines if line)}
    length = headers.get("content-length")
    async with asyncio.timeout(CONNECT_S):
        body = (
            await reader.read(REFUSAL_BYTES_MAX)
            if length is None
            else await reader.readexactly(min(int(length), REFUSAL_BYTES_MAX))
        )
    return Answer(int(first.split(" ")[1]), body, headers.get("content-type", "text/plain"))


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    except aiohttp.ClientError:
        return  # the agent went away: the log ends here, as it does when a container's node dies
    finally:
        response.close()
