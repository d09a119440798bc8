"""The scheduler at work against a toy server: pods are bound, refused with words, woken, and volumes come first."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from knarr.api import errors
from knarr.base import virtual
from knarr.base.clock import ManualClock
from knarr.base.rng import Rng
from knarr.client.client import Client
from knarr.client.informers import Informers
from knarr.client.transport import InProcess
from knarr.reconcile.runner import Setup
from knarr.scheduler.run import run as schedule
from tests.unit.fake_api import FakeApi


class BindingApi(FakeApi):
    """The toy server, which also knows what a binding is."""

    def _change(self, call, plural, stored, *, sub):
        if sub != "binding":
            return super()._change(call, plural, stored, sub=sub)
        if stored["spec"].get("nodeName"):
            raise errors.conflict("pods", "", stored["metadata"]["name"], "already assigned")
        target = orjson.loads(call.body)["target"]["name"]
        return self._write("MODIFIED", plural, {**stored, "spec": {**stored["spec"], "nodeName": target}})


def story(play):
    """Run the scheduler beside a story, on virtual time; return the server."""
    clock, api, rng = ManualClock(), BindingApi(), Rng(1)

    async def program():
        informers = Informers(Client(InProcess(api.handle)), clock=clock, rng=rng)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(informers.run())]
            tasks.append(group.create_task(schedule(Setup(informers, clock, rng))))
            await play(api, clock)
            for task in tasks:
                task.cancel()

    virtual.run(program(), clock)
    return api


def node(name, cpu="2"):
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "spec": {}, "status": {"allocatable": {"cpu": cpu, "memory": "4Gi", "pods": "110"}}}


def pod(name, cpu="1", **spec):
    containers = [{"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "d", "uid": f"u-{name}"},
            "spec": {"containers": containers, **spec}, "status": {}}


def nodes_of(api):
    return {one["metadata"]["name"]: one["spec"].get("nodeName") for one in api.all("pods")}


def told(api, reason):
    return [(one["involvedObject"]["name"], one["message"]) for one in api.all("events") if one["reason"] == reason]


def test_a_pod_is_bound_and_told():
    """One node, one pod."""
    async def play(api, clock):
        api.put(node("a"))
        api.put(pod("web"))
        await clock.sleep(1)

    api = story(play)

    assert {"web": "a"} == nodes_of(api)
    assert [("web", "Successfully assigned d/web to a")] == told(api, "Scheduled")


def test_a_refused_pod_says_why_and_is_woken():
    """The node is too small; a larger one comes."""
    conditions = []

    async def play(api, clock):
        api.put(node("a"))
        api.put(pod("big", cpu="8"))
        await clock.sleep(1)
        conditions.extend(api.all("pods")[0]["status"]["conditions"])
        api.put(node("b", cpu="16"))
        await clock.sleep(1)

    api = story(play)

    assert ("PodScheduled", "False", "Unschedulable") == tuple(conditions[0][k] for k in ("type", "status", "reason"))
    said = ("0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: "
            "0/1 nodes are available: 1 Preemption is not helpful for scheduling.")
    assert [("big", said)] == told(api, "FailedScheduling")
    assert {"big": "b"} == nodes_of(api)


def test_a_pod_that_leaves_makes_room():
    """Two pods, room for one; the first is deleted."""
    async def play(api, clock):
        api.put(node("a"))
        api.put(pod("one", cpu="2"))
        await clock.sleep(1)
        api.put(pod("two", cpu="2"))
        await clock.sleep(1)
        assert {"one": "a", "two": None} == nodes_of(api)
        api.drop("pods", "d", "one")
        await clock.sleep(1)

    assert {"two": "a"} == nodes_of(story(play))


def test_a_binding_that_fails_is_tried_again():
    """The server refuses the first binding; a second later it does not."""
    refusals = [errors.Internal("disk full")]

    async def play(api, clock):
        api.refuse = lambda call: refusals.pop() if refusals and call.path.endswith("/binding") else None
        api.put(node("a"))
        api.put(pod("web"))
        await clock.sleep(0.5)
        assert {"web": None} == nodes_of(api)
        await clock.sleep(1)

    assert {"web": "a"} == nodes_of(story(play))


def test_an_important_pod_takes_the_place():
    """The node is full of a lesser pod, which is evicted."""
    async def play(api, clock):
        api.put(node("a"))
        api.put(pod("low", cpu="2"))
        await clock.sleep(1)
        api.put(pod("high", cpu="2", priority=100))
        await clock.sleep(3)

    api = story(play)

    assert {"high": "a"} == nodes_of(api)
    assert [("low", "Preempted by pod u-high on node a")] == told(api, "Preempted")


def test_nobody_else_is_evicted_while_victims_leave():
    """The victim takes its time to go; the important pod waits for it, and leaves the other node's pods alone."""
    async def play(api, clock):
        for name in ("a", "b"):
            api.put(node(name))
            api.put(pod(f"low-{name}", cpu="2"))
        await clock.sleep(1)
        api.refuse = linger(api)
        api.put(pod("high", cpu="2", priority=100))
        await clock.sleep(1)
        api.put(pod("bystander", cpu="1", nodeName="a"))
        api.drop("pods", "d", "bystander")  # an event that wakes those who wait for room
        await clock.sleep(5)
        assert 1 == len([one for one in api.all("pods") if "deletionTimestamp" in one["metadata"]])

    assert 1 == len(told(story(play), "Preempted"))


