"""Speak SPDY/3.1 framing: bytes in, events out; calls in, bytes out.

Container runtimes serve exec, attach and port-forward over SPDY and nothing newer, so whoever ends a client's
WebSocket here must speak it upstream. This module opens no socket and keeps no clock: `Connection` turns received
bytes into events and calls into bytes to send, and so a test can drive two of them against each other.

What is deliberately thin: the runtimes' own implementation neither sends nor obeys flow-control windows. So sending
never waits for a WINDOW_UPDATE (it would wait for ever), and none is sent: one that reaches a peer which has just
closed makes its kernel answer with a reset, which throws away output not yet read here. Back-pressure is TCP's.

    SpdyError   the peer broke the framing: close the connection

Source: SPDY protocol, draft 3.1.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from knarr.node.server.spdy_words import DICTIONARY

FRAME_BYTES_MAX: Final = 1 << 24          # the length field has 24 bits
CONTROL_BYTES_MAX: Final = 1 << 20        # 1 MiB: far above any header block; a larger control frame is an attack
HEADERS_MAX: Final = 1000                 # names in one header block
DATA_BYTES_MAX: Final = 1 << 15           # 32 KiB a frame we send: one stream cannot hold the line for long

_VERSION: Final = 3
_FIN: Final = 0x01
_SYN_STREAM, _SYN_REPLY, _RST, _PING, _GOAWAY, _HEADERS = 1, 2, 3, 6, 7, 8
RST_REFUSED: Final = 3
RST_CANCEL: Final = 5


class SpdyError(Exception):
    """The peer broke the framing. The connection cannot go on: close it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The peer opened a stream."""

    stream: int
    headers: Mapping[str, str]
    fin: bool


@dataclass(frozen=True, slots=True)
class Replied:
    """The peer accepted a stream of ours."""

    stream: int
    headers: Mapping[str, str]
    fin: bool


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes on a stream; `fin`: the peer's half is closed."""

    stream: int
    payload: bytes
    fin: bool


@dataclass(frozen=True, slots=True)
class Reset:
    """The peer gave a stream up."""

    stream: int
    status: int


@dataclass(frozen=True, slots=True)
class GoAway:
    """The peer takes no more streams; those up to `last_stream` go on."""

    last_stream: int
    status: int


Event: TypeAlias = Opened | Replied | Data | Reset | GoAway


