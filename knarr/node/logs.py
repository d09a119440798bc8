"""Read a container's log file as the runtime writes it, and follow it while it grows.

A line is `<time> <stream> <tags> <text>`; the tag P marks a piece whose line goes on in the next one, F the last piece.
Following is woken by the kernel (inotify) for writes and rotation; the end is seen when the runtime closes the file and
`ended()` agrees. Reading begins with the current file, never with a rotated one, as in kubelet; who follows goes on
from file to file.

Source: kube kubelet/kuberuntime/logs/logs.go; CRI log format, design-proposals/node/kubelet-cri-logging.md.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, Literal, TypeAlias

from knarr.base.inotify import CLOSED, DirectoryWatch

Stream: TypeAlias = Literal["All", "Stdout", "Stderr"]

BLOCK_BYTES: Final = 65536
LINE_BYTES_MAX: Final = 1 << 20       # 1 MiB: runtimes cut lines at 16 KiB; a longer one is not a log of theirs
PACKED: Final = (".gz", ".tmp")       # files of a log that nobody follows any more
WAIT_S: Final = 5.0                   # safety net beside inotify, e.g. on a file system that has none
CLOSED_WAIT_S: Final = 0.25           # after the runtime closed the file: the agent hears of the exit about now


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What part of a log is asked for.

    tail_lines: whole lines from the end; None: all. since_s: wall time; older lines are left out.
    limit_bytes: of output; None: no limit.
    """

    follow: bool = False
    tail_lines: int | None = None
    since_s: float | None = None
    timestamps: bool = False
    limit_bytes: int | None = None
    stream: Stream = "All"


