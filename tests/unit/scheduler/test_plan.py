"""Groups are placed as if each pod came alone; refusals name every reason."""

from __future__ import annotations

import numpy as np
import pytest

from knarr.api.types import core_v1, meta_v1
from knarr.scheduler import preempt
from knarr.scheduler.frame import Frame, Placed
from knarr.scheduler.needs import Needs, group_key, needs_of
from knarr.scheduler.plan import Bind, Refuse, Waiting, plan
from knarr.scheduler.terms import Requirement


def node(name, cpu="4", zone="", **spec):
    labels = {"kubernetes.io/hostname": name, **({"topology.kubernetes.io/zone": zone} if zone else {})}
    return core_v1.Node(
        metadata=meta_v1.ObjectMeta(name=name, labels=labels), spec=core_v1.NodeSpec(**spec),
        status=core_v1.NodeStatus(allocatable={"cpu": cpu, "memory": "8Gi", "pods": "110"}))


def pod(cpu="500m", priority=0, **spec):
    container = core_v1.Container(resources=core_v1.ResourceRequirements(requests={"cpu": cpu}))
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(namespace="d", name="p", labels={"app": "web"}),
        spec=core_v1.PodSpec(containers=(container,), priority=priority, **spec))


def waiting(needs: Needs, count=1, key=b"k"):
    return [Waiting(f"u{number}", "d", f"p{number}", key, needs) for number in range(count)]


def frame_of(*nodes):
    frame = Frame()
    for one in nodes:
        frame.set_node(one)
    return frame


def decide(frame, pods):
    return plan(frame, pods, ranks=np.arange(frame.rows_max))


def only(name):
    """What a DaemonSet writes into its pods."""
    field = core_v1.NodeSelectorRequirement(key="metadata.name", operator="In", values=(name,))
    return core_v1.Affinity(nodeAffinity=core_v1.NodeAffinity(
        requiredDuringSchedulingIgnoredDuringExecution=core_v1.NodeSelector(
            nodeSelectorTerms=(core_v1.NodeSelectorTerm(matchFields=(field,)),))))


@pytest.mark.parametrize("together", [True, False], ids=["a group", "one by one"])
def test_a_group_is_placed_as_if_each_came_alone(together):
    """Twenty pods on nodes of unequal size: the same places, whether decided at once or each for itself."""
    frame = frame_of(node("a", "2"), node("b", "4"), node("c", "6"))
    needs = needs_of(pod())
    pods = waiting(needs, 24)
    decisions = decide(frame, pods) if together else [decide(frame, [one])[0] for one in pods]

    assert [4, 8, 12] == [sum(isinstance(one, Bind) and one.node == name for one in decisions) for name in "abc"]


def test_the_like_are_spread_over_zones_by_default():
    """Pods of a service say nothing themselves; the zone with the smaller nodes still gets its share."""
    frame = frame_of(node("a", "64", "x"), node("b", "64", "x"), node("c", "2", "y"))
    like = (Requirement("app", "In", ("web",)),)
    decisions = decide(frame, waiting(needs_of(pod("10m"), default_selector=like), 4))

    assert {"c"} < {one.node for one in decisions}


def test_a_pod_of_a_daemon_set_says_so():
    """The pod is for one node, which is full; the others are refused as a whole."""
    frame = frame_of(node("a", "1"), node("b"), node("c"))
    (refused,) = decide(frame, waiting(needs_of(pod("2", affinity=only("a")))))

    said = "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]."
    assert said == refused.message.partition(" no new")[0]
    assert frozenset({"NodeAffinity", "NodeResourcesFit"}) == refused.rules


def test_no_nodes_at_all():
    """An empty cluster."""
    (refused,) = decide(Frame(), waiting(needs_of(pod())))

    assert refused.message.startswith("no nodes available to schedule pods")


def test_names_and_volumes_make_no_difference_to_the_group():
    """Two replicas differ in their name and token volume alone."""
    one = pod(volumes=(core_v1.Volume(name="kube-api-access-abcde"),))
    two = pod(volumes=(core_v1.Volume(name="kube-api-access-fghij"),))

    assert group_key(one) == group_key(two)
    assert group_key(one) != group_key(pod("501m"))


def standing(name, cpu="2", priority=0, started="2026-01-01T00:00:00Z", app="web"):
    needs = needs_of(core_v1.Pod(
        metadata=meta_v1.ObjectMeta(namespace="d", labels={"app": app}), spec=pod(cpu, priority).spec))
    return Placed(name, "d", name, needs, started=started)


BUDGET = preempt.Budget("d", (Requirement("app", "In", ("kept",)),), 0)


@pytest.mark.parametrize(("a", "b", "victims"), [
    pytest.param([standing("x", priority=5)], [standing("y", priority=1)], ["y"], id="the lesser one"),
    pytest.param([standing("x", "1"), standing("z", "1")], [standing("y")], ["y"], id="one rather than two"),
    pytest.param([standing("x", started="2026-01-02T00:00:00Z")], [standing("y")], ["x"], id="the younger one"),
    pytest.param([standing("x", app="kept")], [standing("y", priority=9)], ["y"], id="no budget is broken"),
    pytest.param([standing("x", priority=50)], [standing("y", priority=20)], [], id="all are more important"),
])
def test_who_is_evicted(a, b, victims):
    """Two full nodes; a pod of priority 10 wants two cores."""
    frame = frame_of(node("a", "2"), node("b", "2"))
    for name, pods in (("a", a), ("b", b)):
        for one in pods:
            frame.add_pod(name, one)
    before = frame.requested.copy()
    (refused,) = plan(
        frame, waiting(needs_of(pod("2", 10))), ranks=np.arange(frame.rows_max), budgets=[BUDGET])

    assert isinstance(refused, Refuse)
    assert victims == [one.name for one in refused.victims]
    assert (before == frame.requested).all()
