"""`knarr exec`: run a command in a container, over a WebSocket with the `v5.channel.k8s.io` protocol.

Each message starts with its channel: 0 stdin, 1 stdout, 2 stderr, 3 the final status, 4 terminal size, 255 end of a
channel. Source: kube apimachinery/pkg/util/remotecommand/constants.go.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import termios
import threading
import tty
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any

import click

from knarr.cli.connect import Server, server_options
from knarr.cli.failure import RequestFailed, refused
from knarr.cli.pods import pods_of

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
MESSAGE_MAX = 4 * 1024 * 1024  # bytes


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("what", metavar="POD | TYPE/NAME")
@click.argument("words", nargs=-1, required=True, metavar="-- COMMAND…", type=click.UNPROCESSED)
@click.option("-c", "--container", metavar="NAME", help="Which container; needed where a pod has several.")
@click.option("-i", "--stdin", is_flag=True, help="Pass standard input on.")
@click.option("-t", "--tty", "terminal", is_flag=True, help="With a terminal.")
@server_options
def command(
    server: Server, what: str, words: tuple[str, ...], container: str | None, stdin: bool, terminal: bool
) -> None:
    """Run a command in a container; exits with its exit code."""
    pod = pods_of(server, what)[0]["metadata"]["name"]
    asked = [("command", word) for word in words] + [("stdout", "true"), ("stderr", str(not terminal).lower())]
    asked += (
        [("stdin", "true")] * stdin + [("tty", "true")] * terminal + ([("container", container)] if container else [])
    )
    path = f"/api/v1/namespaces/{server.namespace}/pods/{pod}/exec?{urllib.parse.urlencode(asked)}"
    with raw_terminal(terminal and sys.stdin.isatty()):
        code = asyncio.run(talk(server, path, stdin=stdin, terminal=terminal))
    raise click.exceptions.Exit(code)


async def talk(server: Server, path: str, *, stdin: bool, terminal: bool) -> int:
    """Join standard streams and terminal to the command; return its exit code."""
    socket, loop = await connected(server, path), asyncio.get_running_loop()
    try:
        if terminal:
            changed = threading.Event()
            loop.add_signal_handler(signal.SIGWINCH, changed.set)
            threading.Thread(target=send_sizes, args=(socket, loop, changed), daemon=True).start()
        if stdin:
            threading.Thread(target=send_input, args=(socket, loop), daemon=True).start()
        status = await receive(socket)
    finally:
        await socket.close()
    if status is None:
        raise RequestFailed(
            "the connection ended before the command did", hint="does the pod still run? knarr get pods"
        )
    return exit_code(status)


async def connected(server: Server, path: str) -> Any:
    """Open the WebSocket; a refusal is told in the server's words.

    Not by the library's threads: they read and write one TLS connection at once, which OpenSSL does not allow; now and
    then a request was lost, and the command hung.
    """
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus
    from websockets.typing import Subprotocol

    url = server.url.replace("https://", "wss://", 1) + path
    try:
        return await connect(
            url,
            ssl=server.tls,
            subprotocols=[Subprotocol(name) for name in PROTOCOLS],
            max_size=MESSAGE_MAX,
            additional_headers=server.credentials(),
            compression=None,
            proxy=None,
        )
    except InvalidStatus as error:
        raise refused(error.response.status_code, _words(error.response.body or b"")) from error
    except OSError as error:
        raise RequestFailed(
            f"the server at {server.url} does not answer: {error}", hint="is it up? knarr status"
        ) from error


def _words(body: bytes | bytearray) -> dict[str, Any]:
    try:
        return dict(json.loads(body))
    except (ValueError, TypeError):
        return {"message": body.decode(errors="replace").strip() or "the server refused the connection"}


async def receive(socket: Any) -> dict[str, Any] | None:
    """Print what comes until the connection ends; return the command's final status, None where none was told."""
    from websockets.exceptions import ConnectionClosed

    outputs = {STDOUT: sys.stdout.buffer, STDERR: sys.stderr.buffer}
    status: dict[str, Any] | None = None
    try:
        async for message in socket:
            channel, data = message[0], message[1:]
            if channel in outputs:
                outputs[channel].write(data)
                outputs[channel].flush()
            elif channel == STATUS:
                status = json.loads(data)
    except ConnectionClosed:
        pass  # the status told before decides, or its absence
    return status


def exit_code(status: dict[str, Any]) -> int:
    """Return the code a status carries: 0 for success. Raises RequestFailed when the command never ran."""
    if status.get("status") == "Success":
        return 0
    causes = (status.get("details") or {}).get("causes") or []
    code = next((cause["message"] for cause in causes if cause.get("reason") == "ExitCode"), "")
    if not code.isdigit():
        raise RequestFailed(str(status.get("message", "the command could not run")), 500, str(status.get("reason", "")))
    return int(code)


def send_input(socket: Any, loop: asyncio.AbstractEventLoop) -> None:
    """Pass standard input on, then close that channel. Runs in a thread: reading a terminal may block for ever."""
    while data := os.read(sys.stdin.fileno(), 32768):
        if not sent(socket, bytes([STDIN]) + data, loop):
            return  # the command ended first
    if socket.subprotocol == PROTOCOLS[0]:
        sent(socket, bytes([CLOSE, STDIN]), loop)


def sent(socket: Any, message: bytes, loop: asyncio.AbstractEventLoop) -> bool:
    """Send from another thread and wait for it; False when the connection or its loop has ended."""
    from websockets.exceptions import ConnectionClosed

    sending = socket.send(message)
    try:
        asyncio.run_coroutine_threadsafe(sending, loop).result()
    except (ConnectionClosed, CancelledError):
        return False
    except RuntimeError:  # the loop is closed
        sending.close()
        return False
    return True


def send_sizes(socket: Any, loop: asyncio.AbstractEventLoop, changed: threading.Event) -> None:
    """Tell the terminal's size now and whenever it has changed. Runs in a thread, beside `send_input`."""
    while True:
        changed.clear()
        size = shutil.get_terminal_size()
        message = bytes([RESIZE]) + json.dumps({"Width": size.columns, "Height": size.lines}).encode()
        if not sent(socket, message, loop):
            return
        changed.wait()


@contextmanager
def raw_terminal(wanted: bool) -> Iterator[None]:
    """Hand every key to the container, and the terminal back as it was."""
    if not wanted:
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
