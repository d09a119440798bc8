"""Save what can be saved of a damaged database: sound rows go into a new file, the old file is kept beside it.

The revision goes on well above anything the old file is known to have reached, so that no client meets a revision
twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from knarr.store.face import Entry
from knarr.store.memory import REVISION_FIRST
from knarr.store.sqlite import ALL, META, PLAIN, PUT, Cipher, Row, connect, prepare, take, to_entries, to_row

REVISION_LEAP = 1_000_000  # the damaged file may have lost its newest revisions; no cluster writes as many in between

SIZE_MAX = 64 << 30  # bytes; a header that claims more is not believed


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did. lost: keys whose rows could be seen but were not sound; unseen rows cannot be counted."""

    kept: int
    lost: tuple[str, ...]
    old_file: Path


def repair(path: Path, *, cipher: Cipher = PLAIN) -> Repaired:
    """Replace the database at `path` by one with its sound rows. Raises StoreOwned while a server runs on it.

    LookupError: a value is sealed with a key that `cipher` lacks; it is not damaged, and nothing is touched.
    """
    owner = take(path)
    try:
        lengthen(path)
        kept: list[Entry] = []
        lost: list[str] = []
        for row in rows(path):
            try:
                kept += to_entries([row], cipher)
            except (ValueError, TypeError, AttributeError):
                lost.append(str(row[0]))
        fresh = path.with_name(path.name + ".repaired")
        write(fresh, kept, cipher)
        old = path.with_name(path.name + ".damaged")
        path.replace(old)
        for side in ("-wal", "-shm"):
            if (beside := path.with_name(path.name + side)).exists():
                beside.replace(old.with_name(old.name + side))
        fresh.replace(path)
        return Repaired(len(kept), tuple(lost), old)
    finally:
        owner.release()


def lengthen(path: Path) -> None:
    """Pad a file that was cut short with empty pages, for SQLite reads nothing of a file shorter than its header says.

    Source: SQLite file format, offsets 16 (page size) and 28 (pages).
    """
    with path.open("r+b") as file:
        header = file.read(32)
        wanted = int.from_bytes(header[16:18], "big") * int.from_bytes(header[28:32], "big")
        size = file.seek(0, 2)
        if header.startswith(b"SQLite format 3\0") and size < wanted <= SIZE_MAX:
            file.truncate(wanted)


def rows(path: Path) -> Iterator[Row]:
    """Read as many rows as SQLite can still reach: forwards until it stumbles, then backwards likewise."""
    seen: set[str] = set()
    for order in ("rowid", "rowid DESC", "key", "key DESC"):
        for row in rows_in(path, order):
            if row[0] not in seen:
                seen.add(row[0])
                yield row


def rows_in(path: Path, order: str) -> Iterator[Row]:
    """Read rows in one order until the end or the first stumble; another order comes from another side."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            yield from connection.execute(f"{ALL} ORDER BY {order}")
        except sqlite3.DatabaseError:
            return


def write(path: Path, entries: list[Entry], cipher: Cipher) -> None:
    """Make a database of these entries, anew."""
    path.unlink(missing_ok=True)
    connection = connect(path)
    prepare(connection)
    newest = max((entry.revision for entry in entries), default=REVISION_FIRST)
    connection.execute("BEGIN")
    connection.executemany(PUT, [to_row(entry, cipher) for entry in entries])
    connection.execute(META, ("revision", newest + REVISION_LEAP))
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = DELETE")  # folds the WAL in, so that the file can be renamed alone
    connection.close()
