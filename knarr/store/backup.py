"""Copy the database while the server runs, and put such a copy back.

A backup shows one committed revision, whole. Sealed values stay sealed: without their key a backup gives no Secret
away, and is of no use either. After a restore revisions go on far above the old ones, so that no client takes an
older state for a newer.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

from knarr.store.face import StoreDamaged, StoreUnavailable
from knarr.store.repair import REVISION_LEAP
from knarr.store.sqlite import META, PLAIN, Cipher, connect, load, prepare, take

OTHERS_S = 30.0  # how long to wait while the server checkpoints


def backup(path: Path, target: Path) -> int:
    """Write a copy of the database at `path` to `target`, which must not exist; return its bytes.

    Raises FileExistsError, StoreUnavailable (there is no database, or no space for the copy).
    """
    if target.exists():
        raise FileExistsError(f"{target} exists")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=OTHERS_S)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        target.unlink(missing_ok=True)
        raise StoreUnavailable(f"{path} to {target}: {error}") from error
    with target.open("rb") as copy:
        os.fsync(copy.fileno())
    return target.stat().st_size


def restore(source: Path, path: Path, *, cipher: Cipher = PLAIN) -> int:
    """Put a backup in the place of the database at `path`; return how many objects it holds.

    What was there before is kept as `<path>.before`. Raises StoreOwned while a server runs on it, StoreDamaged or
    StoreUnavailable when the backup is no good; then nothing has changed.
    """
    owner = take(path)
    fresh = path.with_name(path.name + ".restored")
    with ExitStack() as undo:
        undo.callback(owner.release)
        undo.callback(fresh.unlink, missing_ok=True)
        fresh.write_bytes(source.read_bytes())
        try:
            count = leap(fresh, cipher)
        except (sqlite3.OperationalError, LookupError) as error:
            raise StoreUnavailable(f"{source}: {error}") from error
        except (sqlite3.DatabaseError, ValueError) as error:
            raise StoreDamaged(str(source), str(error), "use another backup") from error
        for side in ("-wal", "-shm", ""):
            if (old := path.with_name(path.name + side)).exists():
                old.replace(path.with_name(path.name + ".before" + side))
        fresh.replace(path)
    return count


def leap(path: Path, cipher: Cipher) -> int:
    """Check a database and move its revision far ahead; return how many objects it holds."""
    with closing(connect(path)) as connection:
        prepare(connection)
        entries, revision = load(connection, cipher)
        connection.execute(META, ("revision", revision + REVISION_LEAP))
        connection.execute("PRAGMA journal_mode = DELETE")  # one file, which can be renamed alone
        return len(entries)
