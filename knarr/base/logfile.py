"""Keep the files that this process and its children write to from growing for ever.

A file that has become too big is kept once more under the name `<file>.1`; what was kept before goes.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

BYTES_MAX = 10_000_000  # of a log; with the one before, at most twice this lies on the disk


class Lines:
    """A text stream that writes whole lines to a descriptor and never fails: who logs must not die of a full disk.

    What cannot be written is dropped and counted (`dropped`, lines); the next line that can be says how many were.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._begun, self.dropped = descriptor, "", 0

    def write(self, text: str) -> int:
        """Take text; a line goes out when it ends."""
        self._begun += text
        if text.endswith("\n"):
            line, self._begun = self._begun, ""
            self._put(line)
        return len(text)

    def flush(self) -> None:
        """Every line is out as soon as it ends."""

    def _put(self, line: str) -> None:
        lost = f'{{"event": "log.dropped", "lines": {self.dropped}}}\n' if self.dropped else ""
        begin = "\n" if self.dropped else ""  # the last one before may have been cut in the middle
        body = (begin + lost + line).encode(errors="replace")
        try:
            done = os.write(self._descriptor, body)
        except OSError:
            done = 0
        self.dropped = 0 if done == len(body) else self.dropped + 1


def turn(path: Path, *, descriptors: tuple[int, ...], bytes_max: int = BYTES_MAX) -> bool:
    """Begin a new file where our own log is too big, and point the descriptors at it; tell whether we did.

    Descriptors that lead elsewhere (a terminal, a journal) are left alone. No line is lost.
    """
    ours = tuple(number for number in descriptors if leads_to(number, path))
    if not ours or path.stat().st_size <= bytes_max:
        return False
    path.replace(kept(path))
    fresh = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        for number in ours:
            os.dup2(fresh, number, inheritable=True)
    finally:
        os.close(fresh)
    return True


def cut(path: Path, *, bytes_max: int = BYTES_MAX) -> bool:
    """Keep a copy of a log that somebody else holds open (to append) and empty it; tell whether we did.

    What is written between copy and cut is lost: some lines of a flood.
    """
    if not path.exists() or path.stat().st_size <= bytes_max:
        return False
    shutil.copyfile(path, kept(path))
    os.truncate(path, 0)
    return True


def kept(path: Path) -> Path:
    """Return where the log before this one lies."""
    return path.with_name(path.name + ".1")


def leads_to(descriptor: int, path: Path) -> bool:
    """Tell whether a descriptor writes to this very file."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
