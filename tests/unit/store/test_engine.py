"""The sequencer over a disk that answers when, and as, the test says."""

from __future__ import annotations

import asyncio

import pytest

from knarr.base.clock import ManualClock
from knarr.base.virtual import run
from knarr.store.engine import BATCH_MAX, Done, Engine
from knarr.store.face import AlreadyThere, Change, Draft, Order, StoreUnavailable
from knarr.store.image import Image, bucket_of
from knarr.store.watchlog import WatchLog

KEY = "/core/pods/default/web"
DRAFT = Draft(b'{"rv":', b"}")
FULL = StoreUnavailable("disk full")


class Disk:
    """Keeps batches until told what becomes of them."""

    def __init__(self) -> None:
        self.waiting: list[tuple[tuple[Change, ...], Done]] = []
        self.sizes: list[int] = []

    def submit(self, changes: tuple[Change, ...], done: Done) -> None:
        self.waiting.append((changes, done))
        self.sizes.append(len(changes))

    def say(self, error: Exception | None = None) -> None:
        _, done = self.waiting.pop(0)
        done(error)

    async def close(self) -> None:
        return


def engine() -> tuple[Engine, Disk]:
    disk = Disk()
    return Engine(disk, Image(), WatchLog(1)), disk


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_nothing_is_shown_before_the_disk_says_yes() -> None:
    """A write is under way: readers and watchers see nothing of it, its writer waits."""

    async def story() -> None:
        store, disk = engine()
        watch = store.watch("/", since=1)
        write = asyncio.ensure_future(store.insert(KEY, DRAFT))
        await turns()
        assert (None, 1, 1, False) == (store.get(KEY), store.revision, watch.progress, write.done())
        disk.say()
        assert await write == store.get(KEY) == (await anext(watch))[0].entry

    run(story(), ManualClock())


def test_what_comes_while_the_disk_is_busy_is_one_batch() -> None:
    """One write is on its way, two hundred more arrive: they share the next commit."""

    async def story() -> list[int]:
        store, disk = engine()
        writes = [asyncio.ensure_future(store.insert(KEY, DRAFT))]
        await turns()
        writes += [asyncio.ensure_future(store.insert(f"{KEY}{n}", DRAFT)) for n in range(200)]
        await turns()
        disk.say()
        disk.say()
        await asyncio.gather(*writes)
        return disk.sizes

    assert [1, 200] == run(story(), ManualClock())


def test_a_batch_is_bounded() -> None:
    """A flood arrives in one moment: it goes to the disk in pieces, in order."""

    async def story() -> list[int]:
        store, disk = engine()
        writes = [asyncio.ensure_future(store.insert(f"{KEY}{n}", DRAFT)) for n in range(BATCH_MAX + 10)]
        await turns()
        disk.say()
        disk.say()
        entries = await asyncio.gather(*writes)
        assert [entry.revision for entry in entries] == sorted(entry.revision for entry in entries)
        return disk.sizes

    assert [BATCH_MAX, 10] == run(story(), ManualClock())


def test_a_commit_never_parts_what_goes_together() -> None:
    """The batch is nearly full: what would only half fit goes with the next one, and what is too much goes alone."""

    async def story() -> list[int]:
        store, disk = engine()
        works = [store.insert(f"{KEY}{n}", DRAFT) for n in range(BATCH_MAX - 1)]
        works += [store.write_all([Order(f"{KEY}{name}{n}", DRAFT) for n in range(size)])
                  for name, size in (("two", 2), ("many", BATCH_MAX + 5))]
        writes = [asyncio.ensure_future(work) for work in works]
        await turns()
        for _ in range(3):
            disk.say()
        assert [2, BATCH_MAX + 5] == [len(entries) for entries in (await asyncio.gather(*writes))[-2:]]
        return disk.sizes

    assert [BATCH_MAX - 1, 2, BATCH_MAX + 5] == run(story(), ManualClock())


def test_what_goes_together_fails_together() -> None:
    """The disk is full: the writer of three hears of it once, nothing is shown, and who waited for a key goes on."""

    async def story() -> None:
        store, disk = engine()
        three = asyncio.ensure_future(store.write_all([Order(f"{KEY}{n}", DRAFT) for n in range(3)]))
        await turns()
        after = asyncio.ensure_future(store.write_all([Order(f"{KEY}{n}", DRAFT) for n in (2, 3)]))
        await turns()
        disk.say(FULL)
        await turns()
        with pytest.raises(StoreUnavailable, match="disk full"):
            await three
        assert [] == store.list("/").entries
        disk.say()
        assert [5, 6] == [entry.revision for entry in await after]

    run(story(), ManualClock())


def test_a_refusal_never_rests_on_what_the_disk_may_refuse() -> None:
    """Two clients create one pod. The disk refuses the first: the second must not hear "already exists", but succeed."""

    async def story() -> None:
        store, disk = engine()
        first = asyncio.ensure_future(store.insert(KEY, DRAFT))
        second = asyncio.ensure_future(store.insert(KEY, DRAFT))
        await turns()
        assert not second.done()
        disk.say(FULL)
        await turns()
        disk.say()
        with pytest.raises(StoreUnavailable, match="disk full"):
            await first
        assert (await second).revision == store.revision == 3  # 2 was refused, and is never used again

    run(story(), ManualClock())


def test_the_winner_is_known_before_the_loser_is_told() -> None:
    """The disk says yes to the first: the second hears of it, and what it hears of can be read."""

    async def story() -> None:
        store, disk = engine()
        writes = [asyncio.ensure_future(store.insert(KEY, DRAFT)) for _ in range(3)]
        await turns()
        disk.say()
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert [store.get(KEY)] * 3 == [r.stored if isinstance(r, AlreadyThere) else r for r in results]

    run(story(), ManualClock())


def test_a_refused_batch_changes_nothing_and_the_next_goes_through() -> None:
    """Disk full for one batch: all its writers are told, the state is as before, later writes are tried again."""

    async def story() -> None:
        store, disk = engine()
        watch = store.watch("/", since=1)
        refused = [asyncio.ensure_future(store.insert(f"{KEY}{n}", DRAFT)) for n in range(3)]
        await turns()
        disk.say(FULL)
        assert [FULL] * 3 == await asyncio.gather(*refused, return_exceptions=True)
        assert ([], 1) == (store.list("/").entries, store.revision)
        later = asyncio.ensure_future(store.insert(KEY, DRAFT))
        await turns()
        disk.say()
        assert ((await later).revision, 5) == (5, watch.progress if await anext(watch) else 0)

    run(story(), ManualClock())


def test_a_bug_in_the_disk_reaches_the_writer() -> None:
    """What is no refusal must not look like one: the writer's own supervisor deals with it."""

    async def story() -> None:
        store, disk = engine()
        write = asyncio.ensure_future(store.insert(KEY, DRAFT))
        await turns()
        disk.say(AssertionError("a bug"))
        with pytest.raises(AssertionError, match="a bug"):
            await write

    run(story(), ManualClock())


@pytest.mark.parametrize(("key", "bucket"), [
    pytest.param("/core/pods/default/web", "/core/pods/", id="a key"),
    pytest.param("/core/pods/", "/core/pods/", id="a bucket"),
    pytest.param("/core/pods", "/core/pods", id="less than a bucket"),
    pytest.param("/core/", "/core/", id="a group"),
    pytest.param("/", "/", id="everything"),
])
def test_buckets(key: str, bucket: str) -> None:
    """A bucket is one kind's keys."""
    assert bucket == bucket_of(key)
