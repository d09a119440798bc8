"""Write down what happened to objects, as v1 Events: repeated ones are counted, floods are cut.

Source for the rules: client-go tools/record/events_cache.go (identical events are counted; more than ten similar ones
in ten minutes become one; 25 at once per object and source, then one in five minutes).

Nobody waits for an event, so it is not written while what it tells of is still under way: those of a moment are
gathered and written together, which costs client and server half as much. Who stops writes first what still waits.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

import structlog

from knarr.api.errors import ApiError, NotFound
from knarr.api.types.core_v1 import Event, EventSource, ObjectReference
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.base.clock import Clock
from knarr.base.times import rfc3339
from knarr.client.client import Client, metadata

WAITING_MAX = 1_000        # events; then dropped. Source: client-go record.maxQueuedEvents
KNOWN_MAX = 4_096          # correlated events kept. Source: client-go maxLruCacheEntries
SIMILAR_MAX = 10           # different texts of one reason, in SIMILAR_S
SIMILAR_S = 600.0
BURST_MAX = 25             # events at once per object, then one each REFILL_S
REFILL_S = 300.0
GATHER_S = 0.5             # from the first event that waits to the writing
GATHERED_MAX = 256         # events; then they are written at once, long before WAITING_MAX is reached
WRITES_MAX = 8             # in flight at once: enough to share the store's commits, and few connections
PARTING_S = 1.0            # for what waits when the component stops
MESSAGE_BYTES_MAX = 1_024  # Source: kube core validation, NoteLengthLimit

log = structlog.get_logger()
Identity: TypeAlias = tuple[str, ...]


@dataclass(slots=True)
class Known:
    """An event that was written before."""

    namespace: str
    name: str = ""
    count: int = 0
    first_s: float = 0.0


@dataclass(slots=True)
class Bucket:
    """How many events of an object may still be written, and which texts of a reason came lately."""

    tokens: float = BURST_MAX
    filled_s: float = 0.0


@dataclass(slots=True)
class Similar:
    """The different texts one reason brought lately."""

    texts: set[str] = field(default_factory=set)
    since_s: float = 0.0


@dataclass(slots=True)
class Said:
    """One thing to be told."""

    about: Any
    type: str
    reason: str
    message: str
    at_s: float
    repeats: int = 1


class Recorder:
    """Takes events at once and writes them behind; `run` must be running.

    component: the events' reportingComponent. instance: the host, for events of node agents.
    """

    def __init__(self, client: Client, *, clock: Clock, component: str, host: str = "") -> None:
        self._client = client
        self._clock = clock
        self._component = component
        self._host = host
        self._waiting: OrderedDict[Identity, Said] = OrderedDict()
        self._arrived = asyncio.Event()
        self._crowded = asyncio.Event()
        self._known: OrderedDict[Identity, Known] = OrderedDict()
        self._buckets: OrderedDict[Identity, Bucket] = OrderedDict()
        self._similar: OrderedDict[Identity, Similar] = OrderedDict()
        self._stamp = 0

    def event(self, about: Any, reason: str, message: str, *, type: str = "Normal") -> None:
        """Tell something about an object (a typed struct, or an ObjectReference). Never waits."""
        now_s = self._clock.now_s()
        where = _reference(about)
        who = (where.kind or "", where.namespace or "", where.name or "", where.uid or "", where.fieldPath or "")
        if not self._allowed(who, now_s):
            log.debug("event.dropped", about=who, reason=reason)
            return
        text = self._collapse((*who, type, reason), message[:MESSAGE_BYTES_MAX], now_s=now_s)
        identity = (*who, type, reason, text)
        waiting = self._waiting.get(identity)
        if waiting is not None:
            waiting.repeats, waiting.at_s = waiting.repeats + 1, now_s
        elif len(self._waiting) < WAITING_MAX:
            shown = message[:MESSAGE_BYTES_MAX] if text == message[:MESSAGE_BYTES_MAX] else f"{text}: {message}"
            self._waiting[identity] = Said(where, type, reason, shown[:MESSAGE_BYTES_MAX], now_s)
            self._arrived.set()
            if len(self._waiting) >= GATHERED_MAX:
                self._crowded.set()
        else:
            log.warning("event.dropped", about=who, reason=reason, waiting=WAITING_MAX)

    async def run(self) -> NoReturn:
        """Write what was told, for ever; at the end what still waits, if the server takes it soon."""
        try:
            while True:
                await self._arrived.wait()
                with suppress(TimeoutError):
                    async with asyncio.timeout(GATHER_S):
                        await self._crowded.wait()
                await self.flush()
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(PARTING_S):
                    await self.flush()

    async def flush(self) -> None:
        """Write all that waits."""
        while self._waiting:
            batch = [self._waiting.popitem(last=False) for _ in range(min(WRITES_MAX, len(self._waiting)))]
            async with asyncio.TaskGroup() as group:
                for identity, said in batch:
                    group.create_task(self._write(identity, said))
        self._arrived.clear()
        self._crowded.clear()

    async def _write(self, identity: Identity, said: Said) -> None:
        try:
            await self._count_or_create(identity, said)
        except (ApiError, OSError) as error:
            # An event is not worth a retry: the next one says the same. Source: client-go recordToSink gives up too.
            log.warning("event.lost", reason=said.reason, about=said.about.name, error=str(error))

    async def _count_or_create(self, identity: Identity, said: Said) -> None:
        known = _kept(self._known, identity, Known(said.about.namespace or "default", first_s=said.at_s))
        if known.name:
            patch = {"count": known.count + said.repeats, "lastTimestamp": rfc3339(said.at_s), "message": said.message}
            try:
                await self._client.patch(Event, known.namespace, known.name, patch=patch)
                known.count += said.repeats
                return
            except NotFound:      # it has expired meanwhile: begin anew
                known.count, known.first_s = 0, said.at_s
        made = await self._client.create(self._body(known, said))
        known.name, known.count = made.metadata.name or "", known.count + said.repeats

    def _body(self, known: Known, said: Said) -> Event:
        # Time in nanoseconds makes the name; two in one tick must differ. Source: client-go record/event.go
        self._stamp = max(self._stamp + 1, int(said.at_s * 1e9))
        return Event(
            metadata=ObjectMeta(namespace=known.namespace, name=f"{said.about.name}.{self._stamp:x}"),
            involvedObject=said.about, type=said.type, reason=said.reason, message=said.message,
            source=EventSource(component=self._component, host=self._host or None),
            reportingComponent=self._component, reportingInstance=self._host,
            firstTimestamp=rfc3339(known.first_s), lastTimestamp=rfc3339(said.at_s), count=said.repeats,
        )

    def _allowed(self, who: Identity, now_s: float) -> bool:
        bucket = _kept(self._buckets, who, Bucket(filled_s=now_s))
        bucket.tokens = min(BURST_MAX, bucket.tokens + (now_s - bucket.filled_s) / REFILL_S)
        bucket.filled_s = now_s
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def _collapse(self, kind: Identity, message: str, *, now_s: float) -> str:
        similar = _kept(self._similar, kind, Similar(since_s=now_s))
        if now_s - similar.since_s > SIMILAR_S:
            similar.texts.clear()
            similar.since_s = now_s
        if message in similar.texts:
            return message
        if len(similar.texts) >= SIMILAR_MAX:
            return "(combined from similar events)"
        similar.texts.add(message)
        return message


def _reference(about: Any) -> ObjectReference:
    if isinstance(about, ObjectReference):
        return about
    meta = metadata(about)
    return ObjectReference(
        apiVersion=about.apiVersion, kind=about.kind, namespace=meta.namespace, name=meta.name, uid=meta.uid,
        resourceVersion=meta.resourceVersion,
    )


def _kept(cache: OrderedDict[Identity, Any], identity: Identity, fresh: Any) -> Any:
    """Return what the cache holds, or put `fresh` there; the least used goes when it is full."""
    held = cache.setdefault(identity, fresh)
    cache.move_to_end(identity)
    if len(cache) > KNOWN_MAX:
        cache.popitem(last=False)
    return held
