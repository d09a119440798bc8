"""What happened is written down: repeats counted, floods cut."""

from __future__ import annotations

import asyncio

from knarr.api import errors
from knarr.api.types.core_v1 import Pod
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.base import virtual
from knarr.base.clock import ManualClock
from knarr.client.client import Client
from knarr.client.transport import InProcess
from knarr.reconcile.events import BURST_MAX, GATHER_S, WAITING_MAX, Recorder
from tests.unit.fake_api import FakeApi

POD = Pod(metadata=ObjectMeta(namespace="d", name="web", uid="u", resourceVersion="7"))


def record(story):
    """Run a story with a recorder and return the server's events."""
    clock, api = ManualClock(), FakeApi()

    async def program():
        await story(Recorder(Client(InProcess(api.handle)), clock=clock, component="kubelet", host="n1"), clock, api)

    virtual.run(program(), clock)
    return api.all("events")


def test_an_event_has_what_kubectl_shows():
    """One event about a pod."""
    async def story(recorder, clock, api):
        recorder.event(POD, "Pulled", "Container image already present")
        await recorder.flush()

    (event,) = record(story)

    assert ("d", "web", "u", "Pod", "v1") == tuple(
        event["involvedObject"][k] for k in ("namespace", "name", "uid", "kind", "apiVersion"))
    assert ({"component": "kubelet", "host": "n1"}, "kubelet", "Normal", 1) == (
        event["source"], event["reportingComponent"], event["type"], event["count"])
    assert event["metadata"]["name"].startswith("web.")
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2023-11-14T22:13:20Z"


def test_the_same_again_is_counted():
    """Back-off is told thrice, two of them before the first was written."""
    async def story(recorder, clock, api):
        recorder.event(POD, "BackOff", "Back-off", type="Warning")
        recorder.event(POD, "BackOff", "Back-off", type="Warning")
        await recorder.flush()
        clock.advance(10)
        recorder.event(POD, "BackOff", "Back-off", type="Warning")
        await recorder.flush()

    (event,) = record(story)

    assert (3, "2023-11-14T22:13:30Z") == (event["count"], event["lastTimestamp"])


def test_what_happens_in_one_moment_is_written_together():
    """A pod starts within a tenth of a second: nothing is written meanwhile, all of it soon after, in order."""
    async def story(recorder, clock, api):
        async with asyncio.TaskGroup() as group:
            running = group.create_task(recorder.run())
            for reason in ("Pulled", "Created", "Started"):
                recorder.event(POD, reason, "x")
                await clock.sleep(0.03)
            assert [] == api.all("events")
            await clock.sleep(GATHER_S)
            assert 3 == len(api.all("events"))
            running.cancel()

    assert ["Pulled", "Created", "Started"] == [each["reason"] for each in record(story)]


def test_a_crowd_does_not_wait():
    """Ten thousand pods are scheduled within the moment in which events are gathered: not one is dropped."""
    async def story(recorder, clock, api):
        async with asyncio.TaskGroup() as group:
            running = group.create_task(recorder.run())
            for number in range(3 * WAITING_MAX):
                recorder.event(Pod(metadata=ObjectMeta(namespace="d", name=f"p{number}")), "Scheduled", "x")
                if number % 100 == 0:
                    await clock.sleep(0.001)
            running.cancel()

    assert 3 * WAITING_MAX == len(record(story))


def test_who_stops_says_first_what_it_has_to_say():
    """The agent is stopped right after an event: it is written all the same."""
    async def story(recorder, clock, api):
        async with asyncio.TaskGroup() as group:
            running = group.create_task(recorder.run())
            recorder.event(POD, "Killing", "Stopping container web")
            await clock.sleep(0.01)
            running.cancel()

    assert ["Killing"] == [each["reason"] for each in record(story)]


def test_many_alike_become_one():
    """A controller makes twenty pods: ten events of their own, the rest in one."""
    async def story(recorder, clock, api):
        for number in range(20):
            recorder.event(POD, "Created", f"Created pod {number}")
        await recorder.flush()

    found = record(story)

    assert 11 == len(found)
    assert 1 == sum(e["message"].startswith("(combined from similar events): ") for e in found)
    assert 20 == sum(e["count"] for e in found)


def test_a_flood_is_cut_and_flows_again_later():
    """An object tells something new each moment; after five minutes one more may pass."""
    async def story(recorder, clock, api):
        for number in range(BURST_MAX + 10):
            recorder.event(POD, f"R{number}", "x")
        await recorder.flush()
        clock.advance(301)
        recorder.event(POD, "Later", "x")
        await recorder.flush()

    assert BURST_MAX + 1 == len(record(story))


def test_what_waits_is_bounded():
    """The server is slow and two thousand pods have something to tell."""
    async def story(recorder, clock, api):
        for number in range(2 * WAITING_MAX):
            recorder.event(Pod(metadata=ObjectMeta(namespace="d", name=f"p{number}")), "R", "x")
        await recorder.flush()

    assert WAITING_MAX == len(record(story))


def test_a_refused_event_is_lost_and_nothing_else():
    """The namespace is being deleted; the next event goes elsewhere."""
    async def story(recorder, clock, api):
        api.refuse = lambda call: errors.Forbidden("terminating")
        recorder.event(POD, "R", "lost")
        await recorder.flush()
        api.refuse = lambda call: None
        recorder.event(POD, "R", "told")
        await recorder.flush()

    assert ["told"] == [e["message"] for e in record(story)]
