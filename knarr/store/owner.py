"""Let one process at a time own a data directory. The kernel drops the lock when its owner dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from knarr.store.face import StoreOwned


class Owner:
    """A held lock; `release` gives it back."""

    def __init__(self, path: Path) -> None:
        """Take the lock file at `path` or raise StoreOwned. The file stays when the lock goes."""
        self._descriptor: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = os.pread(self._descriptor, 32, 0).strip()
            self.release()
            raise StoreOwned(str(path.parent), int(said) if said.isdigit() else 0) from None
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, b"%d\n" % os.getpid(), 0)
        except OSError:
            # A full disk: the lock itself holds, it only cannot say whose it is.
            return

    def release(self) -> None:
        """Give the lock back. Twice is once."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
