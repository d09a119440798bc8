"""Give every write its revision, commit in groups, and show each change only when it is durable.

How it works: a write is decided against the image, gets the next revision, and joins the batch being gathered. When
the disk is free the batch goes to it as a whole; meanwhile the next one gathers. When the disk says yes, the image,
the log, the watchers and the writers learn of the batch, in this order and without a pause between. When it says no,
every writer of the batch gets StoreUnavailable and nothing else happens; its revisions are left out.

A write to a key that has one under way waits for its outcome first, then is decided: so a refusal never rests on a
state that the disk might still refuse.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeAlias

from knarr.store.face import AlreadyThere, Among, Change, ChangeKind, Draft, Entry, Gone, Page, Stale, StoreUnavailable
from knarr.store.image import Image
from knarr.store.watchlog import LogWatch, WatchLog

PENDING_MAX = 4096  # writes under way; the next one waits for a place
BATCH_MAX = 1024  # writes in one commit: 20 ms of disk, no other reason

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
    """One change under way: who asked for it, and who waits to see what becomes of it."""

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


class Engine:
    """The store over any disk. See `face.Store`."""

    def __init__(self, disk: Disk, image: Image, log: WatchLog) -> None:
        self._disk = disk
        self._image = image
        self._log = log
        self._sequenced = log.revision
        self._gathering: Writes = []
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
        async with self._places:
            stored = await self._settled(key)
            if stored is not None:
                raise AlreadyThere(stored)
            return await self._write("ADDED", key, draft, previous=None)

    async def replace(self, key: str, draft: Draft, *, expect: int) -> Entry:
        """Overwrite the state whose revision is `expect`; else Gone or Stale."""
        async with self._places:
            stored = await self._expected(key, expect)
            return await self._write("MODIFIED", key, draft, previous=stored)

    async def remove(self, key: str, *, expect: int, last: Draft | None = None) -> Entry:
        """Delete the state whose revision is `expect`; else Gone or Stale. Returns the last state."""
        async with self._places:
            stored = await self._expected(key, expect)
            return await self._write("DELETED", key, last or around_revision(stored), previous=stored)

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

    async def _settled(self, key: str) -> Entry | None:
        while (write := self._pending.get(key)) is not None:
            onlooker = asyncio.get_running_loop().create_future()
            write.onlookers.append(onlooker)
            await onlooker
        return self._image.entries.get(key)

    async def _expected(self, key: str, expect: int) -> Entry:
        stored = await self._settled(key)
        if stored is None:
            raise Gone(key)
        if stored.revision != expect:
            raise Stale(stored, expect)
        return stored

    async def _write(self, kind: ChangeKind, key: str, draft: Draft, *, previous: Entry | None) -> Entry:
        if self._closed:
            raise StoreUnavailable("it is closed")
        loop = asyncio.get_running_loop()
        self._sequenced += 1
        entry = join(key, draft, self._sequenced, previous)
        write = Write(Change(kind, entry, previous), loop.create_future())
        self._pending[key] = write
        if not self._gathering and not self._busy:
            # Not at once: what the other tasks of this turn of the loop write comes along in the same commit.
            loop.call_soon(self._flush)
        self._gathering.append(write)
        self._idle.clear()
        await write.answer
        return entry

    def _flush(self) -> None:
        assert not self._busy, "one batch at a time: order is what makes revisions mean something"
        batch, self._gathering = self._gathering[:BATCH_MAX], self._gathering[BATCH_MAX:]
        assert batch, "a flush needs writes"
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
