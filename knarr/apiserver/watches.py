"""Serve watches from the store's log. An event is encoded once for all who see it in the same form; slow readers are
cut, not waited for.

A watch starts from a revision, or from the state as it is now shown as ADDED events. A selector turns a change into
what its reader sees of it: an object that begins to match is ADDED, one that ceases to is DELETED in its last
matching state. Source: kube storage/cacher/cacher.go and cache_watcher.go, convertToWatchEvent.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import orjson

from knarr.api.errors import ApiError, Expired, Internal
from knarr.api.http import Answer
from knarr.api.kinds import Kind
from knarr.apiserver import conversion, views
from knarr.apiserver.convert import as_served, foreign
from knarr.apiserver.core import Core, Request
from knarr.apiserver.negotiate import YAML, Form, NoRepresentation
from knarr.apiserver.options import WatchOptions, watch_options
from knarr.apiserver.reads import too_large
from knarr.apiserver.select import Selection
from knarr.store.face import Change, Compacted, Entry, Overrun, Watch

BOOKMARK_EVERY_S = 60  # Source: kube storage/cacher/cacher.go, bookmarks about once a minute
BOOKMARK_BEFORE_END_S = 2  # so that a client can start again where it was
TIMEOUT_MIN_S = (
    1800  # and up to twice that, where the client says nothing. Source: kube server/config.go, MinRequestTimeout
)
ENCODED_KEPT_MAX = 256  # batches and events; watchers of one change read it within the same moment
INITIAL_CHUNK = 200  # events sent together, so that the first ones arrive while the rest is made
INITIAL_END = "k8s.io/initial-events-end"


@dataclass(frozen=True, slots=True)
class View:
    """What one watcher sees: which objects, in which form."""

    kind: Kind
    prefix: str
    selection: Selection
    form: Form
    include: str

    @property
    def whole(self) -> bool:
        """Say whether stored bytes can be sent as they are."""
        return not self.form.view and not foreign(self.kind)

    @property
    def everywhere(self) -> bool:
        """Say whether it looks at all namespaces."""
        return self.prefix == self.kind.namespace_prefix("")

    @property
    def slot(self) -> str:
        """Return what tells this form from others, in the cache of encoded events."""
        return f"{self.kind.api_version}/{self.form.view}/{self.form.version}/{self.include}"


class Watcher:
    """All watches over one store."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._open: dict[Watch, View] = {}
        self.sent: Counter[tuple[str, str, str]] = Counter()  # events, by group, version and plural
        self._batches: dict[tuple[str, int, int, str], bytes] = {}
        self._events: dict[tuple[int, str, str], bytes] = {}

    def open(self) -> Counter[tuple[str, str, str, str]]:
        """Return how many watches are open, by group, version, plural and namespace's scope."""
        return Counter(
            (view.kind.group, view.kind.version, view.kind.plural, "cluster" if view.everywhere else "namespace")
            for view in self._open.values()
        )

    def watch(self, request: Request) -> Answer:
        """Answer with a stream of events; BadRequest, Invalid or Timeout at once, Expired as an event."""
        query, kind = request.call.query, request.target.kind
        if request.form.media == YAML:
            raise NoRepresentation()
        if request.target.name:  # the old `/watch/…/name` form
            query = {**query, "fieldSelector": f"metadata.name={request.target.name}"}
        options = watch_options(query)
        if options.revision > self.core.store.revision:
            raise too_large(options.revision, self.core.store.revision)
        selection, prefix = Selection(kind, query), request.target.prefix
        if selection.name and request.target.namespace:
            prefix += selection.name
        view = View(kind, prefix, selection, request.form, query.get("includeObject", ""))
        return Answer(200, stream=self._stream(view, options, request.call.ticket))

    def close(self, prefix: str = "") -> None:
        """End every watch below a prefix of the store: of all, as a server does that stops."""
        for watch, view in tuple(self._open.items()):
            if view.prefix.startswith(prefix):
                watch.close()

    def finish(self, prefix: str) -> None:
        """End the watches of a kind that changes or goes; what has happened to its objects is told before."""
        for watch, view in tuple(self._open.items()):
            if view.prefix.startswith(prefix):
                watch.finish()

    async def _stream(self, view: View, options: WatchOptions, ticket: Any) -> AsyncGenerator[bytes, None]:
        store, since = self.core.store, options.revision
        initial: list[Entry] = []
        if options.initial or since <= 0:
            page = store.list(view.prefix)
            since, initial = page.revision, page.entries if options.initial else []
        try:
            watch = store.watch(view.prefix, since=since, among=view.selection.among)
        except Compacted as fault:
            yield error_event(Expired(f"too old resource version: {fault.asked} ({fault.oldest})"))
            return
        self._open[watch] = view
        try:
            for part in self._initial(view, initial):
                await conversion.ready(self.core, view.kind, part)
                yield b"".join(self._event(view, "ADDED", entry.revision, entry.value) for entry in part)
            if options.listing and options.bookmarks:
                yield bookmark(view.kind, since, end=True)
            if ticket is not None:
                ticket.release()
            async with aclosing(self._follow(view, watch, options)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except Internal as fault:  # a conversion webhook fails: the reader must list again
            yield error_event(fault)
        finally:
            self._open.pop(watch, None)
            watch.close()

    async def _follow(self, view: View, watch: Watch, options: WatchOptions) -> AsyncGenerator[bytes, None]:
        row = (view.kind.group, view.kind.version, view.kind.plural)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (options.timeout_s or TIMEOUT_MIN_S + self.core.rng.below(TIMEOUT_MIN_S))
        while True:
            wake = self._wake(loop.time(), deadline, bookmarks=options.bookmarks)
            try:
                async with asyncio.timeout_at(wake):
                    batch = await anext(watch)
            except TimeoutError:
                if options.bookmarks:
                    yield bookmark(view.kind, watch.progress)
                if wake >= deadline or not options.bookmarks:
                    return
                continue
            except (StopAsyncIteration, Overrun):
                return
            if view.kind.rules is not None and view.kind.rules.webhook is not None:
                both = [one for change in batch for one in (change.entry, change.previous) if one is not None]
                await conversion.ready(self.core, view.kind, both)
            chunk = self._encode(view, batch)
            if chunk:
                self.sent[row] += len(batch)
                yield chunk

    def _wake(self, now: float, deadline: float, *, bookmarks: bool) -> float:
        if not bookmarks:
            return deadline
        last = deadline - BOOKMARK_BEFORE_END_S
        return min(now + BOOKMARK_EVERY_S, last if now < last else deadline)

    def _initial(self, view: View, entries: list[Entry]) -> Iterator[list[Entry]]:
        chosen = [entry for entry in entries if view.selection.matches(entry)] if view.selection else entries
        for start in range(0, len(chosen), INITIAL_CHUNK):
            yield chosen[start : start + INITIAL_CHUNK]

    def _encode(self, view: View, batch: tuple[Change, ...]) -> bytes:
        if view.selection:
            return b"".join(filter(None, (self._selected(view, change) for change in batch)))
        # A batch holds every change of its prefix between its ends, so its ends name it.
        slot = (view.prefix, batch[0].entry.revision, batch[-1].entry.revision, view.slot)
        kept = self._batches.get(slot)
        if kept is None:
            chunks = (self._event(view, change.kind, change.entry.revision, change.entry.value) for change in batch)
            _trim(self._batches)
            kept = self._batches[slot] = b"".join(chunks)
        return kept

    def _selected(self, view: View, change: Change) -> bytes:
        entry, previous = change.entry, change.previous
        now = change.kind != "DELETED" and view.selection.matches(entry)
        before = previous is not None and view.selection.matches(previous)
        if now:
            return self._event(view, "MODIFIED" if before else "ADDED", entry.revision, entry.value)
        if not before or previous is None:
            return b""
        value = entry.value if change.kind == "DELETED" else at_revision(previous, entry.revision)
        return self._event(view, "DELETED", entry.revision, value)

    def _event(self, view: View, sort: str, revision: int, value: bytes) -> bytes:
        if view.whole:
            return event(sort, value)
        slot = (revision, sort, view.slot)
        kept = self._events.get(slot)
        if kept is None:
            _trim(self._events)
            kept = self._events[slot] = event(sort, self._formed(view, value))
        return kept

    def _formed(self, view: View, value: bytes) -> bytes:
        value = as_served(view.kind, value)
        if not view.form.view:
            return value
        query, now_s = {"includeObject": view.include}, self.core.clock.now_s()
        return views.one(view.kind, orjson.loads(value), view.form, query=query, now_s=now_s)


def _trim(kept: dict[Any, Any]) -> None:
    if len(kept) >= ENCODED_KEPT_MAX:
        kept.clear()


def event(sort: str, value: bytes) -> bytes:
    """Frame one event: a line of JSON."""
    return b'{"type":"%b","object":%b}\n' % (sort.encode(), value)


def error_event(error: ApiError) -> bytes:
    """Frame a refusal that ends a watch."""
    return event("ERROR", orjson.dumps(error.status()))


def bookmark(kind: Kind, revision: int, *, end: bool = False) -> bytes:
    """Frame a bookmark: nothing happened up to this revision. end: the initial state has been told."""
    meta: dict[str, Any] = {"resourceVersion": str(revision)}
    if end:
        meta["annotations"] = {INITIAL_END: "true"}
    return event("BOOKMARK", orjson.dumps({"kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta}))


def at_revision(entry: Entry, revision: int) -> bytes:
    """Return an entry's bytes with another revision in them."""
    end = entry.revision_at + len(str(entry.revision))
    return b"%b%d%b" % (entry.value[: entry.revision_at], revision, entry.value[end:])
