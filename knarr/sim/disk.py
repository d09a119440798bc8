"""Be the disk below the store: what it has committed outlives the server, what it has not may be lost.

Theory of operation: the `Platter` is what lies on the disk. Each life of the server has a `SimDisk` of its own over it.
A batch is committed after a delay; a crash in between leaves it written or not, by dice, and nobody is told which.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from knarr.base.rng import Rng
from knarr.store.engine import Done, Engine
from knarr.store.face import Change, Entry, StoreUnavailable
from knarr.store.image import Image
from knarr.store.memory import REVISION_FIRST
from knarr.store.watchlog import WatchLog

QUICK_S = (0.0002, 0.002)      # one commit of a solid-state disk
SLOW_S = (0.05, 1.5)           # one that is dying, or shared with a backup


class Platter:
    """What lies on the disk, and how it behaves. heard: told of each batch, in order, as it becomes durable."""

    def __init__(self, rng: Rng, heard: Callable[[tuple[Change, ...]], None]) -> None:
        self.entries: dict[str, Entry] = {}
        self.revision = REVISION_FIRST
        self.key_pem = _signing_key()      # of service accounts' tokens
        self.slow = False
        self.full = False
        self._rng = rng
        self._heard = heard

    def delay_s(self) -> float:
        """Throw how long the next commit takes, seconds."""
        return self._rng.uniform(*(SLOW_S if self.slow else QUICK_S))

    def survives(self) -> bool:
        """Throw whether a batch under way at a crash was written."""
        return self._rng.below(2) == 0

    def write(self, changes: tuple[Change, ...]) -> None:
        """Make a batch durable."""
        for change in changes:
            if change.kind == "DELETED":
                del self.entries[change.entry.key]
            else:
                self.entries[change.entry.key] = change.entry
        self.revision = changes[-1].entry.revision
        self._heard(changes)


class SimDisk:
    """One life of the store's disk; see `store.engine.Disk`. After `crash` it answers nobody."""

    def __init__(self, platter: Platter) -> None:
        self._platter = platter
        self._under_way: tuple[Change, ...] = ()
        self._dead = False

    def submit(self, changes: tuple[Change, ...], done: Done) -> None:
        """Commit them all, or refuse all, after a while."""
        self._under_way = changes
        asyncio.get_running_loop().call_later(self._platter.delay_s(), self._commit, changes, done)

    def crash(self) -> None:
        """Die where it stands."""
        if self._under_way and self._platter.survives():
            self._platter.write(self._under_way)
        self._dead = True

    async def reseal(self) -> int:
        """Nothing is sealed here."""
        return 0

    async def close(self) -> None:
        """Take no more."""
        self._dead = True

    def _commit(self, changes: tuple[Change, ...], done: Done) -> None:
        if self._dead:
            return
        self._under_way = ()
        if self._platter.full:
            done(StoreUnavailable("no space left on device"))
            return
        self._platter.write(changes)
        done(None)


def open_disk(platter: Platter) -> tuple[Engine, SimDisk]:
    """Return a store over what lies on the disk, as after a start of the machine, and its disk."""
    disk = SimDisk(platter)
    return Engine(disk, Image(platter.entries.values()), WatchLog(platter.revision)), disk


def _signing_key() -> bytes:
    """Make a key; nothing that a run does hangs on which one it is."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
