"""Probe by the gRPC health protocol, over the few HTTP/2 frames that one unary call needs.

The gRPC library has one door, the container runtime's; a probe would pay for a channel each time. So: preface, one
request of literal headers (no compression state), one 5-byte-prefixed message; the answer's first DATA frame holds the
status. Headers of the answer are not read: an answer without a message is a refusal.
Source: RFC 9113, RFC 7541 section 6.2.2, grpc/doc/health-checking.md, kube pkg/probe/grpc/grpc.go.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Final

from knarr.node.probes import dial
from knarr.node.probes.tally import Outcome

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST, _SETTINGS, _PING, _GOAWAY = 0, 1, 3, 4, 6, 7
_END_STREAM, _END_HEADERS, _ACK = 0x1, 0x4, 0x1
_FRAME_BYTES_MAX: Final = 16_384                              # the least a peer may send unasked, and we never ask
_FRAMES_MAX: Final = 64                                       # a health answer takes about five
_STATES: Final = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_METHOD: Final = "/grpc.health.v1.Health/Check"


async def probe(host: str, port: int, *, service: str, timeout_s: float) -> Outcome:
    """Call Health/Check once."""
    where = dial.join(host, port)
    try:
        async with asyncio.timeout(timeout_s):
            return await _check(host, port, service=service)
    except TimeoutError:
        return Outcome("failure", _unreachable(where, timeout_s, "context deadline exceeded"))
    except OSError as error:
        if dial.is_ours(error):
            return Outcome("error", dial.told(error, host, port))
        # kubelet's client retries until its time is over and then says so.
        return Outcome("failure", _unreachable(where, timeout_s, "context deadline exceeded"))
    except asyncio.IncompleteReadError:
        return Outcome("failure", _unreachable(where, timeout_s, "connection closed"))


def _unreachable(where: str, timeout_s: float, why: str) -> str:
    return f'timeout: failed to connect service "{where}" within {timeout_s:g}s: {why}'


async def _check(host: str, port: int, *, service: str) -> Outcome:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(_PREFACE + _frame(_SETTINGS, 0, b"") + request_frames(dial.join(host, port), service))
        for _ in range(_FRAMES_MAX):
            kind, flags, payload = await _read_frame(reader)
            if kind == _SETTINGS and not flags & _ACK:
                writer.write(_frame(_SETTINGS, _ACK, b""))
            elif kind == _PING and not flags & _ACK:
                writer.write(_frame(_PING, _ACK, payload))
            elif kind == _DATA and len(payload) >= 5:
                return verdict(payload[5:])
            elif kind in (_RST, _GOAWAY) or (kind == _HEADERS and flags & _END_STREAM):
                return Outcome("failure", "error: this server does not implement the grpc health protocol "
                                          f"(grpc.health.v1.Health) or does not know service {service!r}")
        return Outcome("failure", "error: health rpc probe failed: too many frames without an answer")
    finally:
        writer.transport.abort()


async def _read_frame(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    head = await reader.readexactly(9)
    size_bytes = int.from_bytes(head[:3], "big")
    if size_bytes > _FRAME_BYTES_MAX:
        raise asyncio.IncompleteReadError(head, size_bytes)     # not HTTP/2, or a peer that breaks its bounds
    return head[3], head[4], await reader.readexactly(size_bytes)


def verdict(message: bytes) -> Outcome:
    """Read a HealthCheckResponse: field 1 is the status, absent means UNKNOWN."""
    status = message[1] if len(message) >= 2 and message[0] == 0x08 else 0
    if status == 1:
        return Outcome("success")
    return Outcome("failure", f'service unhealthy (responded with "{_STATES.get(status, status)}")')


def request_frames(authority: str, service: str) -> bytes:
    """Return the HEADERS and DATA frames of stream 1."""
    headers = (
        (":method", "POST"), (":scheme", "http"), (":path", _METHOD), (":authority", authority),
        ("content-type", "application/grpc"), ("te", "trailers"), ("user-agent", "kube-probe/1.36"),
    )
    block = b"".join(b"\x00" + _literal(name) + _literal(value) for name, value in headers)
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    body = b"\x00" + struct.pack(">I", len(message)) + message
    return _frame(_HEADERS, _END_HEADERS, block, 1) + _frame(_DATA, _END_STREAM, body, 1)


def _literal(text: str) -> bytes:
    """Return an HPACK string without Huffman coding. Source: RFC 7541 section 5.2."""
    data = text.encode()
    if len(data) < 127:
        return bytes([len(data)]) + data
    return b"\x7f" + _varint(len(data) - 127) + data


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _frame(kind: int, flags: int, payload: bytes, stream: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
