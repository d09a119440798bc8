"""Keep the present state in one SQLite file. The only module that imports sqlite3.

What is on disk: each object's present bytes and the newest revision, no history, so the file stays as small as the
state; after a restart the watch log starts empty and older watches are told to list again. One thread writes; it
sleeps on a queue when there is nothing to do. A batch is one transaction, WAL with `synchronous=FULL`: durable
against power loss when the commit returns. The WAL is bounded, pages freed by deletions are given back, and every row
carries a checksum that is compared when the file is opened.

A batch that the disk refuses (full, read-only, failing) is rolled back and told as StoreUnavailable; the next one
tries again.
"""

from __future__ import annotations

import asyncio
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from knarr.store.engine import Done, Engine
from knarr.store.face import Change, Entry, StoreDamaged, StoreUnavailable
from knarr.store.image import Image
from knarr.store.memory import REVISION_FIRST
from knarr.store.owner import Owner
from knarr.store.watchlog import BACKLOG_MAX, LOG_BYTES_MAX, LOG_CHANGES_MAX, WatchLog

REPAIR = "knarr doctor --repair"
FORMAT = 1  # of the file; a newer one is refused, not guessed at
WAL_PAGES_MAX = 1000  # 4 MiB, then its pages move into the database file
WAL_BYTES_MAX = 16 << 20  # what a burst may leave behind as the WAL file
FREE_PAGES_MAX = 256  # 1 MiB of freed pages is kept for reuse, what is above goes back to the file system
VACUUM_PAGES = 512  # given back per commit at most, so that no commit waits long

OPEN = """
PRAGMA page_size = 4096;
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA temp_store = MEMORY;
PRAGMA secure_delete = FAST;
"""
TABLES = """
CREATE TABLE IF NOT EXISTS object (
  key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL,
  revision INTEGER NOT NULL, created INTEGER NOT NULL, revision_at INTEGER NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY NOT NULL, number INTEGER NOT NULL);
"""
PUT = "INSERT OR REPLACE INTO object (key, value, revision, created, revision_at, checksum) VALUES (?, ?, ?, ?, ?, ?)"
DROP = "DELETE FROM object WHERE key = ?"
META = "INSERT OR REPLACE INTO meta (name, number) VALUES (?, ?)"
SOME = "SELECT key, value FROM object WHERE key > ? AND key < ? ORDER BY key LIMIT ?"
SEALED = "UPDATE object SET value = ?, checksum = ? WHERE key = ?"
LAST = "\U0010ffff"  # behind every key that a prefix begins
RESEALED_MAX = 64  # values sealed anew in one turn, so that no batch waits long
ALL = "SELECT key, value, revision, created, revision_at, checksum FROM object"

Row = tuple[str, bytes, int, int, int, int]


class Cipher(Protocol):
    """What stands between a value and the disk. In memory every value is plain. prefixes: of the keys it cares for."""

    @property
    def prefixes(self) -> tuple[str, ...]: ...

    def seal(self, key: str, value: bytes) -> bytes:
        """Return what shall lie on disk; the value itself for keys that need no secrecy."""

    def unseal(self, key: str, stored: bytes) -> bytes:
        """Return the value again. ValueError: the bytes are not sound. LookupError: the key for them is missing."""

    def is_current(self, key: str, stored: bytes) -> bool:
        """Tell whether a value lies on disk as `seal` would put it there now."""


class Plain:
    """No encryption."""

    prefixes: tuple[str, ...] = ()

    def is_current(self, key: str, stored: bytes) -> bool:
        """Say yes: there are no keys to change."""
        return True

    def seal(self, key: str, value: bytes) -> bytes:
        """Return the value."""
        return value

    def unseal(self, key: str, stored: bytes) -> bytes:
        """Return the value; LookupError for one that was sealed (JSON starts with no zero byte)."""
        if stored.startswith(b"\0"):
            raise LookupError(f"{key} is sealed, and no key was given")
        return stored


PLAIN = Plain()


