"""Pods that come to a node which cannot take them."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from knarr.api.http import Answer, Call
from knarr.api.types.core_v1 import Node
from knarr.node.admission import NO_PORTS, OTHER_LABEL, OTHER_OS, TAINTED, UNCONFINABLE, UNMEANT, Admission
from knarr.node.eviction.thresholds import Level
from knarr.node.podmachine.state import Refusal
from tests.unit.node.making import pod
from tests.unit.node.test_agent import PODS, World, ready, tell

ROOM = {"cpu": 2000, "memory": 1 << 30, "pods": 3, "example.com/gpu": 1}


def asking(name="web", **requests):
    """Return a pod whose container asks for this."""
    named = {key.replace("gpu", "example.com/gpu"): text for key, text in requests.items()}
    return pod(name=name, containers=[{"name": "c", "image": "app:1", "resources": {"requests": named}}])


def door(*pressures, room=ROOM):
    """Return a node's door."""
    return Admission(lambda: room, lambda: frozenset(pressures))


@pytest.mark.parametrize(("wanted", "others", "expected"), [
    pytest.param(asking(cpu="1500m"), [asking("a", cpu="500m")], None, id="it just fits"),
    pytest.param(asking(cpu="1501m"), [asking("a", cpu="500m")], Refusal(
        "OutOfcpu", "Node didn't have enough resource: cpu, requested: 1501, used: 500, capacity: 2000"), id="no cpu"),
    pytest.param(asking(cpu="3", memory="2Gi"), [], Refusal(
        "OutOfcpu", "Node didn't have enough resource: cpu, requested: 3000, used: 0, capacity: 2000"), id="the first is told"),
    pytest.param(asking(), [asking("a"), asking("b"), asking("c")], Refusal(
        "OutOfpods", "Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3"), id="too many pods"),
    pytest.param(asking(gpu="1"), [asking("a", gpu="1")], Refusal(
        "OutOfexample.com/gpu", "Node didn't have enough resource: example.com/gpu, requested: 1, used: 1, capacity: 1"),
        id="a device that another one has"),
    pytest.param(asking(**{"example.org/unknown": "5"}), [], None, id="what no node knows is not asked for here"),
    pytest.param(asking(cpu="2"), [asking(cpu="2")], None, id="it does not stand in its own way"),
])
def test_room(wanted, others, expected):
    """kubelet's reasons and words."""
    assert expected == door().judge(wanted, others)


@pytest.mark.parametrize(("shape", "pressures", "refused"), [
    pytest.param({}, ["MemoryPressure"], "[MemoryPressure]", id="asks for nothing"),
    pytest.param({"status": {"qosClass": "Burstable"}}, ["MemoryPressure"], "", id="asks for memory"),
    pytest.param({"tolerations": [{"key": "node.kubernetes.io/memory-pressure", "operator": "Exists"}]},
                 ["MemoryPressure"], "", id="tolerates"),
    pytest.param({"priority": 2_000_001_000}, ["DiskPressure"], "", id="critical"),
    pytest.param({"status": {"qosClass": "Guaranteed"}}, ["PIDPressure", "DiskPressure"], "[DiskPressure PIDPressure]",
                 id="whoever it is"),
    pytest.param({}, [], "", id="no pressure"),
])
def test_pressure(shape, pressures, refused):
    """A node in need takes what does not add to it."""
    told = door(*pressures).judge(pod(**shape), [])

    assert (Refusal("Evicted", f"The node had condition: {refused}. ") if refused else None) == told


NODE = msgspec.convert({"metadata": {"name": "n1", "labels": {"kubernetes.io/os": "linux", "disk": "ssd", "cores": "4"}},
                        "spec": {"taints": [{"key": "leave", "effect": "NoExecute"}, {"key": "full", "effect": "NoSchedule"}]}}, Node)
PATIENT = {"tolerations": [{"key": "leave", "operator": "Exists"}]}


