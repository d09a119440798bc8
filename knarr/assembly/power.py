"""Hear that the machine is about to go down: from systemd's logind where it is, and by SIGUSR1 from anybody else.

logind waits for who holds a delay lock. `systemd-inhibit` holds one for us, `busctl` tells what logind announces; both
are systemd's own programs and end with us. Where the lock cannot be had, only the signal counts.
Source: https://www.freedesktop.org/wiki/Software/systemd/inhibit/; kube kubelet/nodeshutdown.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import structlog

BUS: Final = Path("/run/dbus/system_bus_socket")
LOCK: Final = ("systemd-inhibit", "--what=shutdown", "--mode=delay", "--who=knarr",
               "--why=Pods need time to end before the machine goes down", "cat")
MATCH: Final = ("type='signal',interface='org.freedesktop.login1.Manager',member='PrepareForShutdown',"
                "path='/org/freedesktop/login1'")
WATCH: Final = ("sh", "-c", 'busctl --system --json=short --match="$1" monitor & cat; kill $!', "sh", MATCH)
NEWS_MAX: Final = 16
LINE_BYTES_MAX: Final = 1 << 16

log = structlog.get_logger()


async def coming(bus: Path = BUS) -> AsyncIterator[bool]:
    """Yield True when the machine is about to go down, False when it stays up after all.

    The delay lock is given back once the consumer asks for what comes next, which is when it has done its work.
    """
    loop = asyncio.get_running_loop()
    news: asyncio.Queue[bool] = asyncio.Queue(maxsize=NEWS_MAX)
    programs = Programs(Announcements(news)) if bus.exists() and found() else None
    loop.add_signal_handler(signal.SIGUSR1, note, news, True)
    try:
        if programs is not None:
            await programs.start()
        while True:
            down = await news.get()
            yield down
            if programs is not None:
                await programs.hold(not down)
    finally:
        loop.remove_signal_handler(signal.SIGUSR1)
        if programs is not None:
            programs.close()


def found() -> bool:
    """Tell whether systemd's programs are there."""
    return all(shutil.which(name) for name in ("systemd-inhibit", "busctl"))


def note(news: asyncio.Queue[bool], down: bool) -> None:
    """Remember what was announced; who announces it without end is heard often enough."""
    if not news.full():
        news.put_nowait(down)


class Announcements(asyncio.SubprocessProtocol):
    """Reads what `busctl monitor` prints: one JSON object a line."""

    def __init__(self, news: asyncio.Queue[bool]) -> None:
        self._news = news
        self._rest = b""

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Take what was printed."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-LINE_BYTES_MAX:]
        for line in lines:
            down = announced(line)
            if down is not None:
                note(self._news, down)

    def process_exited(self) -> None:
        """Say that nothing more is heard of logind: from now on only the signal counts."""
        log.info("power.unheard")


def announced(line: bytes) -> bool | None:
    """Return what a line says of the machine; None where it is about something else."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    if not isinstance(said, dict) or said.get("member") != "PrepareForShutdown":
        return None
    payload = said.get("payload")
    data = payload.get("data") if isinstance(payload, dict) else None
    return bool(data[0]) if isinstance(data, list) and data else None


class Programs:
    """The two programs. Each ends when its standard input is closed, also by our own death."""

    def __init__(self, announcements: Announcements) -> None:
        self._announcements = announcements
        self._watch: asyncio.SubprocessTransport | None = None
        self._lock: asyncio.SubprocessTransport | None = None

    async def start(self) -> None:
        """Watch, and hold the lock."""
        self._watch = await begun(lambda: self._announcements, WATCH)
        await self.hold(True)

    async def hold(self, held: bool) -> None:
        """Hold the lock, or give it back."""
        if held and self._lock is None:
            self._lock = await begun(asyncio.SubprocessProtocol, LOCK)
        elif self._lock is not None and not held:
            close(self._lock)
            self._lock = None

    def close(self) -> None:
        """End both."""
        for program in (self._watch, self._lock):
            if program is not None:
                close(program)


async def begun(
    protocol: Callable[[], asyncio.SubprocessProtocol], words: tuple[str, ...]
) -> asyncio.SubprocessTransport:
    """Start a program that we can end by closing its standard input."""
    transport, _ = await asyncio.get_running_loop().subprocess_exec(
        protocol, *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=None)
    log.info("power.program", program=words[0])
    return transport


def close(program: asyncio.SubprocessTransport) -> None:
    """Let a program end."""
    pipe = program.get_pipe_transport(0)
    if pipe is not None:
        pipe.close()