def open_sqlite(
    path: Path, *,
    repair: str = REPAIR, cipher: Cipher = PLAIN,
    changes_max: int = LOG_CHANGES_MAX, bytes_max: int = LOG_BYTES_MAX, backlog_max: int = BACKLOG_MAX,
) -> Engine:
    """Open or make the database at `path` and return the store over it.

    Raises StoreOwned, StoreDamaged (naming `repair`), StoreUnavailable. The bounds are those of the watch log.
    """
    with ExitStack() as undo:
        owner = take(path)
        undo.callback(owner.release)
        try:
            connection = connect(path)
            undo.callback(connection.close)
            prepare(connection)
            entries, revision = load(connection, cipher)
        except (sqlite3.OperationalError, LookupError) as error:
            raise StoreUnavailable(f"{path}: {error}") from error  # nothing that a repair would mend
        except (sqlite3.DatabaseError, ValueError) as error:
            raise StoreDamaged(str(path), str(error), repair) from error
        undo.pop_all()
    log = WatchLog(revision, changes_max=changes_max, bytes_max=bytes_max, backlog_max=backlog_max)
    return Engine(SqliteDisk(connection, owner, cipher), Image(entries), log)


def take(path: Path) -> Owner:
    """Own the directory of the database at `path`, made where it lacks."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.chmod(0o600)  # it holds Secrets; the WAL beside it inherits the mode
        return Owner(path.with_name(path.name + ".lock"))
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror}") from error


class SqliteDisk:
    """The writer thread and its connection."""

    def __init__(self, connection: sqlite3.Connection, owner: Owner, cipher: Cipher) -> None:
        self._connection = connection
        self._owner = owner
        self._cipher = cipher
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._closing = False

    def submit(self, changes: tuple[Change, ...], done: Done) -> None:
        """Commit them on the writer thread, then call `done` on the loop."""
        loop = asyncio.get_running_loop()
        future = self._writer.submit(self._commit, changes)
        future.add_done_callback(lambda finished: loop.call_soon_threadsafe(done, _outcome(finished)))

    async def reseal(self) -> int:
        """Seal anew what lies under an older key, some at a time between the batches; then clear the WAL of it."""
        count = 0
        for prefix in self._cipher.prefixes:
            after: str | None = prefix
            while after is not None:
                done, after = await asyncio.wrap_future(self._writer.submit(self._reseal, prefix, after))
                count += done
        await asyncio.wrap_future(self._writer.submit(self._fold))
        return count

    def _reseal(self, prefix: str, after: str) -> tuple[int, str | None]:
        """Treat the next keys below a prefix; return how many were sealed anew, and the last one seen, if any."""
        try:
            rows = self._connection.execute(SOME, (after, prefix + LAST, RESEALED_MAX)).fetchall()
            fresh = [_resealed(row, self._cipher) for row in rows if not self._cipher.is_current(row[0], row[1])]
            if fresh:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(SEALED, fresh)
                self._connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            self._roll_back()
            raise StoreUnavailable(str(error)) from error
        return len(fresh), rows[-1][0] if rows else None

    def _fold(self) -> None:
        """Write the WAL into the file and empty it: old keys' values must not lie there any longer."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            raise StoreUnavailable(str(error)) from error

    async def close(self) -> None:
        """Close the file, which folds the WAL into it, and release the directory."""
        self._closing = True
        await asyncio.wrap_future(self._writer.submit(self._connection.close))
        self._writer.shutdown()
        self._owner.release()

    def _commit(self, changes: tuple[Change, ...]) -> None:
        try:
            self._write(changes)
        except (sqlite3.Error, OSError) as error:
            self._roll_back()
            raise StoreUnavailable(str(error)) from error
        if any(change.kind == "DELETED" for change in changes):
            self._give_back()

    def _write(self, changes: tuple[Change, ...]) -> None:
        # A key stands at most once in a batch (engine.py), so puts and drops may change places.
        puts = [to_row(change.entry, self._cipher) for change in changes if change.kind != "DELETED"]
        drops = [(change.entry.key,) for change in changes if change.kind == "DELETED"]
        connection = self._connection
        if connection.in_transaction:
            connection.rollback()
        connection.execute("BEGIN IMMEDIATE")
        if puts:
            connection.executemany(PUT, puts)
        if drops:
            connection.executemany(DROP, drops)
        connection.execute(META, ("revision", changes[-1].entry.revision))
        connection.execute("COMMIT")

    def _roll_back(self) -> None:
        """Undo a refused batch. A disk that refuses even this is asked again before the next batch begins."""
        try:
            if self._connection.in_transaction:
                self._connection.rollback()
        except sqlite3.Error:
            return

    def _give_back(self) -> None:
        """Return freed pages to the file system, some at a time. That it failed is no news: the writes are durable."""
        if self._closing:
            return
        try:
            (free,) = self._connection.execute("PRAGMA freelist_count").fetchone()
            if free > 2 * FREE_PAGES_MAX:
                pages = min(free - FREE_PAGES_MAX, VACUUM_PAGES)
                # A script, because `execute` takes one step only, and each step frees a single page.
                self._connection.executescript(f"PRAGMA incremental_vacuum({pages})")
                self._writer.submit(self._give_back)  # behind the batch that waits, if one does
        except sqlite3.OperationalError:
            return


