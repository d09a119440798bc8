"""Speak `v5.channel.k8s.io` to the client and SPDY to the container runtime.

The runtime's streaming server knows WebSocket protocols up to v4, which cannot end stdin alone; v5 can, and SPDY can.
It drops, without a word, what comes on a stream before its own reply for that stream. So nothing is passed on before it
has replied for all: an end of stdin sent at once (`exec -i … </dev/null`) was lost else, and the command never ended.
A message's first byte is its channel: 0 stdin, 1 stdout, 2 stderr, 3 the final status, 4 the terminal's size, 255 ends
the channel that its second byte names. Source: kube apimachinery/pkg/util/remotecommand/constants.go,
apiserver/pkg/util/proxy/streamtranslator.go; moby/spdystream connection.go, handleDataFrame;
apimachinery/pkg/util/httpstream/spdy/connection.go, createStreamResponseTimeout.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from knarr.base.websocket import WebSocket
from knarr.node.server import spdy
from knarr.node.server.connection import BLOCK_BYTES, Pipe, until_first

PROTOCOL: Final = "v5.channel.k8s.io"
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
REPLY_S: Final = 30.0
SPDY_HEADERS: Final = (
    ("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1"), ("X-Stream-Protocol-Version", "v4.channel.k8s.io"),
    ("Content-Length", "0"),
)
_NAMES: Final = {ERROR: "error", STDIN: "stdin", STDOUT: "stdout", STDERR: "stderr", RESIZE: "resize"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which streams an exec or attach has."""

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    tty: bool = False

    @property
    def channels(self) -> tuple[int, ...]:
        """Return the channels, in the order in which clients open their streams."""
        chosen = ((ERROR, True), (STDIN, self.stdin), (STDOUT, self.stdout),
                  (STDERR, self.stderr and not self.tty), (RESIZE, self.tty))
        return tuple(channel for channel, is_wanted in chosen if is_wanted)


@dataclass(slots=True)
class _Streams:
    """The SPDY streams by channel and back. ended: channels whose upstream half is closed.

    unanswered: streams that the runtime has not replied for; standing: there are none left.
    """

    by_channel: dict[int, int] = field(default_factory=dict)
    channel_of: dict[int, int] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    unanswered: set[int] = field(default_factory=set)
    standing: asyncio.Event = field(default_factory=asyncio.Event)

    def replied(self, stream: int) -> None:
        """Note the runtime's reply."""
        self.unanswered.discard(stream)
        if not self.unanswered:
            self.standing.set()


async def translate(client: WebSocket, upstream: Pipe, wanted: Wanted) -> None:
    """Carry all channels until the runtime has ended or the client has gone. Raises groups of SpdyError, OSError."""
    connection = spdy.Connection("client")
    streams, frames = _Streams(), []
    for channel in wanted.channels:
        number, frame = connection.open({"streamType": _NAMES[channel]})
        streams.by_channel[channel], streams.channel_of[number] = number, channel
        streams.unanswered.add(number)
        frames.append(frame)
    await upstream.send(b"".join(frames))       # with the last of them the runtime starts the command
    greeting = STDOUT if wanted.stdout else STDERR if wanted.stderr else ERROR
    await until_first(
        _up(client, upstream, streams, greeting=bytes([greeting])),
        _down(client, upstream, connection=connection, streams=streams))


async def _up(client: WebSocket, upstream: Pipe, streams: _Streams, *, greeting: bytes) -> None:
    """Carry stdin and sizes, once the streams stand; returns when the client has closed or gone."""
    async with asyncio.timeout(REPLY_S):
        await streams.standing.wait()
    await client.send(greeting)      # an empty message tells the client that the streams stand
    channel = -1
    async for is_first, payload in client.frames():
        if is_first:
            if not payload:
                continue
            channel, payload = payload[0], payload[1:]
        if channel == CLOSE:
            await _end(upstream, streams, payload[0] if payload else -1)
        elif channel in (STDIN, RESIZE) and channel in streams.by_channel and channel not in streams.ended and payload:
            await upstream.send(spdy.data(streams.by_channel[channel], payload))


async def _end(upstream: Pipe, streams: _Streams, channel: int) -> None:
    if channel == STDIN and channel in streams.by_channel and channel not in streams.ended:
        streams.ended.add(channel)
        await upstream.send(spdy.data(streams.by_channel[channel], b"", fin=True))


async def _down(client: WebSocket, upstream: Pipe, *, connection: spdy.Connection, streams: _Streams) -> None:
    """Carry output and the final status; returns when the runtime has ended."""
    while data := await upstream.reader.read(BLOCK_BYTES):
        events = connection.receive(data)
        await upstream.send(connection.take_output())
        for event in events:
            if isinstance(event, spdy.Replied):
                streams.replied(event.stream)
            elif isinstance(event, spdy.Data) and event.payload and event.stream in streams.channel_of:
                await client.send(bytes([streams.channel_of[event.stream]]) + event.payload)
