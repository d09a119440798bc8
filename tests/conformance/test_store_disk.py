"""What the SQLite store promises about its disk: restarts, kills, full and read-only disks, damage, ownership."""

from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from knarr.store.engine import Engine
from knarr.store.face import Compacted, Draft, Entry, StoreDamaged, StoreOwned, StoreUnavailable
from knarr.store.repair import repair
from knarr.store.sqlite import open_sqlite

KEY = "/core/configmaps/default/settings"


def draft(text: str = "") -> Draft:
    return Draft(b'{"rv":', b',"text":"' + text.encode() + b'"}')


async def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    """The server restarts: same objects, same bytes, same revision, though the newest write was a deletion."""
    store = open_sqlite(tmp_path / "state.db")
    kept = await store.insert(KEY, draft("kept"))
    gone = await store.insert(KEY + "-gone", draft())
    last = await store.remove(gone.key, expect=gone.revision)
    await store.close()
    store = open_sqlite(tmp_path / "state.db")

    assert kept == store.get(KEY)
    assert last.revision == store.revision
    with pytest.raises(Compacted):
        store.watch("/", since=kept.revision)
    assert last.revision < (await store.insert(gone.key, draft())).revision
    await store.close()


def test_kill_nine_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Two hundred times, a process with sixteen busy writers is killed at a random moment."""
    seed = os.environ.get("KNARR_SEED", "7")
    ran = subprocess.run(
        [sys.executable, "-m", "tests.conformance.kill_rounds", str(tmp_path), "200", seed],
        capture_output=True, text=True, timeout=250, check=False, cwd=Path(__file__).parents[2])

    assert (0, True) == (ran.returncode, ran.stdout.startswith("rounds 200 ")), ran.stderr[-2000:] + ran.stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=False)
    if mounted.returncode:
        pytest.skip("this place allows no mounts")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.root
async def test_a_full_disk_refuses_and_recovers(small_disk: Path) -> None:
    """The disk runs full under load: writes are refused with the reason, reads go on; then space comes back."""
    store = open_sqlite(small_disk / "state.db")
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(400_000))
    stored = [await store.insert(KEY, draft("first"))]
    watch = store.watch("/", since=store.revision)
    with pytest.raises(StoreUnavailable, match="full"):
        await fill(store, stored)
    refused = f"{KEY}{len(stored) - 1}"
    before = store.revision
    refusals = await asyncio.gather(
        *(store.insert(f"{refused}-{n}", draft("x" * 20_000)) for n in range(3)), return_exceptions=True)

    assert [StoreUnavailable] * 3 == list(map(type, refusals))
    assert before == store.revision == stored[-1].revision
    assert store.get(refused) is None
    ballast.unlink()
    recovered = await store.insert(refused, draft("x" * 20_000))
    assert recovered.revision > before + 3  # the refused ones' revisions are never seen again
    assert recovered == (await newest(watch)).entry
    await store.close()
    again = open_sqlite(small_disk / "state.db")
    assert sorted(e.key for e in [*stored, recovered]) == [e.key for e in again.list("/").entries]
    await again.close()


async def fill(store: Engine, stored: list[Entry]) -> None:
    """Insert until the store refuses."""
    for n in range(100):
        stored.append(await store.insert(f"{KEY}{n}", draft("x" * 20_000)))


async def newest(watch: object) -> object:
    change = None
    while watch.progress < watch._log.revision:
        change = (await anext(watch))[-1]
    return change


async def test_a_file_size_limit_refuses_and_recovers(tmp_path: Path) -> None:
    """An I/O error in the middle of a commit (here the kernel's file size limit): refused, then fine again."""
    store = open_sqlite(tmp_path / "state.db")
    first = await store.insert(KEY, draft())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StoreUnavailable):
            await store.replace(KEY, draft("x" * 300_000), expect=first.revision)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert first == store.get(KEY)
    second = await store.replace(KEY, draft("x" * 300_000), expect=first.revision)
    assert second == store.get(KEY)
    await store.close()


async def test_a_disk_that_turns_read_only(tmp_path: Path) -> None:
    """The file system is remounted read-only: writes say so, reads go on, and it heals by itself."""
    store = open_sqlite(tmp_path / "state.db")
    first = await store.insert(KEY, draft())
    store._disk._connection.execute("PRAGMA query_only = ON")  # what SQLite answers on a read-only file

    with pytest.raises(StoreUnavailable, match="readonly"):
        await store.replace(KEY, draft("new"), expect=first.revision)
    assert first == store.get(KEY)
    store._disk._connection.execute("PRAGMA query_only = OFF")
    assert "new" == (await store.replace(KEY, draft("new"), expect=first.revision)).obj["text"]
    await store.close()


