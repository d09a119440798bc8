"""The kernel tells of changes in a directory; nobody polls."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from knarr.base.inotify import CLOSED, CREATED, MOVED_TO, DirectoryWatch


async def test_a_written_file_is_told(tmp_path: Path) -> None:
    """A log file appears, is written and closed: one call tells all of it."""
    with DirectoryWatch(tmp_path) as watch:
        (tmp_path / "0.log").write_bytes(b"line\n")
        changes = await watch.changes(5)

    masks = {change.mask for change in changes}
    assert {"0.log"} == {change.name for change in changes}
    assert {CREATED, CLOSED} <= masks


async def test_waiting_wakes_on_the_first_change(tmp_path: Path) -> None:
    """The reader waits first; a rename into the directory wakes it."""
    (tmp_path / "a").touch()
    with DirectoryWatch(tmp_path) as watch:
        waiting = asyncio.ensure_future(watch.changes(5))
        await asyncio.sleep(0)
        (tmp_path / "a").rename(tmp_path / "b")
        changes = await waiting

    assert [("b", MOVED_TO)] == [(change.name, change.mask) for change in changes if change.name == "b"]


async def test_nothing_happens(tmp_path: Path) -> None:
    """The time is over and nothing changed: an empty answer, not an error."""
    with DirectoryWatch(tmp_path) as watch:
        assert () == await watch.changes(0)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """The error says which directory, and no file descriptor is left open."""
    with pytest.raises(FileNotFoundError, match="nowhere"):
        DirectoryWatch(tmp_path / "nowhere")
