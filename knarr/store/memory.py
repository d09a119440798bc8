"""Keep nothing on disk: the store for tests and simulations. It forgets everything when the process ends."""

from __future__ import annotations

from knarr.store.engine import Done, Engine
from knarr.store.face import Change
from knarr.store.image import Image
from knarr.store.watchlog import BACKLOG_MAX, LOG_BYTES_MAX, LOG_CHANGES_MAX, WatchLog

REVISION_FIRST = 1  # so that 0 can mean "any", as the API wants it


class NoDisk:
    """Say yes at once."""

    def submit(self, changes: tuple[Change, ...], done: Done) -> None:
        """Commit them to nowhere."""
        done(None)

    async def reseal(self) -> int:
        """Nothing lies anywhere."""
        return 0

    async def close(self) -> None:
        """There is nothing to let go of."""


def open_memory(
    *, changes_max: int = LOG_CHANGES_MAX, bytes_max: int = LOG_BYTES_MAX, backlog_max: int = BACKLOG_MAX,
) -> Engine:
    """Return an empty store. The bounds are those of its watch log. Must be called on a running loop or before any."""
    log = WatchLog(REVISION_FIRST, changes_max=changes_max, bytes_max=bytes_max, backlog_max=backlog_max)
    return Engine(NoDisk(), Image(), log)
