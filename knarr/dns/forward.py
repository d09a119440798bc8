"""Ask the machine's own resolvers for names outside the cluster.

Equal questions under way are asked once. Their number is bounded, waits are short, answers are kept in the cache. A
resolver that turns out to ask us back is dropped: each is tried with a random question first, and if that arrives
here, it loops.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from knarr.base.clock import Clock
from knarr.base.rng import Rng
from knarr.dns import wire
from knarr.dns.cache import Cache, Key

TRY_S = 2.0  # per resolver
ROUNDS = 2
FORWARDS_MAX = 1024  # questions under way; the next is told SERVFAIL
RELOAD_S = 5.0  # how often resolv.conf is looked at, while there are questions
UPSTREAMS_MAX = 3  # Source: glibc resolv.h, MAXNS

log = structlog.get_logger()


class Unreachable(Exception):
    """No resolver answered, or there is none."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """One resolver."""

    address: str
    port: int = 53


@dataclass(frozen=True, slots=True)
class Source:
    """Where the resolvers are written down. own: addresses at which we listen ourselves."""

    resolv_conf: Path = Path("/etc/resolv.conf")
    own: tuple[str, ...] = ()
    fixed: tuple[Upstream, ...] = ()


Exchange = Callable[[Upstream, bytes], Awaitable[bytes]]


class Forwarder:
    """Questions under way, the cache, and the resolvers. exchange: one try with one resolver."""

    def __init__(self, source: Source, *, clock: Clock, rng: Rng, exchange: Exchange | None = None) -> None:
        self._source = source
        self._clock = clock
        self._rng = rng
        self._exchange = exchange or over_udp_then_tcp
        self._cache = Cache()
        self._under_way: dict[Key, asyncio.Future[bytes]] = {}
        self._upstreams: tuple[Upstream, ...] = ()
        self._loops: dict[bytes, Upstream] = {}  # the random names under way, by resolver
        self._tried: set[Upstream] = set()
        self._looping: set[Upstream] = set()
        self._read_s = -RELOAD_S
        self._modified_ns = -1

    async def ask(self, name: bytes, kind: int) -> bytes:
        """Return an upstream's whole answer; its id is not the asker's. Raises Unreachable."""
        key = (name, kind)
        kept = self._cache.get(key, self._clock.monotonic_s())
        if kept is not None:
            return kept
        under_way = self._under_way.get(key)
        if under_way is not None:
            return await asyncio.shield(under_way)
        if len(self._under_way) >= FORWARDS_MAX:
            raise Unreachable(f"{FORWARDS_MAX} questions are under way")
        future = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            message = await self._ask_all(name, kind)
        except (Unreachable, asyncio.CancelledError) as error:
            future.set_exception(Unreachable(str(error)))
            future.exception()  # seen: those who wait get it, and nobody may wait
            raise
        finally:
            del self._under_way[key]
        self._cache.put(key, message, self._clock.monotonic_s())
        future.set_result(message)
        return message

    def is_loop(self, name: bytes) -> bool:
        """Tell whether this question is our own, come back; the resolver that brought it is dropped."""
        upstream = self._loops.get(name)
        if upstream is None:
            return False
        self._looping.add(upstream)
        log.warning("dns.loop", upstream=upstream.address)
        return True

    async def _ask_all(self, name: bytes, kind: int) -> bytes:
        for _ in range(ROUNDS):
            for upstream in self._resolvers():
                await self._try_for_loop(upstream)
                if upstream in self._looping:
                    continue
                message = await self._ask_one(upstream, name, kind)
                if message is not None:
                    return message
        raise Unreachable("no resolver answers" if self._upstreams else "no resolver is known")

    async def _ask_one(self, upstream: Upstream, name: bytes, kind: int) -> bytes | None:
        query = wire.ask(self._rng.below(1 << 16), name, kind)
        try:
            async with asyncio.timeout(TRY_S):
                message = await self._exchange(upstream, query)
            tuple(wire.records(message))  # Malformed where it is not whole
            refused = message[3] & 0xF in (wire.SERVFAIL, wire.REFUSED)
            return message if fits(query, message) and not refused else None
        except (OSError, TimeoutError, wire.Malformed):
            return None

    async def _try_for_loop(self, upstream: Upstream) -> None:
        """Send a question that nobody else asks. Source: CoreDNS's plugin loop, which does the same."""
        if upstream in self._tried:
            return
        self._tried.add(upstream)
        name = wire.pack_name(f"{self._rng.bytes(8).hex()}.{self._rng.bytes(8).hex()}")
        self._loops[name] = upstream
        try:
            await self._ask_one(upstream, name, wire.HINFO)
        finally:
            del self._loops[name]

    def _resolvers(self) -> tuple[Upstream, ...]:
        if self._source.fixed:
            self._upstreams = self._source.fixed
            return self._upstreams
        now_s = self._clock.monotonic_s()
        if now_s - self._read_s >= RELOAD_S:
            self._read_s = now_s
            self._reload()
        return self._upstreams

    def _reload(self) -> None:
        try:
            modified_ns = self._source.resolv_conf.stat().st_mtime_ns
            text = self._source.resolv_conf.read_text() if modified_ns != self._modified_ns else None
        except OSError as error:
            log.warning("dns.no_resolvers", error=str(error))
            return
        if text is not None:
            self._modified_ns = modified_ns
            self._tried.clear()
            self._looping.clear()
            self._upstreams = nameservers(text, self._source.own)