def _resealed(row: tuple[str, bytes], cipher: Cipher) -> tuple[bytes, int, str]:
    key, stored = row
    fresh = cipher.seal(key, cipher.unseal(key, stored))
    return fresh, checksum_of(key, fresh), key


def checksum_of(key: str, stored: bytes) -> int:
    """Return the checksum of a row."""
    return zlib.crc32(stored, zlib.crc32(key.encode()))


def _outcome(finished: Future[None]) -> Exception | None:
    error = finished.exception()
    assert error is None or isinstance(error, Exception), error
    return error


def connect(path: Path) -> sqlite3.Connection:
    """Open the file with our settings; transactions are begun by hand."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    for setting in OPEN.strip().splitlines():
        connection.execute(setting)
    connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES_MAX}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_MAX}")
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables where they lack. Raises ValueError for a file of an unknown format."""
    (known,) = connection.execute("PRAGMA user_version").fetchone()
    if known == FORMAT:
        return
    if known > FORMAT:
        raise ValueError(f"its format is {known}, this program knows {FORMAT}")
    connection.executescript(f"BEGIN;{TABLES} PRAGMA user_version = {FORMAT}; COMMIT;")


def load(connection: sqlite3.Connection, cipher: Cipher) -> tuple[list[Entry], int]:
    """Read and check everything. Returns the entries and the newest revision; ValueError says what is wrong."""
    (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if sound != "ok":
        raise ValueError(" ".join(sound.split()))
    entries = list(to_entries(connection.execute(ALL), cipher))
    found = connection.execute("SELECT number FROM meta WHERE name = 'revision'").fetchone()
    revision = found[0] if found else REVISION_FIRST
    newest = max((entry.revision for entry in entries), default=REVISION_FIRST)
    if newest > revision:
        raise ValueError(f"an object has revision {newest}, the newest known is {revision}")
    return entries, revision


def to_row(entry: Entry, cipher: Cipher) -> Row:
    """Return the row that holds an entry."""
    stored = cipher.seal(entry.key, entry.value)
    checksum = checksum_of(entry.key, stored)
    return entry.key, stored, entry.revision, entry.created_revision, entry.revision_at, checksum


def to_entries(rows: Iterable[Row], cipher: Cipher) -> Iterator[Entry]:
    """Return the entries of rows; a row whose bytes are not what was written is a ValueError."""
    for key, stored, revision, created, revision_at, checksum in rows:
        if checksum_of(key, stored) != checksum:
            raise ValueError(f"{key} has a wrong checksum")
        value = cipher.unseal(key, stored)
        if not value.startswith(b"%d" % revision, revision_at):
            raise ValueError(f"{key} does not carry its revision {revision}")
        yield Entry(key, value, revision, created, revision_at)
