"""Backups of a running store, and putting them back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from knarr.store.backup import backup, restore
from knarr.store.face import Draft, StoreDamaged, StoreOwned, StoreUnavailable
from knarr.store.sqlite import open_sqlite

KEY = "/core/configmaps/default/c"


def draft(text: str = "") -> Draft:
    return Draft(b'{"rv":', b',"text":"' + text.encode() + b'"}')


async def test_a_backup_under_load_is_whole(tmp_path: Path) -> None:
    """A backup is taken while writers go on: it holds one state of the past, and opens like any database."""
    path, copy = tmp_path / "state.db", tmp_path / "copy.db"
    store = open_sqlite(path)
    await asyncio.gather(*(store.insert(f"{KEY}{n:03}", draft("x" * 500)) for n in range(200)))
    writers = asyncio.gather(*(store.insert(f"{KEY}-late{n:03}", draft()) for n in range(500)))
    size = await asyncio.to_thread(backup, path, copy)
    await writers
    await store.close()
    old = open_sqlite(copy)

    assert copy.stat().st_size >= size > 200 * 500
    assert 200 <= len(old.list("/").entries) <= 700
    assert old.revision <= store.revision
    await old.close()


async def test_restore_goes_back_in_state_and_forward_in_revisions(tmp_path: Path) -> None:
    """Something went wrong since the backup: the old state returns, under revisions that nobody has seen."""
    path, copy = tmp_path / "state.db", tmp_path / "copy.db"
    store = open_sqlite(path)
    good = await store.insert(KEY, draft("good"))
    backup(path, copy)
    bad = await store.replace(KEY, draft("bad"), expect=good.revision)
    with pytest.raises(StoreOwned):
        restore(copy, path)
    await store.close()
    assert 1 == restore(copy, path)
    store = open_sqlite(path)

    assert good == store.get(KEY)
    assert store.revision > bad.revision
    await store.close()
    before = open_sqlite(tmp_path / "state.db.before")
    assert bad == before.get(KEY)
    await before.close()


async def test_a_bad_backup_changes_nothing(tmp_path: Path) -> None:
    """The backup is damaged: the restore says so, and what is there stays."""
    path, copy = tmp_path / "state.db", tmp_path / "copy.db"
    store = open_sqlite(path)
    entry = await store.insert(KEY, draft())
    await store.close()
    copy.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreDamaged):
        restore(copy, path)
    store = open_sqlite(path)

    assert entry == store.get(KEY)
    assert not list(tmp_path.glob("*.restored*"))
    await store.close()


def test_where_a_backup_cannot_be(tmp_path: Path) -> None:
    """Nothing to copy; or something is there already, which is never overwritten."""
    (tmp_path / "there.db").touch()
    with pytest.raises(FileExistsError):
        backup(tmp_path / "state.db", tmp_path / "there.db")
    with pytest.raises(StoreUnavailable):
        backup(tmp_path / "none.db", tmp_path / "copy.db")
