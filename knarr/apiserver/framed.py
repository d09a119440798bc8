"""Send what is streamed as WebSocket messages, for clients that read a watch or a log so; browsers cannot otherwise.

A watch is a text message for each event. A log is binary messages, or base64 text where the client asks for that,
behind an empty one that says it is open. Source: kube apiserver/pkg/endpoints/handlers/watch.go, HandleWS;
apimachinery/pkg/util/httpstream/wsstream/stream.go, NewDefaultReaderProtocols.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from knarr.api.errors import BadRequest, Forbidden
from knarr.api.http import Answer, Broken, Call
from knarr.apiserver.connection import Upgrade
from knarr.apiserver.proxying.forward import first_done
from knarr.apiserver.proxying.headers import outgoing
from knarr.base.websocket import WebSocket, offered

CODED = "base64.binary.k8s.io"
READERS = ("binary.k8s.io", CODED)
NORMAL, BROKEN_OFF = 1000, 1011


@dataclass(frozen=True, slots=True)
class _Frames:
    """How a stream is cut into messages. protocol: as the answer names it. lines: a message for each line.

    greeting: an empty message comes first.
    """

    protocol: str
    lines: bool = False
    greeting: bool = False

    @property
    def text(self) -> bool:
        """Say whether messages are text."""
        return self.lines or self.protocol == CODED

    def cut(self, chunk: bytes) -> list[bytes]:
        """Return a chunk's messages."""
        if self.lines:
            return chunk.splitlines(keepends=True)
        return [base64.b64encode(chunk)] if self.protocol == CODED else [chunk]


async def events(call: Call, answer: Answer) -> Answer:
    """Return a watch's answer, or send it over the WebSocket that the client offers. Raises BadRequest."""
    if not _asked(call):
        return answer
    protocols = _protocols(call)
    if len(protocols) > 1:  # nobody has told which of them a watch speaks
        raise BadRequest(f"a watch speaks at most one WebSocket protocol, {len(protocols)} are offered")
    return await _send(call, answer, _Frames("".join(protocols), lines=True))


async def log(call: Call, answer: Answer) -> Answer:
    """Return a log's answer, or send it over the WebSocket that the client offers. Raises Forbidden."""
    if not _asked(call) or answer.status != 200:
        return answer
    protocols = _protocols(call)
    known = next((name for name in protocols if name in READERS), "")
    if protocols and not known:
        raise Forbidden(f"requested protocol(s) are not supported: {list(protocols)}; supports {list(READERS)}")
    return await _send(call, answer, _Frames(known, greeting=True))


def _asked(call: Call) -> bool:
    return isinstance(call.upgrade, Upgrade) and call.headers.get("upgrade", "").lower() == "websocket"


def _protocols(call: Call) -> tuple[str, ...]:
    return offered(outgoing(call.headers, keep_upgrade=True))


async def _send(call: Call, answer: Answer, frames: _Frames) -> Answer:
    """Send all of an answer's stream, until it ends or the client goes."""
    assert answer.stream is not None, "what is framed is a stream"
    client = call.upgrade.take()
    target = f"{call.path}?{call.raw_query}"
    stream: Any = answer.stream
    try:
        async with aclosing(stream):
            socket = await WebSocket.accept(client, target, call.headers.items(), subprotocol=frames.protocol)
            await first_done(lambda: _messages(socket, stream, frames), lambda: _listen(socket))
    except OSError:
        pass  # no handshake, or gone: both have been told
    finally:
        client.close()
    return Answer(101)


async def _messages(socket: WebSocket, stream: AsyncIterator[bytes], frames: _Frames) -> None:
    if frames.greeting:
        await socket.send(b"", text=frames.text)
    try:
        async for chunk in stream:
            for message in frames.cut(chunk):
                await socket.send(message, text=frames.text)
    except Broken as fault:
        await socket.close(BROKEN_OFF, str(fault)[:100])
        return
    await socket.close(NORMAL)


async def _listen(socket: WebSocket) -> None:
    """Answer pings and the client's goodbye; what else it says counts for nothing."""
    async for _ in socket.frames():
        pass