def linger(api):
    """Make deletion of pods slow: they are marked, and stay."""
    def refuse(call):
        if call.method == "DELETE" and "/pods/" in call.path:
            stored = api.objects["pods", "d", call.path.rpartition("/")[2]]
            meta = {**stored["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
            api.put({**stored, "metadata": meta})
            call.method = "GET"
        return
    return refuse


def test_gated_pods_and_those_of_other_schedulers_are_left_alone():
    """One pod has a gate, which is then opened; another asks for a scheduler that is not us."""
    async def play(api, clock):
        api.put(node("a"))
        api.put(pod("gated", schedulingGates=[{"name": "wait"}]))
        api.put(pod("foreign", schedulerName="other"))
        await clock.sleep(1)
        assert {"gated": None, "foreign": None} == nodes_of(api)
        api.put(pod("gated"))
        await clock.sleep(1)

    assert {"gated": "a", "foreign": None} == nodes_of(story(play))


@pytest.mark.parametrize(("cordoned", "found"), [
    pytest.param(False, "a", id="its node takes it"),
    pytest.param(True, None, id="its node was cordoned while the volume was being made"),
])
def test_a_volume_is_asked_for_and_waited_for(cordoned, found):
    """A claim of a class that waits for its first pod: the node is written on it; the pod is bound once it is."""
    async def play(api, clock):
        api.put({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "local-path"},
                 "provisioner": "knarr.dev/local-path", "volumeBindingMode": "WaitForFirstConsumer"})
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {
            "name": "data", "namespace": "d", "uid": "u-data"}, "spec": {
            "storageClassName": "local-path", "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}}},
            "status": {"phase": "Pending"}}
        api.put(claim)
        api.put(node("a"))
        api.put(pod("db", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]))
        await clock.sleep(1)
        held = api.objects["persistentvolumeclaims", "d", "data"]
        assert {"volume.kubernetes.io/selected-node": "a"} == held["metadata"]["annotations"]
        assert {"db": None} == nodes_of(api)
        if cordoned:
            api.put({**node("a"), "spec": {"unschedulable": True}})
            await clock.sleep(1)
        held["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"] = "yes"
        api.put({**held, "spec": {**held["spec"], "volumeName": "pv"}})
        await clock.sleep(1)

    assert {"db": found} == nodes_of(story(play))