def nameservers(text: str, own: tuple[str, ...]) -> tuple[Upstream, ...]:
    """Return the resolvers that a resolv.conf names, without ourselves."""
    words = [line.split() for line in text.splitlines()]
    named = [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]
    return tuple(Upstream(address) for address in named if address not in own)[:UPSTREAMS_MAX]


def fits(query: bytes, message: bytes) -> bool:
    """Tell whether a message answers this query: same id, same question. Anything else is a forger's or a mistake."""
    if len(message) < wire.HEADER.size or message[:2] != query[:2] or not message[2] & 0x80:
        return False
    asked, behind = wire.read_name(query, wire.HEADER.size)
    told, end = wire.read_name(message, wire.HEADER.size)
    return asked == told and query[behind : behind + 4] == message[end : end + 4]


async def over_udp_then_tcp(upstream: Upstream, query: bytes) -> bytes:
    """Ask over UDP, from a port of its own, and over TCP where the answer was cut."""
    message = await over_udp(upstream, query)
    if len(message) >= wire.HEADER.size and message[2] << 8 & wire.TC:
        return await over_tcp(upstream, query)
    return message


async def over_udp(upstream: Upstream, query: bytes) -> bytes:
    """Send one datagram and wait for the one that answers it."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[bytes] = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Once(query, answered), remote_addr=(upstream.address, upstream.port))
    try:
        transport.sendto(query)
        return await answered
    finally:
        transport.close()


class _Once(asyncio.DatagramProtocol):
    """Takes the first datagram that carries the query's id."""

    def __init__(self, query: bytes, answered: asyncio.Future[bytes]) -> None:
        self._query = query
        self._answered = answered

    def datagram_received(self, data: bytes, _: object) -> None:
        if data[:2] == self._query[:2] and not self._answered.done():
            self._answered.set_result(data)

    def error_received(self, error: Exception) -> None:
        if not self._answered.done():
            self._answered.set_exception(error)


async def over_tcp(upstream: Upstream, query: bytes) -> bytes:
    """Ask over a connection of its own."""
    reader, writer = await asyncio.open_connection(upstream.address, upstream.port, family=socket.AF_UNSPEC)
    try:
        writer.write(len(query).to_bytes(2, "big") + query)
        length = int.from_bytes(await reader.readexactly(2), "big")
        return await reader.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError("the resolver hung up") from error
    finally:
        writer.close()
