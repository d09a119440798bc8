"""Wait for changes in one directory, woken by the kernel (Linux inotify).

The standard library has no door to inotify, so three libc calls are made through ctypes here and nowhere else.
Overflow of the kernel's queue is reported as an empty name: the caller looks at everything again.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MODIFIED: Final = 0x002
CLOSED: Final = 0x008        # a writer has closed the file
MOVED_TO: Final = 0x080
CREATED: Final = 0x100
DELETED: Final = 0x200
OVERFLOW: Final = 0x4000

_ALL: Final = MODIFIED | CLOSED | MOVED_TO | CREATED | DELETED
_READ_BYTES: Final = 65536   # room for some thousand events; the rest waits in the kernel
_HEADER: Final = struct.Struct("iIII")
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one name in the directory. mask: bits of MODIFIED, CLOSED, …"""

    name: str
    mask: int


class DirectoryWatch:
    """Changes in one directory, not below it. Use as a context manager: it holds a file descriptor."""

    def __init__(self, directory: Path) -> None:
        self._fd = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify_init1", directory)
        try:
            _checked(_libc.inotify_add_watch(self._fd, os.fsencode(directory), _ALL), "inotify_add_watch", directory)
        except OSError:
            os.close(self._fd)
            raise

    def __enter__(self) -> DirectoryWatch:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    async def changes(self, wait_s: float) -> tuple[Change, ...]:
        """Return the changes since the last call, waiting up to wait_s for the first; empty: none came."""
        ready = self._read()
        if ready:
            return ready
        loop = asyncio.get_running_loop()
        readable: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._fd, _settle, readable)
        try:
            await asyncio.wait((readable,), timeout=wait_s)
        finally:
            loop.remove_reader(self._fd)
        return self._read()

    def _read(self) -> tuple[Change, ...]:
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return ()
        return tuple(_parse(data))


def _parse(data: bytes) -> list[Change]:
    """Cut the kernel's packed events. Source: inotify(7), struct inotify_event."""
    changes, at = [], 0
    while at < len(data):
        _watch, mask, _cookie, size_bytes = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        name = os.fsdecode(data[at:at + size_bytes].rstrip(b"\0"))
        at += size_bytes
        changes.append(Change(name, mask))
    return changes


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _checked(result: int, call: str, directory: Path) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}", str(directory))
    return result