def on_port(name="web", *, ip=None, protocol="TCP", number=80, field="containers", **more):
    """Return a pod that wants a port of its node."""
    port = {"containerPort": 8080, "hostPort": number, "hostIP": ip, "protocol": protocol}
    return pod(name=name, **PATIENT, **{field: [{"name": "p", "image": "app:1", "ports": [port], **more}]})


def choosing(**term):
    """Return what a pod with this required affinity asks for."""
    chosen = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    return {**PATIENT, "affinity": {"nodeAffinity": chosen}}


@pytest.mark.parametrize(("wanted", "others", "refused"), [
    pytest.param(pod(**PATIENT), [], None, id="asks for nothing"),
    pytest.param(pod(**PATIENT, nodeSelector={"disk": "ssd"}), [], None, id="chooses us"),
    pytest.param(pod(**PATIENT, nodeSelector={"disk": "hdd"}), [], UNMEANT, id="chooses others"),
    pytest.param(pod(**choosing(matchExpressions=[{"key": "cores", "operator": "Gt", "values": ["3"]}])), [], None, id="affine"),
    pytest.param(pod(**choosing(matchFields=[{"key": "metadata.name", "operator": "In", "values": ["n2"]}])), [], UNMEANT,
                 id="affine to another"),
    pytest.param(pod(), [], TAINTED, id="does not bear a taint"),
    pytest.param(on_port(), [on_port("a")], NO_PORTS, id="its port is taken"),
    pytest.param(on_port(ip="127.0.0.1"), [on_port("a")], NO_PORTS, id="its port is taken everywhere"),
    pytest.param(on_port(ip="127.0.0.1"), [on_port("a", ip="127.0.0.2")], None, id="its port is taken elsewhere"),
    pytest.param(on_port(), [on_port("a", protocol="UDP")], None, id="its port is taken for another protocol"),
    pytest.param(on_port(), [on_port("a", number=81)], None, id="another port is taken"),
    pytest.param(on_port(), [on_port("a", field="initContainers", restartPolicy="Always")], NO_PORTS, id="a sidecar has it"),
    pytest.param(on_port(), [on_port("a", field="initContainers")], None, id="who ends first has none"),
    pytest.param(on_port(), [on_port()], None, id="its own port"),
])
def test_what_does_not_belong_here(wanted, others, refused):
    """It names its node itself, past the scheduler."""
    assert refused == Admission(lambda: ROOM, frozenset, node=lambda: NODE).judge(wanted, others)


@pytest.mark.parametrize(("profile", "enabled", "refused"), [
    ("RuntimeDefault", False, UNCONFINABLE), ("RuntimeDefault", True, None), ("Unconfined", False, None)])
def test_a_profile_that_cannot_be_enforced(profile, enabled, refused):
    """A kernel without AppArmor takes no pod that asks for it."""
    wanted = pod(securityContext={"appArmorProfile": {"type": profile}})

    assert refused == Admission(lambda: ROOM, frozenset, apparmor=enabled).judge(wanted, ())


@pytest.mark.parametrize(("labels", "spec", "refused"), [
    pytest.param({"kubernetes.io/os": "linux"}, {"os": {"name": "linux"}}, None, id="ours"),
    pytest.param({}, {"os": {"name": "windows"}}, OTHER_OS, id="another's"),
    pytest.param({"kubernetes.io/os": "windows"}, {"os": {"name": "windows"}}, OTHER_LABEL, id="the label is told first"),
    pytest.param({}, {"os": {"name": "windows"}, "containers": [{"name": "c", "resources": {"requests": {"cpu": "9"}}}]}, OTHER_OS,
                 id="before there is no room"),
])
def test_another_operating_system(labels, spec, refused):
    """Nothing of it could run here."""
    wanted = pod(**spec)
    wanted.metadata.labels.update(labels)

    assert refused == door().judge(wanted, [])


