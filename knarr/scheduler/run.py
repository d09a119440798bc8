"""Run the scheduler: watch, place what waits, write it down.

For assembly: `await run(setup)` beside the controllers, with the same `reconcile.runner.Setup`; it needs its informers
running. It ends only by a bug, and may be started again.
"""

from __future__ import annotations

import asyncio
from typing import NoReturn

import numpy as np

from knarr.reconcile.events import Recorder
from knarr.reconcile.runner import Setup
from knarr.scheduler.act import Actor
from knarr.scheduler.arrays import Ints
from knarr.scheduler.observe import Observer
from knarr.scheduler.plan import Bind, Refuse, plan

NAME = "default-scheduler"


async def run(setup: Setup) -> NoReturn:
    """Schedule for ever, or until a bug."""
    await Scheduler(setup).run()
    raise AssertionError("unreachable: the scheduler ends only by an exception")


class Scheduler:
    """One scheduler at work."""

    def __init__(self, setup: Setup) -> None:
        self._clock, self._rng = setup.clock, setup.rng.child("scheduler")
        client = setup.informers.client
        self._recorder = Recorder(client, clock=setup.clock, component=NAME)
        self._arrived = asyncio.Event()
        self._seen = Observer(setup.informers, name=NAME, wake=self._arrived.set)
        self._actor = Actor(client, self._recorder, clock=setup.clock, seen=self._seen)

    async def run(self) -> None:
        """Wait for the first lists, then place pods as they come."""
        await self._seen.wait_synced()
        self._seen.listen()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._recorder.run(), name="scheduler events")
            while True:
                await self._wait()
                await self._cycle(group)

    async def _wait(self) -> None:
        """Wait until something may be tried; with no pod waiting no timer is armed."""
        now_s = self._clock.monotonic_s()
        next_s = self._seen.queue.next_s(now_s)
        if next_s is not None and next_s <= now_s:
            await asyncio.sleep(0)  # let the others work between two batches
            return
        try:
            async with asyncio.timeout(None if next_s is None else next_s - now_s):
                await self._arrived.wait()
        except TimeoutError:
            return

    async def _cycle(self, group: asyncio.TaskGroup) -> None:
        self._arrived.clear()
        seen = self._seen
        uids = seen.queue.pop(self._clock.monotonic_s())
        batch = seen.batch(uids)
        for uid in set(uids) - {one.uid for one in batch}:
            seen.queue.remove(uid)
        if not batch:
            return
        decisions = plan(seen.frame, batch, ranks=self._ranks(), budgets=seen.budgets())
        for decision in decisions:  # refusals first: the placements of this very batch may have helped them
            if isinstance(decision, Refuse):
                seen.queue.refused(decision.pod.uid, decision.rules)
        for decision in decisions:
            if isinstance(decision, Bind):
                seen.placed(decision.pod, decision.node)
        for decision in decisions:
            group.create_task(self._carry_out(decision))

    async def _carry_out(self, decision: Bind | Refuse) -> None:
        pod = self._seen.pending(decision.pod.uid)
        if pod is None:
            return
        if isinstance(decision, Refuse):
            await self._actor.refuse(decision, pod)
        elif not await self._actor.bind(decision, pod):
            self._seen.displaced(decision.pod.uid)
            self._seen.queue.failed(decision.pod.uid)
            self._arrived.set()

    def _ranks(self) -> Ints:
        """Throw dice for ties: (node,) a permutation."""
        dice = np.random.default_rng(self._rng.below(2**63))
        return dice.permutation(self._seen.frame.rows_max)
