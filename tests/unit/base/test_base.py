"""Time, dice, waits and queues: the domain-free ground."""

from __future__ import annotations

import asyncio
import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knarr.base import backoff, rng, text, virtual
from knarr.base.backoff import Backoff
from knarr.base.clock import ManualClock
from knarr.base.rng import SUFFIX_ALPHABET, Rng
from knarr.base.workqueue import QueueFull, WorkQueue


@pytest.mark.parametrize("module", [backoff, rng, text], ids=lambda module: module.__name__)
def test_examples(module):
    """What the docstrings promise holds."""
    assert 0 == doctest.testmod(module).failed


def test_ten_minutes_pass_at_once():
    """A program sleeps for ten minutes; the clock says so, the machine's does not."""
    clock = ManualClock(start_s=1000)

    async def program() -> float:
        await clock.sleep(600)
        return clock.now_s()

    assert pytest.approx(1600) == virtual.run(program(), clock)


def test_a_deadlock_is_a_failure():
    """One task waits for an event nobody will set, and no timer is armed."""
    with pytest.raises(AssertionError, match="stuck"):
        virtual.run(_wait_for_ever())


async def _wait_for_ever() -> None:
    await asyncio.Event().wait()


def test_branches_do_not_shift_each_other():
    """Drawing from one branch, or adding another, leaves a third as it was."""
    calm, busy = Rng(5), Rng(5)
    busy.suffix()
    busy.child("other").suffix()

    assert calm.child("names").suffix() == busy.child("names").suffix()


@given(st.integers(0, 2**64), st.integers(0, 12))
def test_suffixes_use_the_safe_alphabet(seed, length):
    """Whatever the seed, a name's end has no vowel and the length asked for."""
    suffix = Rng(seed).suffix(length)

    assert length == len(suffix)
    assert set(suffix) <= set(SUFFIX_ALPHABET)


@given(st.integers(0, 2000))
def test_waits_never_pass_the_cap(failures):
    """However often it failed, the wait stays within its bounds, dice or not."""
    steps = Backoff(first_s=0.5, factor=3, cap_s=20)

    assert 0.5 <= steps.delay_s(failures) <= 20
    assert 0.25 <= steps.delay_s(failures, Rng(failures)) <= 20


def test_a_key_added_thrice_is_worked_once():
    """Three events for one object come before a worker is free."""
    async def program() -> list[str]:
        queue: WorkQueue[str] = WorkQueue()
        for key in ("a", "b", "a", "a"):
            queue.add(key)
        return await queue.get_batch(10)

    assert ["a", "b"] == virtual.run(program())


def test_a_key_in_work_waits_for_its_turn():
    """An event comes while its key is being worked: no second worker gets it before `done`."""
    async def program() -> tuple[int, str]:
        queue: WorkQueue[str] = WorkQueue()
        queue.add("a")
        key = await queue.get()
        queue.add("a")
        queue.add("b")
        other = await queue.get()
        queue.done(key)
        return len(queue), other + await queue.get()

    assert (1, "ba") == virtual.run(program())


def test_a_worker_that_stops_passes_its_wake_on():
    """Two workers wait; a key comes, and the one that it woke is cancelled before it looks: the other one takes it."""
    async def program() -> list[str]:
        queue: WorkQueue[str] = WorkQueue()
        taken: list[str] = []

        async def work() -> None:
            taken.append(await queue.get())

        async with asyncio.TaskGroup() as group:
            first, _ = group.create_task(work()), group.create_task(work())
            stranger = group.create_task(work())
            await asyncio.sleep(1)
            stranger.cancel()
            queue.add("a")
            first.cancel()
        return taken

    assert ["a"] == virtual.run(program())


def test_the_earlier_of_two_delays_wins():
    """A key is due in ten minutes; then something asks for it in one second, then in an hour."""
    clock = ManualClock(start_s=0)

    async def program() -> float:
        queue: WorkQueue[str] = WorkQueue()
        for delay_s in (600, 1, 3600):
            queue.add_after("a", delay_s=delay_s)
        await queue.get()
        queue.close()
        return clock.now_s()

    assert pytest.approx(1) == virtual.run(program(), clock)


def test_overflow_is_told():
    """A producer invents keys without end."""
    queue: WorkQueue[int] = WorkQueue(keys_max=2)
    queue.add(1)
    queue.add(2)
    queue.add(2)

    with pytest.raises(QueueFull, match="2 keys wait already"):
        queue.add(3)
