"""A server goes and comes back: all who wait for it in one process hear of its return together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from knarr.api import errors
from knarr.api.types.core_v1 import ConfigMap, Secret, Service
from knarr.base import virtual
from knarr.base.clock import ManualClock
from knarr.base.rng import Rng
from knarr.client.client import Client
from knarr.client.informers import Informers
from knarr.client.reach import LEAST_S, Reach
from knarr.client.transport import InProcess, Unreachable
from tests.unit.fake_api import FakeApi

KINDS = (ConfigMap, Secret, Service)
DEAD_S = 60.0       # long enough for every back-off to be at its cap


def after_death(story: Callable[[FakeApi, Client, ManualClock, Callable[[], list[float]]], Awaitable[None]]) -> None:
    """Run a story that begins when informers of three kinds in two sets have lost their server for a minute.

    It is given a way to read when each first heard of the object that waited for it, seconds after the return.
    """
    clock = ManualClock()

    async def program() -> None:
        api, heard = FakeApi(), list[float]()
        client = Client(InProcess(api.handle))
        sets = [Informers(client, clock=clock, rng=Rng(seed)) for seed in (1, 2)]
        copies = [one.of(kind) for one in sets for kind in KINDS]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one.run()) for one in sets]
            for one in sets:
                await one.wait_synced()
            api.refuse = lambda call: Unreachable("connection refused")
            api.cut_watches()
            await asyncio.sleep(DEAD_S)
            for kind in KINDS:
                api.put({"apiVersion": "v1", "kind": kind.__name__, "metadata": {"namespace": "d", "name": "n", "uid": "u"}})
            back_s = clock.monotonic_s()
            for copy in copies:
                copy.on_batch(lambda: heard.append(clock.monotonic_s() - back_s))
            await story(api, client, clock, lambda: heard)
            for task in tasks:
                task.cancel()

    virtual.run(program(), clock)


def test_who_is_answered_first_wakes_the_others():
    """Six informers wait by back-offs of their own; the first that tries again brings all others along at once."""
    async def story(api, client, clock, heard):
        api.refuse = lambda call: None
        await asyncio.sleep(5)
        assert len(heard()) == len(KINDS) * 2
        assert max(heard()) - min(heard()) < 0.001

    after_death(story)


def test_any_answer_wakes():
    """Not an informer but somebody's single call meets the new server first, even if only with a refusal."""
    async def story(api, client, clock, heard):
        api.refuse = lambda call: None
        with pytest.raises(errors.NotFound):
            await client.get(ConfigMap, "d", "unknown")
        await asyncio.sleep(0.001)
        assert len(heard()) == len(KINDS) * 2

    after_death(story)


def test_a_server_that_is_only_starting_wakes_nobody_for_good():
    """It says 503 for a while: that is no return; once it serves, nobody waits by what failed before."""
    async def story(api, client, clock, heard):
        api.refuse = lambda call: errors.Unavailable("starting")
        await asyncio.sleep(10)
        assert [] == heard()
        api.refuse = lambda call: None
        await asyncio.sleep(5)
        assert max(heard()) - min(heard()) < 0.001

    after_death(story)


def test_lasting_answers_wake_nobody():
    """One kind is dropped again and again while all others are answered: its informer keeps to its own back-off."""
    async def program() -> None:
        reach = Reach()
        for _ in range(10):
            reach.lost()
            reach.answered()
            assert not await reach.pause(1.0, clock)
        assert 10.0 == pytest.approx(clock.monotonic_s())

    clock = ManualClock()
    virtual.run(program(), clock)


def test_a_wake_comes_no_sooner_than_the_least_wait():
    """The server is back at the very moment of the failure: one tenth of a second passes all the same."""
    clock = ManualClock()

    async def program() -> None:
        reach = Reach()
        reach.lost()
        asyncio.get_running_loop().call_soon(reach.answered)
        assert await reach.pause(3.0, clock)
        assert LEAST_S == pytest.approx(clock.monotonic_s())

    virtual.run(program(), clock)
