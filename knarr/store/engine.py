"""Give every write its revision, commit in groups, and show each change only when it is durable.

How it works: a write is decided against the image, gets the next revision, and joins the batch being gathered. When
the disk is free the batch goes to it as a whole; meanwhile the next one gathers. When the disk says yes, the image,
the log, the watchers and the writers learn of the batch, in this order and without a pause between. When it says no,
every writer of the batch gets StoreUnavailable and nothing else happens; its revisions are left out.

A write to a key that has one under way waits for its outcome first, then is decided: so a refusal never rests on a
state that the disk might still refuse. Writes that go together are decided in one turn and never parted by a commit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from knarr.store.face import (
    AlreadyThere,
    Among,
    Change,
    ChangeKind,
    Draft,
    Entry,
    Gone,
    Order,
    Page,
    Stale,
    StoreUnavailable,
)
from knarr.store.image import Image
from knarr.store.watchlog import LogWatch, WatchLog

PENDING_MAX = 4096  # writes under way; the next one waits for a place
BATCH_MAX = 1024  # writes in one commit, but for those that go together: 20 ms of disk, no other reason

Done = Callable[[Exception | None], None]


class Disk(Protocol):
    """Where batches become durable, one at a time, in order."""

    def submit(self, changes: tuple[Change, ...], done: Done) -> None:
        """Commit them all or none; call `done` on the loop: None, a StoreUnavailable, or a bug."""

    async def reseal(self) -> int:
        """Seal anew what lies under an older key; return how many values that were."""

    async def close(self) -> None:
        """Let go of it."""


class Write:
    """One change under way: who asked for it and for those that go with it, and who waits to see what becomes of it."""

    __slots__ = ("answer", "change", "onlookers")

    def __init__(self, change: Change, answer: asyncio.Future[None]) -> None:
        self.change = change
        self.answer = answer
        self.onlookers: list[asyncio.Future[None]] = []

    def settle(self, error: Exception | None) -> None:
        """Tell the asker and the onlookers; those who were cancelled no longer listen."""
        for onlooker in self.onlookers:
            if not onlooker.done():
                onlooker.set_result(None)
        if self.answer.done():
            return
        if error is None:
            self.answer.set_result(None)
        else:
            self.answer.set_exception(error)


Writes: TypeAlias = list[Write]
Part: TypeAlias = tuple[ChangeKind, str, Draft, Entry | None]  # of what goes together; last: what it takes the place of


class Engine:
    """The store over any disk. See `face.Store`."""

    def __init__(self, disk: Disk, image: Image, log: WatchLog) -> None:
        self._disk = disk
        self._image = image
        self._log = log
        self._sequenced = log.revision
        self._gathering: deque[Writes] = deque()  # what goes together
        self._pending: dict[str, Write] = {}
        self._places = asyncio.Semaphore(PENDING_MAX)
        self._busy = False
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def revision(self) -> int:
        """Return the newest revision shown to readers."""
        return self._log.revision

    @property
    def oldest(self) -> int:
        """Return the oldest revision from which `watch` and `list` can still answer."""
        return self._log.oldest

    def get(self, key: str) -> Entry | None:
        """Return what is stored now."""
        return self._image.entries.get(key)

    def list(self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0) -> Page:
        """Return entries in key order. revision: 0 or one to come is now; an older one is rebuilt, or Compacted."""
        now = self._log.revision
        at = now if revision == 0 or revision > now else revision
        overlay = self._log.undone(prefix, at) if at < now else None
        entries, remaining = self._image.page(prefix, after=after, limit=limit, overlay=overlay)
        return Page(entries, at, remaining > 0, remaining)

    def watch(self, prefix: str, *, since: int, among: Among | None = None) -> LogWatch:
        """Follow the changes above `since`; Compacted if some of them are forgotten."""
        return self._log.watch(prefix, since, among)

    async def insert(self, key: str, draft: Draft) -> Entry:
        """Store a new key; else AlreadyThere."""
        return (await self.write_all((Order(key, draft),)))[0]

    async def replace(self, key: str, draft: Draft, *, expect: int) -> Entry:
        """Overwrite the state whose revision is `expect`; else Gone or Stale."""
        return (await self.write_all((Order(key, draft, expect),)))[0]

    async def write_all(self, orders: Sequence[Order]) -> tuple[Entry, ...]:
        """Carry out all of them or none, no key twice; else AlreadyThere, Gone or Stale for the first that cannot."""
        async with self._places:
            await self._settled([order.key for order in orders])
            return await self._write(tuple(map(self._part, orders)))

    async def remove(self, key: str, *, expect: int, last: Draft | None = None) -> Entry:
        """Delete the state whose revision is `expect`; else Gone or Stale. Returns the last state."""
        async with self._places:
            await self._settled((key,))
            stored = self._expected(key, expect)
            assert stored is not None, "what is removed has a revision"
            return (await self._write((("DELETED", key, last or around_revision(stored), stored),)))[0]

    async def reseal(self) -> int:
        """Seal anew what lies under an older key; return how many values that were. Raises StoreUnavailable."""
        if self._closed:
            raise StoreUnavailable("it is closed")
        return await self._disk.reseal()

    async def close(self) -> None:
        """Finish the writes under way, end the watches, let go of the disk. Twice is once."""
        if self._closed:
            return
        self._closed = True
        await self._idle.wait()
        self._log.close()
        await self._disk.close()

    async def _settled(self, keys: Sequence[str]) -> None:
        """Wait until no write to any of these keys is under way."""
        while (busy := next((key for key in keys if key in self._pending), None)) is not None:
            onlooker = asyncio.get_running_loop().create_future()
            self._pending[busy].onlookers.append(onlooker)
            await onlooker

    def _expected(self, key: str, expect: int) -> Entry | None:
        """Return what lies under a key if that is what a write was made for. expect: 0, that there is nothing."""
        stored = self._image.entries.get(key)
        if not expect:
            if stored is not None:
                raise AlreadyThere(stored)
        elif stored is None:
            raise Gone(key)
        elif stored.revision != expect:
            raise Stale(stored, expect)
        return stored

    def _part(self, order: Order) -> Part:
        stored = self._expected(order.key, order.expect)
        return ("ADDED" if stored is None else "MODIFIED", order.key, order.draft, stored)

    async def _write(self, parts: Sequence[Part]) -> tuple[Entry, ...]:
        """Give writes that go together their revisions, and wait until the disk has them."""
        if self._closed:
            raise StoreUnavailable("it is closed")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[None] = loop.create_future()
        together: Writes = []
        for kind, key, draft, previous in parts:
            self._sequenced += 1
            entry = join(key, draft, self._sequenced, previous)
            self._pending[key] = Write(Change(kind, entry, previous), answer)
            together.append(self._pending[key])
        if not self._gathering and not self._busy:
            # Not at once: what the other tasks of this turn of the loop write comes along in the same commit.
            loop.call_soon(self._flush)
        self._gathering.append(together)
        self._idle.clear()
        await answer
        return tuple(write.change.entry for write in together)

    def _flush(self) -> None:
        assert not self._busy, "one batch at a time: order is what makes revisions mean something"
        batch = [*self._gathering.popleft()]
        while self._gathering and len(batch) + len(self._gathering[0]) <= BATCH_MAX:
            batch += self._gathering.popleft()
        self._busy = True
        self._disk.submit(tuple(write.change for write in batch), lambda error: self._committed(batch, error))

    def _committed(self, batch: Writes, error: Exception | None) -> None:
        self._busy = False
        if error is None:
            self._publish(tuple(write.change for write in batch))
        for write in batch:
            del self._pending[write.change.entry.key]
            write.settle(error)
        if self._gathering:
            self._flush()
        elif not self._busy:
            self._idle.set()

    def _publish(self, changes: tuple[Change, ...]) -> None:
        assert changes[0].entry.revision > self._log.revision, "revisions only grow"
        for change in changes:
            self._image.apply(change)
        self._log.append(changes)


def join(key: str, draft: Draft, revision: int, previous: Entry | None) -> Entry:
    """Make the entry that a draft becomes at `revision`."""
    value = b"%b%d%b" % (draft.before, revision, draft.after)
    created = revision if previous is None else previous.created_revision
    return Entry(key, value, revision, created, len(draft.before))


def around_revision(entry: Entry) -> Draft:
    """Take an entry's value apart at its revision."""
    end = entry.revision_at + len(str(entry.revision))
    assert entry.value[entry.revision_at : end] == b"%d" % entry.revision, f"{entry.key} lost its place of revision"
    return Draft(entry.value[: entry.revision_at], entry.value[end:])