class Connection:
    """One side of a SPDY/3.1 connection, without its socket.

    After every `receive` send what `take_output` returns: answers to pings.
    """

    def __init__(self, role: Literal["client", "server"] = "client") -> None:
        self._next_stream = 1 if role == "client" else 2
        self._buffer = bytearray()
        self._output = bytearray()
        self._deflate = zlib.compressobj(zdict=DICTIONARY)
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._handlers: dict[int, Callable[[int, bytes], Event | None]] = {
            _SYN_STREAM: self._on_syn_stream, _SYN_REPLY: self._on_syn_reply, _RST: self._on_reset,
            _PING: self._on_ping, _GOAWAY: self._on_goaway, _HEADERS: self._on_headers,
        }

    def receive(self, data: bytes) -> list[Event]:
        """Return the events that `data`, after what came before, completes. Raises SpdyError."""
        self._buffer += data
        events: list[Event] = []
        while (frame := self._cut_frame()) is not None:
            event = self._decode(*frame)
            if event is not None:
                events.append(event)
        return events

    def take_output(self) -> bytes:
        """Return, once, the answers that the received frames ask for."""
        output = bytes(self._output)
        self._output.clear()
        return output

    def open(self, headers: Mapping[str, str], *, fin: bool = False) -> tuple[int, bytes]:
        """Return a new stream's number and the frame that opens it. Names are sent in lower case."""
        stream = self._next_stream
        self._next_stream += 2
        body = struct.pack(">IIH", stream, 0, 0) + self._pack_headers(headers)
        return stream, _control(_SYN_STREAM, body, _FIN if fin else 0)

    def reply(self, stream: int, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the frame that accepts a stream which the peer opened."""
        return _control(_SYN_REPLY, struct.pack(">I", stream) + self._pack_headers(headers or {}))

    def _pack_headers(self, headers: Mapping[str, str]) -> bytes:
        block = struct.pack(">I", len(headers))
        for name, value in headers.items():
            for word in (name.lower().encode(), value.encode()):
                block += struct.pack(">I", len(word)) + word
        return self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def _unpack_headers(self, packed: bytes) -> dict[str, str]:
        try:
            block = self._inflate.decompress(packed, CONTROL_BYTES_MAX)
        except zlib.error as error:
            raise SpdyError(f"header block does not decompress: {error}") from error
        if self._inflate.unconsumed_tail:
            raise SpdyError(f"header block of more than {CONTROL_BYTES_MAX} bytes")
        return _read_names(block)

    def _cut_frame(self) -> tuple[int, int, bytes] | None:
        """Return (first word, flags, body) of the first whole frame and drop it from the buffer."""
        if len(self._buffer) < 8:
            return None
        word, rest = struct.unpack_from(">II", self._buffer)
        size_bytes = rest & 0xFFFFFF
        if word >> 31 and size_bytes > CONTROL_BYTES_MAX:
            raise SpdyError(f"control frame of {size_bytes} bytes, {CONTROL_BYTES_MAX} at most")
        if len(self._buffer) < 8 + size_bytes:
            return None
        body = bytes(self._buffer[8:8 + size_bytes])
        del self._buffer[:8 + size_bytes]
        return word, rest >> 24, body

    def _decode(self, word: int, flags: int, body: bytes) -> Event | None:
        if not word >> 31:
            return Data(word, body, bool(flags & _FIN))
        version, kind = (word >> 16) & 0x7FFF, word & 0xFFFF
        if version != _VERSION:
            raise SpdyError(f"SPDY version {version}, expected {_VERSION}")
        handler = self._handlers.get(kind)      # SETTINGS, WINDOW_UPDATE and unknown frames ask nothing of us
        if handler is None:
            return None
        try:
            return handler(flags, body)
        except struct.error as error:
            raise SpdyError(f"control frame {kind} of {len(body)} bytes is too short") from error

    def _on_syn_stream(self, flags: int, body: bytes) -> Event:
        (stream,) = struct.unpack_from(">I", body)
        return Opened(stream & 0x7FFFFFFF, self._unpack_headers(body[10:]), bool(flags & _FIN))

    def _on_syn_reply(self, flags: int, body: bytes) -> Event:
        (stream,) = struct.unpack_from(">I", body)
        return Replied(stream & 0x7FFFFFFF, self._unpack_headers(body[4:]), bool(flags & _FIN))

    def _on_headers(self, flags: int, body: bytes) -> Event | None:
        (stream,) = struct.unpack_from(">I", body)
        self._unpack_headers(body[4:])          # read even if unwanted: the compressor keeps state across blocks
        return Data(stream & 0x7FFFFFFF, b"", True) if flags & _FIN else None

    def _on_reset(self, _flags: int, body: bytes) -> Event:
        return Reset(*struct.unpack_from(">II", body))

    def _on_ping(self, _flags: int, body: bytes) -> None:
        (number,) = struct.unpack_from(">I", body)
        if number % 2 != self._next_stream % 2:     # an echo of our own ping has our parity
            self._output += _control(_PING, struct.pack(">I", number))

    def _on_goaway(self, _flags: int, body: bytes) -> Event:
        return GoAway(*struct.unpack_from(">II", body))


def data(stream: int, payload: bytes, *, fin: bool = False) -> bytes:
    """Return the DATA frames that carry `payload`; with `fin` our half of the stream ends behind it."""
    pieces = [payload[at:at + DATA_BYTES_MAX] for at in range(0, len(payload), DATA_BYTES_MAX)] or [b""]
    frames = []
    for number, piece in enumerate(pieces, start=1):
        flags = _FIN if fin and number == len(pieces) else 0
        frames.append(struct.pack(">II", stream, flags << 24 | len(piece)) + piece)
    return b"".join(frames)


def reset(stream: int, status: int = RST_CANCEL) -> bytes:
    """Return the frame that gives a stream up."""
    return _control(_RST, struct.pack(">II", stream, status))


def ping(number: int) -> bytes:
    """Return a PING; a client's numbers are odd, a server's even."""
    return _control(_PING, struct.pack(">I", number))


def goaway(last_stream: int = 0, status: int = 0) -> bytes:
    """Return the frame that says no more streams will be taken."""
    return _control(_GOAWAY, struct.pack(">II", last_stream, status))


def _control(kind: int, body: bytes, flags: int = 0) -> bytes:
    assert len(body) < FRAME_BYTES_MAX
    return struct.pack(">II", 1 << 31 | _VERSION << 16 | kind, flags << 24 | len(body)) + body


def _read_names(block: bytes) -> dict[str, str]:
    """Read a decompressed header block: a count, then that many counted names and values."""
    at = 4
    if len(block) < at:
        raise SpdyError(f"header block of {len(block)} bytes, 4 at least")
    (count,) = struct.unpack_from(">I", block)
    if count > HEADERS_MAX:
        raise SpdyError(f"{count} headers, {HEADERS_MAX} at most")
    words: list[str] = []
    for _ in range(count * 2):
        if len(block) < at + 4:
            raise SpdyError("header block ends within a length")
        (size_bytes,) = struct.unpack_from(">I", block, at)
        at += 4 + size_bytes
        if len(block) < at:
            raise SpdyError("header block ends within a word")
        words.append(block[at - size_bytes:at].decode("utf-8", "replace"))
    return dict(zip(words[::2], words[1::2], strict=True))
