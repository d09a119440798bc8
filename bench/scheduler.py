"""Place pods on 5,000 nodes in memory, one thousand already bound pods there; print pods per second through the plan.

Prints `name value unit figure` lines. figure: kube-scheduler 1.36.2 on the same machine (scheduler_perf).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from knarr.api.types import core_v1, meta_v1
from knarr.scheduler.frame import Frame
from knarr.scheduler.needs import group_key, needs_of
from knarr.scheduler.plan import Bind, Waiting, plan

NODES, PODS, BATCH, ROUNDS = 5_000, 1_000, 200, 5
ZONES = 10
SELF = meta_v1.LabelSelector(matchLabels={"app": "x"})


def main() -> None:
    """Measure each workload."""
    for name, figure, make in WORKLOADS:
        rates = [measure(make) for _ in range(ROUNDS)]
        print(f"schedule_{name} {statistics.median(rates):.0f} pods/s {figure}")


def measure(make: Callable[[int], core_v1.Pod]) -> float:
    """Return pods per second, compiling included."""
    frame = cluster()
    pods = [make(number) for number in range(PODS)]
    ranks = np.random.default_rng(7).permutation(frame.rows_max)
    started_s = time.perf_counter()
    bound = 0
    for start in range(0, PODS, BATCH):
        waiting = [compile_pod(pod) for pod in pods[start:start + BATCH]]
        bound += sum(isinstance(one, Bind) for one in plan(frame, waiting, ranks=ranks))
    taken_s = time.perf_counter() - started_s
    assert bound == PODS, f"{PODS - bound} pods found no node"
    return PODS / taken_s


def compile_pod(pod: core_v1.Pod) -> Waiting:
    """Do what the observer does, with its cache of needs."""
    key = group_key(pod)
    if key not in NEEDS:
        NEEDS[key] = needs_of(pod)
    return Waiting(pod.metadata.uid or "", "d", pod.metadata.name or "", key, NEEDS[key])


NEEDS: dict = {}


def cluster() -> Frame:
    """Make the nodes."""
    frame = Frame()
    for number in range(NODES):
        name = f"node-{number}"
        frame.set_node(core_v1.Node(
            metadata=meta_v1.ObjectMeta(name=name, labels={
                "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": f"zone-{number % ZONES}"}),
            status=core_v1.NodeStatus(allocatable={"cpu": "4", "memory": "32Gi", "pods": "110"})))
    return frame


def pod(number: int, **spec: object) -> core_v1.Pod:
    """Make one pod of the usual size."""
    container = core_v1.Container(resources=core_v1.ResourceRequirements(requests={"cpu": "100m", "memory": "500Mi"}))
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(name=f"p-{number}", namespace="d", uid=f"u-{number}", labels={"app": "x"}),
        spec=core_v1.PodSpec(containers=(container,), **spec))  # type: ignore[arg-type]


def spread(number: int) -> core_v1.Pod:
    """Evenly over zones."""
    return pod(number, topologySpreadConstraints=(core_v1.TopologySpreadConstraint(
        maxSkew=5, topologyKey="topology.kubernetes.io/zone", whenUnsatisfiable="DoNotSchedule", labelSelector=SELF),))


def term(key: str) -> core_v1.PodAffinityTerm:
    """Those with the same label."""
    return core_v1.PodAffinityTerm(labelSelector=SELF, topologyKey=key)


def apart(number: int) -> core_v1.Pod:
    """One to a node."""
    return pod(number, affinity=core_v1.Affinity(podAntiAffinity=core_v1.PodAntiAffinity(
        requiredDuringSchedulingIgnoredDuringExecution=(term("kubernetes.io/hostname"),))))


def together(number: int) -> core_v1.Pod:
    """All in one zone."""
    return pod(number, affinity=core_v1.Affinity(podAffinity=core_v1.PodAffinity(
        requiredDuringSchedulingIgnoredDuringExecution=(term("topology.kubernetes.io/zone"),))))


WORKLOADS = (("basic", 268, pod), ("spread", 126, spread), ("anti_affinity", 97, apart), ("affinity", 48, together))

if __name__ == "__main__":
    main()