@pytest.mark.root
def test_opening_on_a_read_only_disk(small_disk: Path) -> None:
    """The data directory lies on a read-only file system: the start says so."""
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    with pytest.raises(StoreUnavailable, match="Read-only file system"):
        open_sqlite(small_disk / "state.db")


def flip_value(path: Path) -> None:
    with path.open("r+b") as file:
        at = path.read_bytes().find(b"treasure")
        file.seek(at)
        file.write(b"pleasure")


def scramble_pages(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def other_file(path: Path) -> None:
    path.write_bytes(b"this is no database at all, but a letter to my aunt" * 100)


def newer_format(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize(("harm", "said"), [
    pytest.param(flip_value, "checksum", id="a flipped byte in a value"),
    pytest.param(scramble_pages, "is damaged", id="scrambled pages"),
    pytest.param(cut_short, "is damaged", id="cut short"),
    pytest.param(other_file, "not a database", id="another file"),
    pytest.param(newer_format, "format is 99", id="written by a newer version"),
])
async def test_damage_is_told_with_the_repair(tmp_path: Path, harm: object, said: str) -> None:
    """The file was harmed while the server was down: the start names it and the command that mends it."""
    path = tmp_path / "state.db"
    store = open_sqlite(path)
    await asyncio.gather(*(store.insert(f"{KEY}{n}", draft("treasure" * 200)) for n in range(40)))
    await store.close()
    harm(path)

    with pytest.raises(StoreDamaged, match=said) as told:
        open_sqlite(path, repair="mend it")
    assert str(path) in str(told.value)
    assert str(told.value).endswith("run: mend it")
    with pytest.raises(StoreDamaged):  # and the lock was given back
        open_sqlite(path)


async def test_two_owners(tmp_path: Path) -> None:
    """A second server is started on the same data directory: it is told which process has it."""
    store = open_sqlite(tmp_path / "state.db")

    with pytest.raises(StoreOwned) as refused:
        open_sqlite(tmp_path / "state.db")

    assert os.getpid() == refused.value.pid
    await store.close()
    await open_sqlite(tmp_path / "state.db").close()


async def test_the_file_shrinks_again(tmp_path: Path) -> None:
    """Ten thousand kilobytes come and go: the disk space comes back, and the WAL stays bounded."""
    path = tmp_path / "state.db"
    store = open_sqlite(path)
    entries = await asyncio.gather(*(store.insert(f"{KEY}{n}", draft("x" * 100_000)) for n in range(100)))
    full = path.with_name("state.db-wal").stat().st_size + path.stat().st_size
    await asyncio.gather(*(store.remove(entry.key, expect=entry.revision) for entry in entries))
    for n in range(20):
        await store.insert(f"{KEY}{n}", draft())
    wal = path.with_name("state.db-wal").stat().st_size
    await store.close()

    assert full > 10_000_000
    assert wal <= 17 << 20
    assert path.stat().st_size < 4_000_000


class Rot13:
    """A toy cipher that shows what lies on disk."""

    def seal(self, key: str, value: bytes) -> bytes:
        return value.swapcase() if "/secrets/" in key else value

    def unseal(self, key: str, stored: bytes) -> bytes:
        return self.seal(key, stored)


async def test_a_cipher_stands_before_the_disk(tmp_path: Path) -> None:
    """Secrets are plain in memory and sealed on disk; other objects are left as they are."""
    path = tmp_path / "state.db"
    store = open_sqlite(path, cipher=Rot13())
    secret = await store.insert("/core/secrets/default/s", draft("password"))
    await store.insert(KEY, draft("greeting"))
    await store.close()
    raw = path.read_bytes()
    store = open_sqlite(path, cipher=Rot13())

    assert (False, True, True) == tuple(word in raw for word in (b"password", b"PASSWORD", b"greeting"))
    assert secret == store.get(secret.key)
    await store.close()


@pytest.mark.parametrize(("harm", "kept"), [
    pytest.param(flip_value, 39, id="one object is lost"),
    pytest.param(cut_short, 1, id="half the file is lost"),
    pytest.param(other_file, 0, id="all is lost"),
])
async def test_repair_saves_what_is_sound(tmp_path: Path, harm: object, kept: int) -> None:
    """A damaged file is repaired: what is sound stays, the old file is put aside, revisions go on far above."""
    path = tmp_path / "state.db"
    store = open_sqlite(path)
    entries = await asyncio.gather(*(store.insert(f"{KEY}{n:02}", draft("treasure" * 200)) for n in range(40)))
    newest_revision = store.revision
    await store.close()
    harm(path)
    repaired = repair(path)
    store = open_sqlite(path)

    assert repaired.kept >= kept
    assert repaired.kept == len(store.list("/").entries)
    assert set(store.list("/").entries) <= set(entries)
    assert repaired.old_file.exists()
    if kept:
        assert store.revision > newest_revision
    await store.close()
