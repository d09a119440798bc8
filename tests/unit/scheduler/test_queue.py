"""Pods wait in order, rest when refused, and are woken by what may help them."""

from __future__ import annotations

import pytest

from knarr.scheduler.queue import BATCH_MAX, JUMP_S, REST_MAX_S, Happened, Queue

FIT, AFFINITY = frozenset({"NodeResourcesFit"}), frozenset({"NodeAffinity"})


def test_the_important_go_first_then_the_early():
    """Three pods; the last to come is the most important."""
    queue = Queue()
    for uid, priority in (("a", 0), ("b", 0), ("c", 5)):
        queue.add(uid, priority)

    assert ["c", "a", "b"] == queue.pop(0.0)


def test_a_batch_is_bounded():
    """More pods come at once than one batch may hold; the rest is for the next."""
    queue = Queue()
    for number in range(BATCH_MAX + 1):
        queue.add(str(number), 0)

    assert (BATCH_MAX, 1) == (len(queue.pop(0.0)), len(queue.pop(0.0)))


@pytest.mark.parametrize(("rules", "what", "woken"), [
    pytest.param(FIT, Happened.POD_GONE, True, id="a pod left: there may be room"),
    pytest.param(FIT, Happened.POD_PLACED, False, id="a pod came: no more room than before"),
    pytest.param(AFFINITY, Happened.NODE_LABELS, True, id="a node has new labels"),
    pytest.param(AFFINITY, Happened.NODE_ROOM, False, id="a node has grown, but its labels are the same"),
    pytest.param(AFFINITY, Happened.NODE_ADDED, True, id="a new node may be anything"),
])
def test_what_wakes_whom(rules, what, woken):
    """A refused pod rests; something happens."""
    queue = Queue()
    queue.add("a", 0)
    queue.pop(0.0)
    queue.refused("a", rules)

    assert woken == queue.happened(what)
    assert (["a"] if woken else []) == queue.pop(JUMP_S)


def test_what_happens_during_a_try_is_not_lost():
    """A node comes while the pod is being tried on the old ones."""
    queue = Queue()
    queue.add("a", 0)
    queue.pop(0.0)
    queue.happened(Happened.NODE_ADDED)
    queue.refused("a", AFFINITY)

    assert JUMP_S == queue.next_s(0.0)


@pytest.mark.parametrize(("tries", "wait_s"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (6, 10)])
def test_a_fault_backs_off(tries, wait_s):
    """Binding fails again and again: 1 s doubling to 10 s."""
    queue, now_s = Queue(), 0.0
    queue.add("a", 0)
    for _ in range(tries):
        now_s = queue.next_s(now_s)
        assert ["a"] == queue.pop(now_s)
        queue.failed("a")

    assert wait_s == queue.next_s(now_s) - now_s


def test_the_resting_are_looked_at_in_the_end():
    """Nothing happens for five minutes; the pod is tried all the same. Nothing waits: no time at all."""
    queue = Queue()
    queue.add("a", 0)
    queue.pop(7.0)
    queue.refused("a", FIT)

    assert 7.0 + REST_MAX_S == queue.next_s(7.0)
    queue.remove("a")
    assert queue.next_s(7.0) is None
