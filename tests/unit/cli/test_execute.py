"""What the threads that read the keyboard do when the connection they feed has ended."""

from __future__ import annotations

import asyncio
import threading

import pytest
from websockets.exceptions import ConnectionClosedOK

from knarr.cli.execute import sent


class Socket:
    """A connection that takes messages until it is closed."""

    def __init__(self, *, closed: bool = False) -> None:
        self.closed = closed
        self.taken: list[bytes] = []

    async def send(self, message: bytes) -> None:
        if self.closed:
            raise ConnectionClosedOK(None, None)
        self.taken.append(message)


@pytest.mark.parametrize(("closed", "taken"), [
    pytest.param(False, [b"key"], id="open"), pytest.param(True, [], id="the command has ended"),
])
async def test_a_thread_sends_through_the_loop(closed, taken):
    """A key is pressed: it is sent by the loop that owns the connection, or the thread learns that it is over."""
    socket, loop = Socket(closed=closed), asyncio.get_running_loop()

    assert (not closed) is await asyncio.to_thread(sent, socket, b"key", loop)
    assert taken == socket.taken


def test_a_key_after_the_end_is_nobodys():
    """The loop is closed already when somebody presses a key: no traceback, no warning."""
    loop = asyncio.new_event_loop()
    loop.close()
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(sent(Socket(), b"key", loop)))
    thread.start()
    thread.join()

    assert [False] == answers
