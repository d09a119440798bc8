"""Probe by GET, with an HTTP/1.1 client of the few lines that this needs: one connection, one request, one status.

A general client costs several times as much, and a node may ask a thousand times a second. Redirects to the same host
are followed, to others they count as success with a warning. Source: kube pkg/probe/http/http.go, request.go.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, cast
from urllib.parse import urljoin, urlsplit

from knarr.node.probes import dial
from knarr.node.probes.tally import Outcome

BODY_BYTES_MAX: Final = 10 * 1024       # Source: kube, maxRespBodyLength
HEAD_BYTES_MAX: Final = 64 * 1024       # a head longer than that is no health check
REDIRECTS_MAX: Final = 10               # Source: Go net/http, defaultCheckRedirect
USER_AGENT: Final = "kube-probe/1.36"


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how to ask. headers: as the probe gives them, names in any case."""

    host: str
    port: int
    path: str = "/"
    scheme: str = "http"
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def url(self) -> str:
        """Return the address as it stands in messages."""
        return f"{self.scheme}://{dial.join(self.host, self.port)}{self.path}"


async def probe(target: Target, *, timeout_s: float) -> Outcome:
    """Ask once, redirects included."""
    try:
        async with asyncio.timeout(timeout_s):
            return await _ask(target)
    except TimeoutError:
        why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return Outcome("failure", f'Get "{target.url}": {why}')


async def _ask(target: Target) -> Outcome:
    origin = target.host
    for _ in range(REDIRECTS_MAX):
        reply = await _fetch(target)
        if isinstance(reply, Outcome):
            return reply
        if not 300 <= reply.status < 400 or not reply.location:
            break
        target = _redirected(target, reply.location)
        if target.host != origin:
            return Outcome("warning", f"Probe terminated redirects, Response body: {reply.body}")
    else:
        return Outcome("failure", f'Get "{target.url}": stopped after {REDIRECTS_MAX} redirects')
    if 200 <= reply.status < 400:
        return Outcome("success")
    return Outcome("failure", f"HTTP probe failed with statuscode: {reply.status}")


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    location: str
    body: str


async def _fetch(target: Target) -> _Reply | Outcome:
    loop = asyncio.get_running_loop()
    exchange = _Exchange(request_bytes(target), loop.create_future())
    context = _trusting() if target.scheme == "https" else None
    try:
        await loop.create_connection(lambda: exchange, target.host, target.port, ssl=context)
    except ssl.SSLError as error:
        return Outcome("failure", f'Get "{target.url}": tls: {error.reason or error}')
    except OSError as error:
        text = f'Get "{target.url}": {dial.told(error, target.host, target.port)}'
        return Outcome("error" if dial.is_ours(error) else "failure", text)
    try:
        return await exchange.reply
    except OSError as error:
        return Outcome("failure", f'Get "{target.url}": {error}')
    finally:
        exchange.hang_up()


class _Exchange(asyncio.Protocol):
    """One request and its answer on a connection of their own."""

    def __init__(self, request: bytes, reply: asyncio.Future[_Reply]) -> None:
        self._request = request
        self.reply = reply
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)       # uvloop's is one in all but its class
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0 and len(self._received) <= HEAD_BYTES_MAX:
            return
        self._settle(head_end, at_end=False)

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle(self._received.find(b"\r\n\r\n"), at_end=True)

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _settle(self, head_end: int, *, at_end: bool) -> None:
        """Give the reply once it is whole: all of a known length, the bound, or the end of the connection."""
        if self.reply.done():
            return
        parsed = parse_head(bytes(self._received[:max(head_end, 0)]))
        if parsed is None:
            broken = not at_end or self._received
            self.reply.set_exception(OSError("malformed HTTP response" if broken else "EOF"))
            return
        body = self._received[head_end + 4:]
        wanted = min(parsed.length if parsed.length is not None else BODY_BYTES_MAX, BODY_BYTES_MAX)
        if at_end or len(body) >= wanted or parsed.status in (204, 304):
            text = bytes(body[:wanted]).decode("utf-8", "replace")
            self.reply.set_result(_Reply(parsed.status, parsed.location, text))


@dataclass(frozen=True, slots=True)
class Head:
    """What a probe reads of an answer's head. length: None where the answer does not say."""

    status: int
    location: str = ""
    length: int | None = None


def parse_head(head: bytes) -> Head | None:
    """Read status, location and length; None where this is not HTTP/1."""
    first, *lines = head.split(b"\r\n")
    words = first.split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or len(words[1]) != 3 or not words[1].isdigit():
        return None
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    length = fields.get(b"content-length", b"")
    location = fields.get(b"location", b"").decode("latin-1")
    return Head(int(words[1]), location, int(length) if length.isdigit() else None)


@lru_cache(maxsize=4096)     # 4096: more probes than one node has; the same bytes are sent every period
def request_bytes(target: Target) -> bytes:
    """Return the request, with the headers kubelet sets unless the probe sets them."""
    given = {name.lower() for name, _ in target.headers}
    fixed = (("Host", dial.join(target.host, target.port)), ("User-Agent", USER_AGENT), ("Accept", "*/*"))
    headers = [(name, value) for name, value in fixed if name.lower() not in given]
    # An empty value asks kubelet to leave the header out. Source: kube pkg/probe/http/request.go.
    left_out = ("accept", "user-agent")
    headers += [(name, value) for name, value in target.headers if value or name.lower() not in left_out]
    lines = [f"GET {target.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "Connection: close"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _redirected(target: Target, location: str) -> Target:
    parts = urlsplit(urljoin(target.url, location))
    scheme = "https" if parts.scheme == "https" else "http"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = parts.port or (443 if scheme == "https" else 80)
    return replace(target, host=parts.hostname or target.host, port=port, path=path, scheme=scheme)


@lru_cache(maxsize=1)
def _trusting() -> ssl.SSLContext:
    """Return a context that takes any certificate: a probe asks about health, not identity, as kubelet's does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
