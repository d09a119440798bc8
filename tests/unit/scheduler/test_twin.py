"""The columns agree with the scalar twin: same feasible nodes, same best ones, for any small cluster."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knarr.api.types import core_v1, meta_v1
from knarr.scheduler.frame import Frame
from knarr.scheduler.group import judge
from knarr.scheduler.needs import Needs, needs_of
from knarr.scheduler.plan import Bind, Waiting, plan
from tests.unit.scheduler.twin import TwinNode, best_nodes, fits

KEYS = ("kubernetes.io/hostname", "zone", "disk")
apps = st.sampled_from(["a", "b"])
selectors = st.builds(lambda app: meta_v1.LabelSelector(matchLabels={"app": app}), apps)
taint = st.builds(core_v1.Taint, key=st.just("k"), effect=st.sampled_from(["NoSchedule", "PreferNoSchedule"]))
term = st.builds(core_v1.PodAffinityTerm, labelSelector=selectors, topologyKey=st.sampled_from(KEYS))
weighted = st.builds(core_v1.WeightedPodAffinityTerm, weight=st.integers(1, 100), podAffinityTerm=term)


def few(strategy):
    return st.lists(strategy, max_size=1).map(tuple)


def sides(of):
    return st.none() | st.builds(
        of, requiredDuringSchedulingIgnoredDuringExecution=few(term),
        preferredDuringSchedulingIgnoredDuringExecution=few(weighted))


spreads = few(st.builds(
    core_v1.TopologySpreadConstraint, maxSkew=st.integers(1, 2), topologyKey=st.sampled_from(KEYS),
    whenUnsatisfiable=st.sampled_from(["DoNotSchedule", "ScheduleAnyway"]), labelSelector=selectors,
    minDomains=st.none() | st.integers(1, 3)))
wishes = few(st.builds(
    core_v1.PreferredSchedulingTerm, weight=st.integers(1, 100), preference=st.builds(
        lambda value: core_v1.NodeSelectorTerm(matchExpressions=(
            core_v1.NodeSelectorRequirement(key="zone", operator="In", values=(value,)),)), st.sampled_from("xyz"))))
pods = st.builds(
    lambda app, cpu, memory, tolerations, selector, port, spread, to, away, wish: core_v1.Pod(
        metadata=meta_v1.ObjectMeta(name="p", namespace="d", labels={"app": app}),
        spec=core_v1.PodSpec(
            containers=(core_v1.Container(
                resources=core_v1.ResourceRequirements(requests={"cpu": f"{cpu}m", "memory": f"{memory}Mi"}),
                ports=(core_v1.ContainerPort(hostPort=80),) if port else ()),),
            tolerations=tolerations, nodeSelector=selector, topologySpreadConstraints=spread,
            affinity=core_v1.Affinity(podAffinity=to, podAntiAffinity=away, nodeAffinity=core_v1.NodeAffinity(
                preferredDuringSchedulingIgnoredDuringExecution=wish)))),
    apps, st.integers(0, 1200), st.integers(0, 1200), few(st.just(core_v1.Toleration(key="k", operator="Exists"))),
    st.sampled_from([{}, {}, {"zone": "x"}]), st.booleans(), spreads, sides(core_v1.PodAffinity),
    sides(core_v1.PodAntiAffinity), wishes)


@st.composite
def clusters(draw):
    found = []
    for index in range(draw(st.integers(1, 5))):
        labels = {"kubernetes.io/hostname": f"n{index}"}
        labels |= {key: value for key, value in (("zone", draw(st.sampled_from(["x", "y", ""]))),) if value}
        labels |= {"disk": "ssd"} if draw(st.booleans()) else {}
        found.append(core_v1.Node(
            metadata=meta_v1.ObjectMeta(name=f"n{index}", labels=labels),
            spec=core_v1.NodeSpec(unschedulable=draw(st.sampled_from([None, None, True])), taints=draw(few(taint))),
            status=core_v1.NodeStatus(allocatable={
                "cpu": draw(st.sampled_from(["1", "2", "4"])), "memory": draw(st.sampled_from(["2Gi", "4Gi"])),
                "pods": draw(st.sampled_from(["2", "110"]))})))
    return found


@settings(max_examples=150, deadline=None)
@given(nodes=clusters(), waiting=st.lists(pods, min_size=1, max_size=5), copies=st.integers(1, 3), heap=st.booleans())
def test_columns_agree_with_the_twin(nodes, waiting, copies, heap):
    """Pods come one after another, some several times over; the twin judges each placement before it is made."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("knarr.scheduler.plan.HEAP_FROM", 1 if heap else 100)
        compare(nodes, waiting, copies)


def compare(nodes, waiting, copies):
    frame, twins = Frame(), [TwinNode(node) for node in nodes]
    for node in nodes:
        frame.set_node(node)
    for number, pod in enumerate(waiting):
        needs = needs_of(pod)
        same = [Waiting(f"{number}/{copy}", "d", f"p{number}-{copy}", b"%d" % number, needs) for copy in range(copies)]
        assert {one.name for one in twins if fits(needs, one, twins)} == open_nodes(frame, needs)
        for decision in plan(frame, same, ranks=np.arange(frame.rows_max)):
            best = best_nodes(needs, twins)
            if isinstance(decision, Bind):
                assert decision.node in best
                next(one for one in twins if one.name == decision.node).pods.append(needs)
            else:
                assert set() == best


def open_nodes(frame: Frame, needs: Needs) -> set[str]:
    return {frame.names[row] for row in np.flatnonzero(judge(needs, frame).open)}
