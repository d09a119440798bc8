"""Keys are observed, planned and acted upon, whatever the server and the cache do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import pytest

from knarr.api import errors
from knarr.api.types.core_v1 import ConfigMap
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.client.transport import Unreachable
from knarr.reconcile.actions import After, Create, Delete, Event, Look, Patch, Told
from knarr.reconcile.runner import Controller, Watch
from tests.unit.stage import events, play


@dataclass(frozen=True)
class View:
    """A map `wanted` says how many copies there shall be."""

    wanted: ConfigMap
    copies: tuple[ConfigMap, ...]
    look: Look


def observe(informers, key, look):
    if key[1] != "wanted" or (wanted := informers.of(ConfigMap).get(*key)) is None:
        return None
    copies = tuple(c for c in informers.of(ConfigMap).all() if c.metadata.generateName)
    return View(wanted, copies, look)


def plan(view):
    if view.look.failures:
        return [Event(view.wanted, "Sorry", view.look.failures[0].error, type="Warning")]
    missing = int(view.wanted.data["copies"]) - len(view.copies)
    told = Told(view.wanted, ("Made", "Made {name}"), ("NotMade", "Not made: {error}"))
    copy = ConfigMap(metadata=ObjectMeta(namespace="d", generateName="copy-"))
    if missing >= 0:
        return [Create(copy, told)] * missing
    return [Delete(c, Told(view.wanted, ("Gone", "Gone {name}"))) for c in view.copies[missing:]]


COPIER = Controller(
    "copier", "copier-controller", [Watch(ConfigMap, lambda informers, obj: [("d", "wanted")])],
    observe, plan, reports_failures=True,
)


def wanted(copies):
    meta = {"namespace": "d", "name": "wanted", "uid": "w"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"copies": str(copies)}}


def count(api):
    return len(api.all("configmaps")) - 1


def test_it_makes_what_is_missing_and_no_more():
    """Fifty copies are wanted, then three: each is made once though every creation wakes the key."""
    async def story(api):
        api.put(wanted(50))
        await asyncio.sleep(1)
        assert 50 == count(api)
        api.put(wanted(3))
        await asyncio.sleep(1)

    api = play([COPIER], story)

    assert 3 == count(api)
    assert 47 == sum(method == "DELETE" for method, _ in api.calls)


def test_a_report_that_is_refused_too_waits_its_turn():
    """The server's disk is full for ten minutes: it refuses the copies, and the note that says so as well."""
    def report(view):
        if not view.look.failures:
            return plan(view)
        noted = {"data": {"sorry": view.look.failures[0].error}}
        return [Patch(view.wanted, noted)]

    async def story(api):
        api.put(wanted(1))
        api.refuse = lambda call: errors.Unavailable("no space left") if call.method in ("POST", "PATCH") else None
        await asyncio.sleep(600)

    api = play([replace(COPIER, plan=report)], story)

    assert 2 < sum(method == "PATCH" for method, _ in api.calls) < 60


def test_a_lagging_cache_makes_no_doubles():
    """All watches are cut for minutes right after the first creations: nothing is made twice."""
    async def story(api):
        def refuse(call):
            return errors.Unavailable("away") if call.query.get("watch") else None
        api.put(wanted(5))
        await asyncio.sleep(0.0001)
        api.refuse = refuse
        api.cut_watches()
        api.put(wanted(6))
        await asyncio.sleep(200)
        api.refuse = lambda call: None
        await asyncio.sleep(100)

    assert 6 == count(play([COPIER], story))


def test_a_refusal_is_told_once_and_retried_with_backoff():
    """A quota forbids copies for a minute: told and reported, few calls, then success."""
    async def story(api):
        quota = errors.Forbidden("exceeded quota")
        api.refuse = lambda call: quota if call.method == "POST" and "configmaps" in call.path else None
        api.put(wanted(4))
        await asyncio.sleep(60)
        assert sum(method == "POST" and "configmaps" in path for method, path in api.calls) < 25
        api.refuse = lambda call: None
        await asyncio.sleep(120)

    api = play([COPIER], story)

    assert 4 == count(api)
    assert {"NotMade: Not made: exceeded quota", "Sorry: exceeded quota"} <= set(events(api))


def test_an_unreachable_server_is_asked_again():
    """The connection breaks; a second later it works."""
    async def story(api):
        lost = [Unreachable("reset")]
        api.refuse = lambda call: lost.pop() if lost and call.method == "POST" else None
        api.put(wanted(2))
        await asyncio.sleep(10)

    assert 2 == count(play([COPIER], story))


def test_a_bug_stops_the_controller():
    """A plan asserts what is not so."""
    def broken(view):
        raise AssertionError("impossible")

    async def story(api):
        api.put(wanted(1))
        await asyncio.sleep(1)

    with pytest.raises(ExceptionGroup) as raised:
        play([Controller("broken", "b", COPIER.watches, observe, broken)], story)
    assert raised.group_contains(AssertionError, match="impossible")


def test_after_looks_again_though_nothing_happens():
    """A plan wants to look again every ten minutes."""
    looks = []

    def idle(view):
        looks.append(view.look.now_s)
        return [After(600)]

    async def story(api):
        api.put(wanted(1))
        await asyncio.sleep(1801)

    play([Controller("idle", "i", COPIER.watches, observe, idle)], story)

    assert [0, 600, 1200, 1800] == [round(now_s - looks[0]) for now_s in looks]
