"""What a client sends in its first moment reaches the command, however late the runtime's streams stand."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from knarr.node.server import spdy
from knarr.node.server.connection import Pipe
from knarr.node.server.translate import CLOSE, STDIN, Wanted, translate


class EagerClient:
    """A WebSocket client that has said all it has to say before anybody answers it."""

    def __init__(self, *messages: bytes) -> None:
        self._messages = messages
        self.heard: list[bytes] = []

    async def frames(self) -> AsyncIterator[tuple[bool, bytes]]:
        for message in self._messages:
            yield True, message
        await asyncio.Event().wait()

    async def send(self, payload: bytes) -> None:
        self.heard.append(payload)


class Runtime:
    """A streaming server as containerd's: it drops what comes on a stream that it has not replied for."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self.stdin = b""

    async def serve(self, *, streams: int) -> None:
        """Reply late, read stdin to its end, say what it was, and close."""
        reader, writer = await asyncio.open_connection(sock=self._end)
        connection, names = spdy.Connection("server"), dict[int, str]()
        while len(names) < streams:
            opened = connection.receive(await reader.read(65536))
            names |= {event.stream: event.headers["streamtype"] for event in opened if isinstance(event, spdy.Opened)}
        with pytest.raises(TimeoutError):       # nothing comes before the reply; it would be lost
            async with asyncio.timeout(0.05):
                await reader.read(65536)
        by_name = {name: stream for stream, name in names.items()}
        for stream in names:
            writer.write(connection.reply(stream))
        over = False
        while not over:
            for event in connection.receive(await reader.read(65536)):
                assert isinstance(event, spdy.Data)
                assert event.stream == by_name["stdin"]
                self.stdin += event.payload
                over = over or event.fin
        writer.write(spdy.data(by_name["stdout"], b"read " + self.stdin))
        writer.close()


@pytest.mark.parametrize(("messages", "read"), [
    pytest.param([bytes([CLOSE, STDIN])], b"", id="nothing, as from /dev/null"),
    pytest.param([bytes([STDIN]) + b"words", bytes([CLOSE, STDIN])], b"words", id="a few words"),
])
async def test_stdin_that_ends_at_once_is_not_lost(messages, read):
    """`exec -i … </dev/null`: the end of stdin comes with the handshake, long before the runtime has its streams."""
    ours, theirs = socket.socketpair()
    client, runtime = EagerClient(*messages), Runtime(theirs)
    upstream = Pipe(*await asyncio.open_connection(sock=ours))
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(runtime.serve(streams=3))
        await translate(client, upstream, Wanted(stdin=True, stdout=True))     # type: ignore[arg-type]
        upstream.close()

    assert read == runtime.stdin
    assert [b"\x01", b"\x01read " + read] == client.heard