@pytest.mark.parametrize(("wanted", "refused"), [
    pytest.param(asking(cpu="3"), None, id="no room"),
    pytest.param(pod(), None, id="does not bear a taint, and there is pressure"),
    pytest.param(pod(nodeSelector={"disk": "hdd"}), UNMEANT, id="chooses others"),
    pytest.param(on_port(), NO_PORTS, id="its port is taken"),
    pytest.param(pod(os={"name": "windows"}), OTHER_OS, id="another operating system's"),
    pytest.param(pod(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}),
                 Refusal("SysctlForbidden", 'forbidden sysctl: "kernel.msgmax" not allowlisted'), id="not allowed"),
    pytest.param(pod(securityContext={"appArmorProfile": {"type": "RuntimeDefault"}}), UNCONFINABLE, id="no such profiles"),
])
def test_a_static_pod(wanted, refused):
    """It goes before all others, so that need, room and taints are no matter; what it is all the same is."""
    wanted.metadata.annotations["kubernetes.io/config.source"] = "file"
    door = Admission(lambda: ROOM, lambda: frozenset({"DiskPressure"}), node=lambda: NODE, apparmor=False)

    assert refused == door.judge(wanted, [on_port("a")])


def test_the_node_is_looked_at_again_before_it_refuses(tmp_path):
    """A label is put on the node and a pod comes for its sake at once; another asks for one that nobody has."""
    async def story(world: World) -> None:
        await asyncio.sleep(1)
        await world.api.ask("PATCH", "/api/v1/nodes/n1", {"metadata": {"labels": {"disk": "ssd"}}},
                            content_type="application/merge-patch+json")
        await world.make("chosen", nodeSelector={"disk": "ssd"})
        await world.make("lost", nodeSelector={"disk": "hdd"})
        await world.until(ready, name="chosen")
        lost = await world.until(lambda each: each["status"]["phase"] == "Failed", name="lost")
        assert ("NodeAffinity", "Pod was rejected: " + UNMEANT.message) == (
            lost["status"]["reason"], lost["status"]["message"])

    tell(tmp_path, story)


def test_who_waits_for_a_second_look_may_go(tmp_path):
    """The node cannot be read for a while, and the pod is deleted meanwhile: nothing of it is left."""
    async def story(world: World) -> None:
        await asyncio.sleep(1)
        refused = 0
        own = world.api.server.handle

        async def deaf(call: Call) -> Answer:
            nonlocal refused
            if (call.method, call.path) == ("GET", "/api/v1/nodes/n1") and refused < 3:
                refused += 1
                raise OSError("connection refused")
            return await own(call)

        world.api.server.handle = deaf
        await world.make("lost", nodeSelector={"disk": "hdd"})
        await asyncio.sleep(0.05)
        await world.api.ask("DELETE", f"{PODS}/lost", query={"gracePeriodSeconds": "0"})
        await asyncio.sleep(20)
        assert (3, None, {}) == (refused, await world.pod("lost"), world.agent.workers)

    tell(tmp_path, story)


def test_a_refused_pod_never_runs(tmp_path):
    """The node is short of memory when the pod comes: it fails at once, and its status says why; the next one runs."""
    async def story(world: World) -> None:
        world.levels["memory.available"] = Level(1 << 20, 16 << 30)
        await asyncio.sleep(25)         # virtual: two looks at the machine
        await world.make("late")
        shown = await world.until(lambda each: each["status"]["phase"] == "Failed", name="late")
        assert ("Evicted", "Pod was rejected: The node had condition: [MemoryPressure]. ") == (
            shown["status"]["reason"], shown["status"]["message"])
        assert "containerStatuses" not in shown["status"]
        assert not world.runtime.running()
        world.levels["memory.available"] = Level(9 << 30, 16 << 30)
        world.api.clock.advance(400)
        await world.make("next")
        await world.until(ready, name="next", limit_s=60)

    tell(tmp_path, story)
