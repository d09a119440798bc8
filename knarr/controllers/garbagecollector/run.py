"""Follow all kinds, and look at the objects whose owners or dependents have changed.

One watch for each kind, of which only the metadata is decoded; nothing runs while nothing changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import NoReturn

import structlog

from knarr.api import kinds
from knarr.api.custom.names import ROW, Definition
from knarr.api.custom.names import kind_of as custom_kind
from knarr.api.errors import ApiError, Conflict, NotFound
from knarr.api.kinds import Kind
from knarr.base.backoff import Backoff
from knarr.base.workqueue import WorkQueue
from knarr.client.client import Client
from knarr.client.informer import Informer, What
from knarr.controllers.garbagecollector.graph import Graph, Item, Owned
from knarr.controllers.garbagecollector.observe import observe
from knarr.controllers.garbagecollector.plan import Amend, Remove, Step, Stir, Warn, plan
from knarr.reconcile.events import Recorder
from knarr.reconcile.runner import Setup

RETRY = Backoff(first_s=0.005, factor=2, cap_s=30)
WORKERS = 32             # passes side by side; they mostly wait for writes, which the store commits in groups
FIRST_LISTS_S = 5.0      # then work begins even if a kind cannot be listed; owners not seen are asked of the server
UNSEEN_OWNER_S = 30.0    # an owner that exists but no watch shows is asked for again after this

log = structlog.get_logger()


def owning_kinds() -> list[Kind]:
    """List the kinds that may own or be owned: all that are stored and can be watched, but events."""
    stored = [kind for kind in kinds.KINDS if kind.stored and kind.storage is kind and kind.kind != "Event"]
    return [kind for kind in stored if {"list", "watch", "delete"} <= set(kind.verbs)]


async def run(setup: Setup) -> NoReturn:
    """Collect for ever, or until a bug."""
    await Collector(setup).run()
    raise AssertionError("unreachable: workers end only by an exception")


class Collector:
    """The controller at work."""

    def __init__(self, setup: Setup) -> None:
        self._client: Client = setup.informers.client
        self._clock = setup.clock
        rng = setup.rng.child("garbagecollector")
        self._rng = rng
        self._recorder = Recorder(self._client, clock=setup.clock, component="garbage-collector-controller")
        self._informers = [self._informer(kind) for kind in owning_kinds()]
        self._definitions: Informer[Definition] = Informer(
            self._client, Definition, clock=setup.clock, rng=rng.child("definitions"), what=What(ROW))
        self._customs: dict[str, Kind] = {}  # by the definition's name
        self._followed: dict[str, asyncio.Task[NoReturn]] = {}
        self._graph = Graph()
        self._queue: WorkQueue[str] = WorkQueue()
        self._retries: dict[str, int] = {}

    async def run(self) -> None:
        """Follow and work."""
        for informer in self._informers:
            informer.on_change(partial(self._changed, informer.kind))
        try:
            async with asyncio.TaskGroup() as group:
                for informer in self._informers:
                    group.create_task(informer.run(), name=f"garbagecollector {informer.kind.plural}")
                await self._first_lists()
                self._definitions.on_change(partial(self._defined, group))
                group.create_task(self._definitions.run(), name="garbagecollector definitions")
                group.create_task(self._recorder.run(), name="garbagecollector events")
                for number in range(WORKERS):
                    group.create_task(self._work(), name=f"garbagecollector {number}")
        finally:
            self._queue.close()

    def _informer(self, kind: Kind) -> Informer[Owned]:
        return Informer(self._client, Owned, clock=self._clock, rng=self._rng.child(kind.resource), what=What(kind))

    def _defined(self, group: asyncio.TaskGroup, old: Definition | None, new: Definition | None) -> None:
        """Follow the objects of a new kind; let those of a kind that is gone be."""
        known = new or old
        name = (known.metadata.name or "") if known is not None else ""
        kind = custom_kind(new) if new is not None else None
        before = self._customs.get(name)
        if kind == before:
            return
        if before is not None:
            self._followed.pop(name).cancel()
            self._graph.customs.pop((before.group, before.kind), None)
            del self._customs[name]
        if before is not None and kind is None:
            self._stir(self._graph.drop_kind(before))
        if kind is not None:
            self._customs[name] = self._graph.customs[kind.group, kind.kind] = kind
            informer = self._informer(kind)
            informer.on_change(partial(self._changed, kind))
            self._followed[name] = group.create_task(informer.run(), name=f"garbagecollector {kind.resource}")

    async def _first_lists(self) -> None:
        try:
            async with asyncio.timeout(FIRST_LISTS_S):
                for informer in self._informers:
                    await informer.wait_synced()
        except TimeoutError:
            missing = [informer.kind.resource for informer in self._informers if not informer.synced]
            log.warning("garbagecollector.unlisted", kinds=missing)

    def _changed(self, kind: Kind, old: Owned | None, new: Owned | None) -> None:
        stirred: set[str] = set()
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            stirred |= self._graph.drop(old.metadata.uid or "")
        if new is not None:
            stirred |= self._graph.put(kind, new.metadata)
        self._stir(stirred)

    def _stir(self, uids: Iterable[str]) -> None:
        for uid in uids:
            self._queue.add(uid)

    async def _work(self) -> NoReturn:
        while True:
            uid = await self._queue.get()
            try:
                await self._pass(uid)
            finally:
                self._queue.done(uid)

    async def _pass(self, uid: str) -> None:
        item = self._graph.items.get(uid)
        if item is None:
            self._retries.pop(uid, None)
            return
        try:
            view = await observe(self._client, self._graph, item)
            if any(ref.uid not in self._graph.items for ref in view.solid):
                self._queue.add_after(uid, delay_s=UNSEEN_OWNER_S)
            await self._act(plan(view))
            self._retries.pop(uid, None)
        except (ApiError, OSError) as error:
            tries = self._retries[uid] = self._retries.get(uid, 0) + 1
            if not isinstance(error, Conflict):
                log.warning("garbagecollector.retry", kind=item.kind.kind, name=item.meta.name, error=str(error))
            self._queue.add_after(uid, delay_s=RETRY.delay_s(tries - 1))

    async def _act(self, steps: list[Step]) -> None:
        """Carry out steps: all but the last side by side, then the last, if none of them was refused."""
        for step in steps:
            if isinstance(step, Stir):
                self._queue.add(step.uid)
            elif isinstance(step, Warn):
                self._recorder.event(step.item.reference, step.reason, step.message, type="Warning")
        writes = [step for step in steps if isinstance(step, Remove | Amend)]
        async with asyncio.TaskGroup() as group:
            first = [group.create_task(self._try(step)) for step in writes[:-1]]
        for task in first:
            refused = task.result()
            if refused is not None:
                raise refused
        if writes:
            await self._write(writes[-1])

    async def _try(self, step: Remove | Amend) -> ApiError | OSError | None:
        try:
            await self._write(step)
        except (ApiError, OSError) as error:
            return error
        return None

    async def _write(self, step: Remove | Amend) -> None:
        item = step.item
        try:
            if isinstance(step, Remove):
                await self._remove(item, step.policy)
            else:
                patch = {"metadata": {**step.metadata, "uid": item.uid, "resourceVersion": item.meta.resourceVersion}}
                await self._client.patch(item.kind, item.meta.namespace or "", item.meta.name or "", patch=patch)
        except NotFound:
            return  # gone already: the watch tells

    async def _remove(self, item: Item, policy: str) -> None:
        options = {"propagationPolicy": policy, "preconditions": {"resourceVersion": item.meta.resourceVersion}}
        await self._client.delete(
            item.kind, item.meta.namespace or "", item.meta.name or "", uid=item.uid, options=options)
