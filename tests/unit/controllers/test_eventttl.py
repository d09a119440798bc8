"""Events are forgotten an hour after they were last seen, and not before."""

from __future__ import annotations

import pytest

from knarr.api.types.core_v1 import Event, EventSeries, ObjectReference
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.base.clock import ManualClock
from knarr.base.rng import Rng
from knarr.base.times import rfc3339, rfc3339_micro
from knarr.client.client import Client
from knarr.client.informers import Informers
from knarr.client.transport import InProcess
from knarr.controllers.eventttl import forget
from knarr.controllers.eventttl.plan import expired
from knarr.reconcile.runner import Setup
from tests.unit.apiserver.asking import Asker

NOW_S = 1_800_000_000.0


def event(name, created_s, **times):
    meta = ObjectMeta(name=name, creationTimestamp=rfc3339(NOW_S - created_s))
    return Event(metadata=meta, involvedObject={}, **times)


@pytest.mark.parametrize(("one", "gone"), [
    pytest.param(event("a", 3599),                                                              False, id="young"),
    pytest.param(event("a", 3601),                                                              True,  id="old"),
    pytest.param(event("a", 9999, lastTimestamp=rfc3339(NOW_S - 10)),                            False, id="seen again"),
    pytest.param(event("a", 9999, lastTimestamp=rfc3339(NOW_S - 3700)),                          True,  id="seen again, long ago"),
    pytest.param(event("a", 9999, eventTime=rfc3339_micro(NOW_S - 10)),                          False, id="the newer form"),
    pytest.param(event("a", 9999, series=EventSeries(lastObservedTime=rfc3339_micro(NOW_S - 5))), False, id="a series goes on"),
])
def test_what_is_forgotten(one, gone):
    assert gone == bool(expired([one], NOW_S))


def test_the_oldest_goes_first():
    """If the server stops answering halfway, the rest is younger."""
    events = [event("b", 4000), event("a", 5000), event("c", 10)]

    assert ["a", "b"] == [one.metadata.name for one in expired(events, NOW_S)]


async def test_a_real_server_forgets():
    """One event is over an hour old, one is fresh; after a look only the fresh one is there."""
    clock = ManualClock()
    asker = await Asker().start("web")
    client = Client(InProcess(asker.server.handle))
    about = ObjectReference(kind="Pod", namespace="web", name="p")
    for name, then_s in (("old", 3000), ("new", 1000)):
        await client.create(Event(metadata=ObjectMeta(name=name, namespace="web"), involvedObject=about))
        asker.clock.advance(then_s)
        clock.advance(then_s)

    await forget(Setup(Informers(client, clock=clock, rng=Rng(1)), clock, Rng(1)))

    left = [one.metadata.name for one in (await client.list(Event)).items]
    assert left == ["new"]
