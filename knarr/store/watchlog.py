"""Remember the latest changes, bounded by count and bytes, and hand them to watchers.

The log holds references to entries: what it costs is the states that have been overwritten. A watcher has a bounded
backlog; a slow one is cut (Overrun), never waited for. A full-bucket watcher gets the very tuple that was committed,
so that what one watcher has encoded can be found again by the next.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable

from knarr.store.face import Among, Change, Compacted, Entry, Overrun
from knarr.store.image import bucket_of

LOG_CHANGES_MAX = 50_000  # about ten minutes of a busy cluster, no other reason
LOG_BYTES_MAX = 32 << 20  # of overwritten and deleted values; what is still stored costs nothing here
CHANGE_BYTES = 200  # a Change and its Entry, without the value
BACKLOG_MAX = 10_000  # changes a watcher may lag behind; then Overrun


class WatchLog:
    """The latest changes in revision order, and who wants to hear of the next ones."""

    def __init__(
        self, revision: int, *,
        changes_max: int = LOG_CHANGES_MAX, bytes_max: int = LOG_BYTES_MAX, backlog_max: int = BACKLOG_MAX,
    ) -> None:
        self.revision = revision
        self.oldest = revision
        self._changes: list[Change] = []
        self._bytes = 0
        self._changes_max, self._bytes_max, self.backlog_max = changes_max, bytes_max, backlog_max
        self._watchers: dict[str, Audience] = {}  # by bucket

    def append(self, changes: tuple[Change, ...]) -> None:
        """Remember committed changes and tell the watchers."""
        self._changes += changes
        self._bytes += sum(map(_cost, changes))
        self.revision = changes[-1].entry.revision
        self._trim()
        if self._watchers:
            self._tell(changes)

    def watch(self, prefix: str, since: int, among: Among | None = None) -> LogWatch:
        """Follow the changes above `since`; those already in the log come as the first batch."""
        self.reach(since)
        watch = LogWatch(self, prefix, since, among)
        missed = tuple(change for change in self.above(since) if change.entry.key.startswith(prefix))
        if missed and among is not None:
            missed = tuple(_by_text(missed, among.read).get(among.text, ()))
        if missed:
            watch.replay(missed)
        self._watchers.setdefault(bucket_of(prefix), Audience()).add(watch)
        return watch

    def forget(self, watch: LogWatch) -> None:
        """Tell this watch no more; twice is once."""
        bucket = bucket_of(watch.prefix)
        audience = self._watchers.get(bucket)
        if audience is not None and not audience.remove(watch):
            del self._watchers[bucket]

    def undone(self, prefix: str, revision: int) -> dict[str, Entry | None]:
        """Return what under `prefix` was different at an older revision; None: it was not there."""
        self.reach(revision)
        before: dict[str, Entry | None] = {}
        for change in self.above(revision):
            if change.entry.key.startswith(prefix):
                before.setdefault(change.entry.key, change.previous)
        return before

    def reach(self, revision: int) -> None:
        """Raise Compacted when the log does not go back to `revision`."""
        if revision < self.oldest:
            raise Compacted(revision, self.oldest)

    def above(self, revision: int) -> list[Change]:
        """Return the remembered changes whose revision is above this one."""
        if revision >= self.revision:
            return []
        first = bisect_right(self._changes, revision, key=_revision)
        return self._changes[first:]

    def close(self) -> None:
        """End every watch."""
        for watch in [watch for audience in self._watchers.values() for watch in audience.all()]:
            watch.close()

    def _trim(self) -> None:
        if self._bytes <= self._bytes_max and len(self._changes) <= self._changes_max:
            return
        # An eighth more than needed: cutting a list moves all that is behind the cut.
        bytes_left, changes_left = self._bytes_max * 7 // 8, self._changes_max * 7 // 8
        cut = 0
        while cut < len(self._changes) and (self._bytes > bytes_left or len(self._changes) - cut > changes_left):
            self._bytes -= _cost(self._changes[cut])
            cut += 1
        self.oldest = self._changes[cut - 1].entry.revision
        del self._changes[:cut]

    def _tell(self, changes: tuple[Change, ...]) -> None:
        by_bucket: dict[str, list[Change]] = {}
        for change in changes:
            by_bucket.setdefault(bucket_of(change.entry.key), []).append(change)
        for bucket, some in by_bucket.items():
            audience = self._watchers.get(bucket)
            if audience is not None:
                audience.tell(tuple(some))
        for prefix in [prefix for prefix in self._watchers if prefix.count("/") < 3]:
            wider = tuple(change for change in changes if change.entry.key.startswith(prefix))
            if wider:
                self._watchers[prefix].tell(wider)


class Audience:
    """Who watches one bucket: everything, or the entries with one text. In order of arrival, to repeat a run."""

    __slots__ = ("_among", "_everything")

    def __init__(self) -> None:
        self._everything: dict[LogWatch, None] = {}
        self._among: dict[Callable[[Entry], str], dict[str, dict[LogWatch, None]]] = {}

    def add(self, watch: LogWatch) -> None:
        """Tell this watch, too."""
        self._seats(watch)[watch] = None

    def remove(self, watch: LogWatch) -> bool:
        """Tell this watch no more; say whether anybody is left."""
        seats, among = self._seats(watch), watch.among
        seats.pop(watch, None)
        if not seats and among is not None:
            texts = self._among[among.read]
            del texts[among.text]
            if not texts:
                del self._among[among.read]
        return bool(self._everything or self._among)

    def all(self) -> list[LogWatch]:
        """Return every watch."""
        choosy = [watch for texts in self._among.values() for seats in texts.values() for watch in seats]
        return [*self._everything, *choosy]

    def tell(self, changes: tuple[Change, ...]) -> None:
        """Offer changes of this bucket to those whom they concern."""
        _offer(self._everything, changes)
        for read, texts in tuple(self._among.items()):
            for text, some in _by_text(changes, read).items():
                if text in texts:
                    _offer(texts[text], tuple(some))

    def _seats(self, watch: LogWatch) -> dict[LogWatch, None]:
        if watch.among is None:
            return self._everything
        return self._among.setdefault(watch.among.read, {}).setdefault(watch.among.text, {})


class LogWatch:
    """One reader of the log. See `face.Watch`."""

    def __init__(self, log: WatchLog, prefix: str, since: int, among: Among | None) -> None:
        self.prefix, self.among = prefix, among
        self._log = log
        self._since = since
        self._batches: deque[tuple[Change, ...]] = deque()
        self._backlog = 0
        self._handed = since
        self._news = asyncio.Event()
        self._closed = False
        self._overrun = False

    @property
    def progress(self) -> int:
        """Return a revision up to which every change has been handed out."""
        return self._handed if self._batches or self._overrun else max(self._handed, self._log.revision)

    def replay(self, missed: tuple[Change, ...]) -> None:
        """Start with what is in the log already; it does not count as lag."""
        self._batches.append(missed)
        self._news.set()

    def offer(self, changes: tuple[Change, ...]) -> None:
        """Add a batch to the backlog, or cut the reader."""
        if changes[0].entry.revision <= self._since:
            changes = tuple(change for change in changes if change.entry.revision > self._since)
        if not changes:
            return
        self._backlog += len(changes)
        self._batches.append(changes)
        if self._backlog > self._log.backlog_max:
            self._batches.clear()
            self._overrun = True
            self._log.forget(self)
        self._news.set()

    def __aiter__(self) -> LogWatch:
        return self

    async def __anext__(self) -> tuple[Change, ...]:
        while not self._batches:
            if self._overrun:
                raise Overrun(self.prefix, self._log.backlog_max)
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        batch = self._batches.popleft()
        self._backlog = max(0, self._backlog - len(batch))
        self._handed = batch[-1].entry.revision
        return batch

    def finish(self) -> None:
        """Stop once what has happened is read."""
        self._closed = True
        self._log.forget(self)
        self._news.set()

    def close(self) -> None:
        """Stop; what has not been read is dropped."""
        self._closed = True
        self._batches.clear()
        self._log.forget(self)
        self._news.set()


def _offer(watchers: Iterable[LogWatch], changes: tuple[Change, ...]) -> None:
    bucket = bucket_of(changes[0].entry.key)
    for watch in tuple(watchers):
        if len(watch.prefix) <= len(bucket):
            watch.offer(changes)
            continue
        mine = tuple(change for change in changes if change.entry.key.startswith(watch.prefix))
        if mine:
            watch.offer(mine)


def _by_text(changes: Iterable[Change], read: Callable[[Entry], str]) -> dict[str, list[Change]]:
    """Return the changes by the texts that their entries have, or had before."""
    found: dict[str, list[Change]] = {}
    for change in changes:
        texts = {read(change.entry): None}
        if change.previous is not None:
            texts[read(change.previous)] = None
        for text in texts:
            found.setdefault(text, []).append(change)
    return found


def _revision(change: Change) -> int:
    return change.entry.revision


def _cost(change: Change) -> int:
    """Return the bytes that only the log keeps alive: the overwritten state, and a deletion's own."""
    cost = CHANGE_BYTES
    if change.previous is not None:
        cost += len(change.previous.value)
    if change.kind == "DELETED":
        cost += len(change.entry.value)
    return cost
