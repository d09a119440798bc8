"""Serve DNS over UDP and TCP.

Names of the cluster are answered at once, within the datagram's arrival; others are handed to tasks of the server's
group, bounded in number. Sockets are bound before their address exists (IP_FREEBIND), for the pods' bridge comes only
with the first pod.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from knarr.dns import wire
from knarr.dns.answer import Elsewhere, Found, answer
from knarr.dns.forward import Forwarder, Unreachable
from knarr.dns.zone import Zone

IP_FREEBIND = 15
TASKS_MAX = 2048  # questions being asked elsewhere; the next is told SERVFAIL
TCP_CLIENTS_MAX = 256
TCP_IDLE_S = 10.0  # Source: RFC 7766 section 6.2.3, "of the order of a few seconds"
UDP_BUFFER_BYTES = 1 << 20
MADE_MAX = 4096  # answers kept whole, until the zone changes

Later: TypeAlias = Coroutine[Any, Any, bytes]


class Responder:
    """From a query's bytes to an answer's. ready: tells whether the zone is whole, else it denies nothing."""

    def __init__(self, zone: Zone, forwarder: Forwarder, ready: Callable[[], bool]) -> None:
        self._zone = zone
        self._forwarder = forwarder
        self._ready = ready
        self._made: dict[bytes, bytes] = {}  # whole answers over UDP by query, both without their ids
        self._made_of = zone.serial

    def at_once(self, data: bytes, *, over_udp: bool) -> bytes | Later:
        """Return the answer, or a coroutine where it must be asked elsewhere. Empty: say nothing."""
        if self._made_of != self._zone.serial:
            self._made.clear()
            self._made_of = self._zone.serial
        made = self._made.get(data[2:]) if over_udp else None
        if made is not None:
            return data[:2] + made
        try:
            query = wire.parse_query(data)
        except wire.Malformed as error:
            return wire.refusal(data, error.rcode)
        return self._answer(data, query, over_udp=over_udp)

    def _answer(self, data: bytes, query: wire.Query, *, over_udp: bool) -> bytes | Later:
        limit = query.limit if over_udp else 65535
        if self._forwarder.is_loop(query.name):
            return b""
        found = answer(query, self._zone)
        if isinstance(found, Elsewhere):
            return self._elsewhere(query, found, limit)
        if not found.answers and not self._ready():
            found = Found(wire.SERVFAIL)
        reply = wire.reply(query, found.rcode, found.answers, found.authority, limit=limit)
        if over_udp and len(found.answers) == 1 and len(self._made) < MADE_MAX:  # several take turns by the id
            self._made[data[2:]] = reply[2:]
        return reply

    async def _elsewhere(self, query: wire.Query, found: Elsewhere, limit: int) -> bytes:
        try:
            message = await self._forwarder.ask(found.name, query.kind)
            return passed_on(query, found, message, limit=limit)
        except (Unreachable, wire.Malformed):
            return wire.reply(query, wire.SERVFAIL, flags=wire.RA, limit=limit)


def passed_on(query: wire.Query, found: Elsewhere, message: bytes, *, limit: int) -> bytes:
    """Write an upstream's answer as ours. Names in it are written out, for our question may be another."""
    answers = list(found.before)
    authority: list[bytes] = []
    for record in wire.records(message):
        data = unpacked(message, record)
        if record.kind == wire.OPT or record.section == 2:
            continue
        name = wire.SELF if record.name == query.name else record.name
        packed = wire.record(record.kind, data, ttl_s=record.ttl_s, name=name)
        (answers if record.section == 0 else authority).append(packed)
    return wire.reply(query, message[3] & 0xF, answers, authority, flags=wire.RA, limit=limit)


MX, DNAME = 15, 39
NAMES_IN = {wire.CNAME: 0, wire.NS: 0, wire.PTR: 0, MX: 2, wire.SRV: 6, DNAME: 0}  # byte where the name starts


def unpacked(message: bytes, record: wire.Record) -> bytes:
    """Return a record's data with the names in it written out."""
    data = message[record.data_at : record.end]
    if record.kind == wire.SOA:
        first, at = wire.read_name(message, record.data_at)
        second, at = wire.read_name(message, at)
        return first + second + message[at : record.end]
    if record.kind not in NAMES_IN:
        return data
    at = record.data_at + NAMES_IN[record.kind]
    return message[record.data_at : at] + wire.read_name(message, at)[0]


class Udp(asyncio.DatagramProtocol):
    """One socket's datagrams."""

    def __init__(self, responder: Responder, group: asyncio.TaskGroup) -> None:
        self._responder = responder
        self._group = group
        self._tasks = 0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, peer: Any) -> None:
        reply = self._responder.at_once(data, over_udp=True)
        if isinstance(reply, bytes):
            if reply:
                self._transport.sendto(reply, peer)
            return
        if self._tasks >= TASKS_MAX:
            reply.close()
            self._transport.sendto(wire.refusal(data, wire.SERVFAIL), peer)
            return
        self._tasks += 1
        self._group.create_task(self._later(reply, peer))

    async def _later(self, reply: Later, peer: Any) -> None:
        try:
            self._transport.sendto(await reply, peer)
        finally:
            self._tasks -= 1


class Tcp:
    """One socket's connections, each served in order until it is idle."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._clients = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client."""
        self._clients += 1
        try:
            while self._clients <= TCP_CLIENTS_MAX:
                async with asyncio.timeout(TCP_IDLE_S):
                    length = int.from_bytes(await reader.readexactly(2), "big")
                    data = await reader.readexactly(length)
                reply = self._responder.at_once(data, over_udp=False)
                message = reply if isinstance(reply, bytes) else await reply
                if not message:
                    return
                writer.write(len(message).to_bytes(2, "big") + message)
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            return
        finally:
            self._clients -= 1
            writer.close()


async def serve(responder: Responder, addresses: tuple[str, ...], port: int) -> None:
    """Serve on these addresses until cancelled. Raises OSError where one cannot be bound."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        open_: list[Any] = []
        try:
            for address in addresses:
                udp = bound(address, port, socket.SOCK_DGRAM)
                open_.append((await loop.create_datagram_endpoint(lambda: Udp(responder, group), sock=udp))[0])
                tcp = bound(address, port, socket.SOCK_STREAM)
                open_.append(await asyncio.start_server(Tcp(responder).serve, sock=tcp))
            await asyncio.Event().wait()
        finally:
            for one in open_:
                one.close()


def bound(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """Return a socket bound to an address that need not exist yet."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, kind)
    listener.setblocking(False)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1 if kind == socket.SOCK_STREAM else 0)
    listener.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
    if kind == socket.SOCK_DGRAM:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_BUFFER_BYTES)
    try:
        listener.bind((address, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot serve DNS on {address} port {port}: {error.strerror}") from error
    return listener