async def read(path: Path, options: LogOptions, *, ended: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Yield the log's text in blocks. Raises FileNotFoundError where there is no log.

    ended: tells whether the container has stopped, so that following may stop too.
    """
    left = options.limit_bytes
    with _Tail(path) as tail, DirectoryWatch(path.parent) as watch:
        tail.seek_lines(options.tail_lines)
        pieces = _follow(tail, watch, ended) if options.follow else _blocks(tail)
        text = _Text(options)
        async for block in pieces:
            output = text.of(block)
            if left is not None:
                output = output[:left]
                left -= len(output)
            if output:
                yield output
            if left == 0:
                return


async def _blocks(tail: _Tail) -> AsyncIterator[bytes]:
    for block in tail.blocks():
        yield block


async def _follow(tail: _Tail, watch: DirectoryWatch, ended: Callable[[], bool]) -> AsyncIterator[bytes]:
    closed = ended()                         # what ended before we came has been written to its end
    while True:
        over = closed and ended()            # asked before reading: nothing is written after the end
        for block in tail.blocks():
            yield block
        newer = tail.newer()
        if newer is not None:
            for block in tail.blocks():      # what was written before the runtime changed over
                yield block
            tail.turn_to(newer)
            continue
        if over:
            return
        changes = await watch.changes(CLOSED_WAIT_S if closed else WAIT_S)
        ours = [change.mask for change in changes if change.name == tail.path.name]
        closed = any(mask & CLOSED for mask in ours) or (not ours and (closed or ended()))


class _Tail:
    """A growing file, read line-wise: what stands behind the last newline waits for the rest."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO = path.open("rb")
        self._rest = b""

    def __enter__(self) -> _Tail:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def blocks(self) -> Iterator[bytes]:
        """Yield whole lines, many at once, up to the present end."""
        while data := self._file.read(BLOCK_BYTES):
            data = self._rest + data
            cut = data.rfind(b"\n") + 1
            self._rest = data[cut:][-LINE_BYTES_MAX:]
            if cut:
                yield data[:cut]

    def newer(self) -> Path | None:
        """Return the file that follows the one being read, if the log was rotated; a slow reader is some files behind.

        While the newest one is empty the runtime may still write to the one before it.
        """
        here = os.fstat(self._file.fileno())
        try:
            if os.path.samestat(self.path.stat(), here):
                return None
        except FileNotFoundError:
            return None                      # between the rename and the new file
        old = sorted(each for each in self.path.parent.glob(f"{self.path.name}.*") if each.suffix not in PACKED)
        read = next((place for place, each in enumerate(old) if _is(each, here)), -1)
        following = [*old, self.path][read + 1]
        return following if following != self.path or self.path.stat().st_size else None

    def turn_to(self, path: Path) -> None:
        """Go on with another file; the old one has been read to its end."""
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return                           # dropped or compressed just now; the next look finds the one after it
        self._file.close()
        self._file = file
        self._rest = b""

    def seek_lines(self, lines: int | None) -> None:
        """Place the reader so that this many whole lines follow. Pieces of one line count once."""
        if lines is None:
            return
        end = self._file.seek(0, os.SEEK_END)
        self._file.seek(_start_of_tail(self._file, end, lines))


def _is(path: Path, known: os.stat_result) -> bool:
    """Tell whether a path leads to a known file."""
    try:
        return os.path.samestat(path.stat(), known)
    except FileNotFoundError:
        return False


def _start_of_tail(file: BinaryIO, end: int, lines: int) -> int:
    """Return the offset from which `lines` whole lines follow, or fewer where there are no more."""
    start = found = 0
    for number, (offset, line) in enumerate(_lines_backwards(file, end)):
        if number == 0:
            start = offset + len(line) + 1
        if _is_whole(line):
            if found == lines:
                return start
            found += 1
        start = offset
    return start


def _lines_backwards(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, raw line) from the last one that has its newline to the first."""
    at, rest = end, b""                      # rest: the right part of a line whose left part was not read yet
    while at > 0:
        start = max(0, at - BLOCK_BYTES)
        file.seek(start)
        data = file.read(at - start) + rest
        pieces = data.split(b"\n")
        offset = start + len(data) - len(pieces[-1])
        first = 0 if start == 0 else 1
        for line in reversed(pieces[first:-1]):
            offset -= len(line) + 1
            yield offset, line
        rest = pieces[0] + b"\n" if len(pieces) > 1 else data
        at = start


def _is_whole(line: bytes) -> bool:
    words = line.split(b" ", 3)
    return len(words) >= 3 and words[2].split(b":")[0] == b"F"


class _Text:
    """Turns raw lines into what the user asked to see. Keeps whether the line before was a piece."""

    def __init__(self, options: LogOptions) -> None:
        self._since_ns = None if options.since_s is None else int(options.since_s * 1e9)
        self._stream = options.stream.lower().encode()
        self._timestamps = options.timestamps
        self._fresh = True

    def of(self, block: bytes) -> bytes:
        """Return the text of these raw lines."""
        return b"".join(filter(None, map(self._line, block.split(b"\n")[:-1])))

    def _line(self, line: bytes) -> bytes:
        words = line.split(b" ", 3)
        if len(words) < 4:
            return b""                       # no log line: the runtime was cut off while writing
        time_text, stream, tags, text = words
        if self._stream not in (b"all", stream):
            return b""
        if self._since_ns is not None and _nanoseconds(time_text) < self._since_ns:
            return b""
        prefix = _fixed(time_text) + b" " if self._timestamps and self._fresh else b""
        self._fresh = tags.split(b":")[0] != b"P"
        return prefix + text + (b"\n" if self._fresh else b"")


def _nanoseconds(text: bytes) -> int:
    """Return the wall time of `2026-01-02T03:04:05.123456789Z` (or with an offset `+01:00`) in ns."""
    digits, offset = _fraction(text)
    whole = datetime.fromisoformat((text[:19] + offset).decode())
    return int(whole.timestamp()) * 10**9 + int(digits.ljust(9, b"0")[:9])


def _fixed(text: bytes) -> bytes:
    """Pad the fraction to nine digits. Source: kube kubelet types/constants.go, RFC3339NanoFixed."""
    digits, offset = _fraction(text)
    return text[:19] + b"." + digits.ljust(9, b"0") + offset


def _fraction(text: bytes) -> tuple[bytes, bytes]:
    rest = text[19:].lstrip(b".")
    digits = rest[:len(rest) - len(rest.lstrip(b"0123456789"))]
    return digits, rest[len(digits):]
