"""Keep a typed, read-only copy of all objects of a kind, and tell who wants to know what changed.

Theory of operation: list once, then watch from the list's resourceVersion. When the watch ends, watch again from the
last version seen; when that version is too old (410), list again and tell the difference. Every object is decoded
once, from its watch line, and shared by all readers. Handlers run synchronously, in order, on the event loop: they
note what must be looked at, and leave the work to others. What a handler raises stops the informer: it is a bug.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, ValuesView
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, NoReturn, TypeAlias, TypeVar

import structlog

from knarr.api.errors import ApiError, Expired
from knarr.api.kinds import Kind
from knarr.base.backoff import Backoff
from knarr.base.clock import Clock
from knarr.base.rng import Rng
from knarr.client.client import EVERYTHING, Client, Selection, metadata, row_of
from knarr.client.stream import WatchEvent

T = TypeVar("T")
Ref: TypeAlias = tuple[str, str]                                   # (namespace, name); cluster-wide: ("", name)
Handler: TypeAlias = Callable[[T | None, T | None], None]          # (old, new)

Stop: TypeAlias = Callable[[], None]                               # takes a handler off again

# client-go's reflector waits up to 30 s: after a server's second death a node stayed blind for longer than its restart.
RETRY = Backoff(first_s=0.1, factor=2, cap_s=3)
WATCH_S = (1_800, 3_600)                                           # a watch is renewed somewhere between

log = structlog.get_logger()


@dataclass(slots=True)
class Index(Generic[T]):
    """Objects by a value of theirs; an object may have several values, or none."""

    values_of: Callable[[T], Iterable[str]]
    entries: dict[str, dict[Ref, T]] = field(default_factory=dict)

    def move(self, ref: Ref, old: T | None, *, new: T | None) -> None:
        """Take out the old object and put in the new one."""
        for value in self.values_of(old) if old is not None else ():
            held = self.entries.get(value, {})
            held.pop(ref, None)
            if not held:
                self.entries.pop(value, None)
        for value in self.values_of(new) if new is not None else ():
            self.entries.setdefault(value, {})[ref] = new  # type: ignore[assignment]


class Informer(Generic[T]):
    """The copy. `run` must be running for it to follow; one task runs it.

    of: the struct objects are read as. kind: their row in the registry, where the struct alone does not say
    (`Partial`). selection: which objects.
    """

    def __init__(self, client: Client, of: type[T], *, clock: Clock, rng: Rng, what: What | None = None) -> None:
        self._client = client
        self.of = of
        self._what = what or What(row_of(of))
        self._clock = clock
        self._rng = rng
        self._objects: dict[Ref, T] = {}
        self._indexes: dict[str, Index[T]] = {}
        self._handlers: list[Handler[T]] = []
        self._batch_handlers: list[Callable[[], None]] = []
        self._synced = asyncio.Event()
        self._failures = 0
        self.version = 0             # the newest resourceVersion whose changes are in the copy

    @property
    def kind(self) -> Kind:
        """Return the row of the kind followed."""
        return self._what.kind

    @property
    def objects(self) -> Mapping[Ref, T]:
        """Return the live copy by (namespace, name). Read it, do not keep it across an await."""
        return self._objects

    @property
    def synced(self) -> bool:
        """Tell whether the first list is in the copy."""
        return self._synced.is_set()

    def get(self, namespace: str, name: str) -> T | None:
        """Return one object, or None."""
        return self._objects.get((namespace, name))

    def all(self) -> ValuesView[T]:
        """Return every object, in no order."""
        return self._objects.values()

    def index(self, name: str, values_of: Callable[[T], Iterable[str]]) -> None:
        """Keep objects by the values `values_of` gives; a second index of the same name is the first one."""
        if name in self._indexes:
            return
        index = self._indexes[name] = Index(values_of)
        for ref, obj in self._objects.items():
            index.move(ref, None, new=obj)

    def by(self, name: str, value: str) -> Collection[T]:
        """Return the objects an index holds under `value`, in order of arrival."""
        return self._indexes[name].entries.get(value, {}).values()

    def on_change(self, handler: Handler[T]) -> Stop:
        """Call `handler(old, new)` on changes: (None, new) added, (old, None) deleted. Starts with what is there."""
        self._handlers.append(handler)
        for obj in list(self._objects.values()):
            handler(None, obj)
        return partial(self._handlers.remove, handler)

    def on_batch(self, handler: Callable[[], None]) -> Stop:
        """Call `handler()` after each batch of changes, and once when the first list is in."""
        self._batch_handlers.append(handler)
        return partial(self._batch_handlers.remove, handler)

    async def wait_synced(self) -> None:
        """Wait for the first list."""
        await self._synced.wait()

    async def run(self) -> NoReturn:
        """Follow the server for ever. Faults are retried with backoff; only bugs come out."""
        stale = True
        while True:
            try:
                if stale:
                    await self._relist()
                    stale = False
                self._failures += 1            # a batch that arrives clears it
                await self._follow()
            except Expired:
                stale = True
            except (ApiError, OSError) as error:
                self._failures += stale        # the watch's own try is counted already
                log.warning("informer.retry", kind=self.kind.kind, failures=self._failures, error=str(error))
            if self._failures and await self._client.reach.pause(
                    RETRY.delay_s(self._failures - 1, self._rng), self._clock):
                self._failures = 0      # the server is another one: what follows is its own failure

    async def _relist(self) -> None:
        listing = await self._client.list(self.of, self._what.selection, kind=self._what.kind)
        fresh = {_ref(obj): obj for obj in listing.items}
        for ref in [ref for ref in self._objects if ref not in fresh]:
            self._put(ref, None)
        for ref, obj in fresh.items():
            self._put(ref, obj)
        self.version = int(listing.resource_version)     # may go back, when the server's data was restored
        self._synced.set()
        self._batch_done()

    async def _follow(self) -> None:
        """Apply one watch until it ends."""
        timeout_s = int(self._rng.uniform(*WATCH_S))
        watch = self._client.watch(
            self.of, self._what.selection, since=str(self.version), kind=self._what.kind, timeout_s=timeout_s)
        async for batch in watch:
            self._failures = 0
            self._apply(batch)

    def _apply(self, batch: tuple[WatchEvent[T], ...]) -> None:
        for event in batch:
            if event.type == "DELETED":
                self._put(_ref(event.object), None)
            elif event.type != "BOOKMARK":
                self._put(_ref(event.object), event.object)
        self.version = int(metadata(batch[-1].object).resourceVersion or self.version)
        self._batch_done()

    def _put(self, ref: Ref, new: T | None) -> None:
        old = self._objects.get(ref)
        if _same(old, new):
            return
        if new is None:
            del self._objects[ref]
        else:
            self._objects[ref] = new
        for index in self._indexes.values():
            index.move(ref, old, new=new)
        for handler in self._handlers:
            handler(old, new)

    def _batch_done(self) -> None:
        for handler in self._batch_handlers:
            handler()


@dataclass(frozen=True, slots=True)
class What:
    """What an informer follows."""

    kind: Kind
    selection: Selection = EVERYTHING


def _ref(obj: Any) -> Ref:
    meta = metadata(obj)
    return meta.namespace or "", meta.name or ""


def _same(old: Any, new: Any) -> bool:
    if old is None or new is None:
        return old is new
    return metadata(old).resourceVersion == metadata(new).resourceVersion
