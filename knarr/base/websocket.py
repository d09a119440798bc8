"""End a client's WebSocket here. Framing is the `websockets` library's, without its own sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Final, Protocol

from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

MESSAGE_BYTES_MAX: Final = 4 << 20      # clients send some 32 KiB at a time; beyond this the connection is closed, 1009
BLOCK_BYTES: Final = 1 << 16


class Pipe(Protocol):
    """A connection that has left HTTP: two directions of bytes, each with back-pressure."""

    async def read(self, bytes_max: int) -> bytes:
        """Return what has come, at most this much; empty when the client has ended."""

    async def send(self, data: bytes) -> None:
        """Write and wait while the client is slow. Raises OSError when it has gone."""


class WebSocket:
    """A server's side of one WebSocket over a taken connection."""

    def __init__(self, pipe: Pipe, protocol: ServerProtocol) -> None:
        self._pipe = pipe
        self._protocol = protocol

    @classmethod
    async def accept(cls, pipe: Pipe, path: str, headers: Iterable[tuple[str, str]], *, subprotocol: str) -> WebSocket:
        """Answer the handshake. headers: the client's request, of which `path` is the target.

        subprotocol: as the answer names it; empty where it names none. Raises ConnectionError where the client's
        handshake is none; it has then been told.
        """
        protocol = ServerProtocol(max_size=MESSAGE_BYTES_MAX)
        # The library would refuse `SPDY/3.1+portforward.k8s.io`, which is no token by RFC 9110; so the choice is ours.
        kept = [f"{name}: {value}" for name, value in headers if name.lower() != "sec-websocket-protocol"]
        protocol.receive_data("\r\n".join([f"GET {path} HTTP/1.1", *kept, "", ""]).encode("latin-1", "replace"))
        (request,) = protocol.events_received()
        response = protocol.accept(request)  # type: ignore[arg-type]
        if subprotocol:
            response.headers["Sec-WebSocket-Protocol"] = subprotocol
        protocol.send_response(response)
        socket = cls(pipe, protocol)
        await socket._flush()
        if response.status_code != 101:
            raise ConnectionAbortedError(f"no WebSocket handshake: {response.reason_phrase}")
        return socket

    async def frames(self) -> AsyncIterator[tuple[bool, bytes]]:
        """Yield (is the first frame of a message, payload) of data frames until the client closes or goes.

        Messages are not put together: what they carry is a stream, and passes on as it comes. Pings are answered.
        """
        while data := await self._pipe.read(BLOCK_BYTES):
            self._protocol.receive_data(data)
            for event in self._protocol.events_received():
                if isinstance(event, Frame) and event.opcode in (Opcode.BINARY, Opcode.TEXT, Opcode.CONT):
                    yield event.opcode is not Opcode.CONT, bytes(event.data)
            await self._flush()
            if self._protocol.close_expected():
                return

    async def send(self, payload: bytes, *, text: bool = False) -> None:
        """Send one message, binary or text (then UTF-8); the client may be slow."""
        send = self._protocol.send_text if text else self._protocol.send_binary
        send(payload)
        await self._flush()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye, unless that has been said."""
        if self._protocol.state.name == "OPEN":
            self._protocol.send_close(code, reason)
        await self._flush()

    async def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            await self._pipe.send(data)


def offered(headers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the subprotocols that a request's headers offer, in order."""
    values = [value for name, value in headers if name.lower() == "sec-websocket-protocol"]
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip())
