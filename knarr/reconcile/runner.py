"""Run controllers: what changes puts keys into a queue; each key is observed, planned and acted upon, over and over.

Theory of operation: a watch maps changed objects to keys. One key is worked by one worker at a time; keys run side by
side. A key whose own writes the cache does not show yet is put aside until it does, so that a plan never decides on
less than it did itself: this is how expectations are kept here, for every controller alike. Refusals and faults
bring the key back with backoff; a bug (AssertionError and its like) stops the controller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from typing import Any, Generic, NoReturn, TypeAlias, TypeVar

import structlog

from knarr.base.backoff import Backoff
from knarr.base.clock import Clock
from knarr.base.rng import Rng
from knarr.base.workqueue import WorkQueue
from knarr.client.client import EVERYTHING, Selection, metadata
from knarr.client.informer import Informer, Stop
from knarr.client.informers import Informers
from knarr.reconcile.act import Outcome, Written, act
from knarr.reconcile.actions import Action, Failure, Look
from knarr.reconcile.events import Recorder
from knarr.reconcile.pace import Pace

V = TypeVar("V")
T = TypeVar("T")
Key: TypeAlias = tuple[str, ...]                  # mostly (namespace, name)

RETRY = Backoff(first_s=0.005, factor=2, cap_s=60)   # Source: client-go DefaultControllerRateLimiter; capped lower
FAULT_PAUSE_S = 1.0                                  # no other reason than to be longer than a watch's lag
LAG_MAX_S = 300.0                                    # Source: kube controller_utils.go, ExpectationsTimeout
WORKERS = 16                                         # passes side by side; they mostly wait for writes

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Setup:
    """What a controller is started with. settings: what assembly chose, read by those who know it."""

    informers: Informers
    clock: Clock
    rng: Rng
    settings: Any = None


@dataclass(frozen=True, slots=True)
class Watch(Generic[T]):
    """A kind whose changes matter.

    keys: the keys an object concerns, asked of the old and of the new object. when: which changes matter; all, if
    not given. indexes: by what values `observe` wants to find objects. selection: only these objects are followed;
    `observe` must ask for the same.
    """

    of: type[T]
    keys: Callable[[Informers, T], Iterable[Key]]
    when: Callable[[T | None, T | None], bool] = lambda old, new: True
    indexes: Mapping[str, Callable[[T], Iterable[str]]] = field(default_factory=dict)
    selection: Selection = EVERYTHING


@dataclass(frozen=True, slots=True)
class Controller(Generic[V]):
    """One controller: what it watches, what it sees of a key, what it makes of that.

    component: the name its events carry. observe returns None when there is nothing to do for a key.
    reports_failures: it wants to see refusals at once (`Look.failures`), to write them into a status; the pass with
    the refused writes is tried again after the backoff.
    """

    name: str
    component: str
    watches: Sequence[Watch[Any]]
    observe: Callable[[Informers, Key, Look], V | None]
    plan: Callable[[V], list[Action]]
    reports_failures: bool = False

    async def run(self, setup: Setup) -> NoReturn:
        """Run for ever, or until a bug."""
        await Runner(self, setup).run()


class Runner(Generic[V]):
    """One controller at work."""

    def __init__(self, controller: Controller[V], setup: Setup) -> None:
        self._controller = controller
        self._informers = setup.informers
        self._clock = setup.clock
        self._rng = setup.rng.child(controller.name)
        self._recorder = Recorder(setup.informers.client, clock=setup.clock, component=controller.component)
        self._watched: dict[type[Any], Informer[Any]] = {}
        self.queue: WorkQueue[Key] = WorkQueue()
        self._retries: dict[Key, int] = {}
        self._failures: dict[Key, tuple[Failure, ...]] = {}
        self._pace: Pace[Key] = Pace()
        self._unseen: dict[Key, list[Written]] = {}
        self._stops: list[Stop] = []                # take our handlers off the informers, which outlive us
        self._aside: dict[Key, float] = {}          # keys whose writes are unseen, since when; oldest first
        self._due: dict[type[Any], list[tuple[int, Key]]] = {}    # heaps: the version of a kind that a key waits for
        self._going: dict[type[Any], set[Key]] = {}               # keys that wait for an object to go

    async def run(self) -> NoReturn:
        """Watch, wait for the first lists, and work."""
        try:
            self._listen()
            for informer in self._watched.values():
                await informer.wait_synced()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._recorder.run(), name=f"{self._controller.name} events")
                for number in range(WORKERS):
                    group.create_task(self._work(), name=f"{self._controller.name} {number}")
        finally:
            self.queue.close()
            for stop in self._stops:
                stop()
        raise AssertionError("unreachable: workers end only by an exception")

    def _listen(self) -> None:
        for watch in self._controller.watches:
            informer = self._informers.of(watch.of, watch.selection)
            for name, values_of in watch.indexes.items():
                informer.index(name, values_of)
            self._watched[watch.of] = informer
        for watch in self._controller.watches:
            self._stops.append(self._watched[watch.of].on_change(partial(self._changed, watch)))
        for informer in self._watched.values():
            self._stops.append(informer.on_batch(partial(self._wake, informer)))

    def _changed(self, watch: Watch[Any], old: Any, new: Any) -> None:
        if not watch.when(old, new):
            return
        for obj in (old, new):
            for key in watch.keys(self._informers, obj) if obj is not None else ():
                self.queue.add(key)

    async def _work(self) -> NoReturn:
        while True:
            key = await self.queue.get()
            try:
                await self._pass(key)
            finally:
                self.queue.done(key)

    async def _pass(self, key: Key) -> None:
        if self._put_aside(key):
            return
        look = Look(self._clock.now_s(), self._failures.pop(key, ()))
        view = self._controller.observe(self._informers, key, look)
        if view is None:
            self._retries.pop(key, None)
            return
        actions = self._pace.due(key, self._controller.plan(view), now_s=self._clock.monotonic_s())
        if not actions:
            if not look.failures:
                self._retries.pop(key, None)
            return
        outcome = await act(self._informers.client, self._recorder, actions)
        self._conclude(key, outcome, reported=bool(look.failures))

    def _conclude(self, key: Key, outcome: Outcome, *, reported: bool) -> None:
        unseen = [written for written in outcome.written if not self._shows(written)]
        if unseen:
            self._unseen[key] = unseen
        if outcome.again_s is not None:
            self.queue.add_after(key, delay_s=outcome.again_s)
        for failure in outcome.failures:
            log.warning("controller.refused", controller=self._controller.name, key=key, error=failure.error)
        if outcome.failures and self._controller.reports_failures and not reported:   # a refused report waits
            self._failures[key] = tuple(outcome.failures)
            self.queue.add(key)
        if outcome.fault is not None:
            # What was sent may have been done: the cache gets time to show it before the key is looked at again.
            log.warning("controller.fault", controller=self._controller.name, key=key, error=str(outcome.fault))
            self.queue.add_after(key, delay_s=FAULT_PAUSE_S)
        elif outcome.failures or outcome.conflict:
            self._retry(key)
        elif not reported:
            self._retries.pop(key, None)

    def _retry(self, key: Key) -> None:
        tries = self._retries.get(key, 0)
        self._retries[key] = tries + 1
        self.queue.add_after(key, delay_s=RETRY.delay_s(tries, self._rng))

    def _put_aside(self, key: Key) -> bool:
        """Tell whether the key must wait for the cache; if so, `_wake` brings it back."""
        written = self._unseen.get(key)
        if written is None:
            return False
        since_s = self._aside.setdefault(key, self._clock.monotonic_s())
        unseen = [one for one in written if not self._shows(one)]
        if unseen and self._clock.monotonic_s() - since_s < LAG_MAX_S:
            self._unseen[key] = unseen
            self._await(key, unseen[0])
            return True
        if unseen:
            log.warning("controller.lag", controller=self._controller.name, key=key, unseen=len(unseen))
        del self._unseen[key]
        del self._aside[key]
        return False

    def _await(self, key: Key, written: Written) -> None:
        if written.version:
            heappush(self._due.setdefault(written.of, []), (written.version, key))
        else:
            self._going.setdefault(written.of, set()).add(key)

    def _wake(self, informer: Informer[Any]) -> None:
        """Bring back the keys that waited for what the informer shows now, and the one that has waited too long."""
        due = self._due.get(informer.of, [])
        while due and due[0][0] <= informer.version:
            self.queue.add(heappop(due)[1])
        for key in self._going.pop(informer.of, ()):
            self.queue.add(key)
        oldest = next(iter(self._aside.items()), None)
        if oldest is not None and self._clock.monotonic_s() - oldest[1] >= LAG_MAX_S:
            self.queue.add(oldest[0])

    def _shows(self, written: Written) -> bool:
        """Tell whether the cache shows a write; one of a kind that is not watched needs no showing."""
        informer = self._watched.get(written.of)
        if informer is None:
            return True
        if written.version:
            return informer.version >= written.version
        shown = informer.get(written.namespace, written.name)
        meta = metadata(shown) if shown is not None else None
        return meta is None or meta.uid != written.uid or meta.deletionTimestamp is not None


async def run_all(starters: Mapping[str, Callable[[Setup], Any]], setup: Setup) -> NoReturn:
    """Run many controllers side by side; a bug in one ends all, and whoever supervises starts them again."""
    async with asyncio.TaskGroup() as group:
        for name, start in starters.items():
            group.create_task(start(setup), name=f"controller {name}")
    raise AssertionError("unreachable: controllers end only by an exception")

