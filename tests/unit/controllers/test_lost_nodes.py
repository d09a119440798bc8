"""Nodes that are lost: their pods are replaced within ten seconds, but no zone is emptied because it lost its network."""

from __future__ import annotations

from importlib import import_module

import pytest

from knarr.api.types import coordination_v1, core_v1, meta_v1
from knarr.controllers.nodelifecycle.brake import NEVER, Turns, Zone, census
from knarr.reconcile.actions import Patch
from tests.unit.controllers.cluster import live, node, pod
from tests.unit.controllers.test_nodes import PODS, leaving, state

plan = import_module("knarr.controllers.nodelifecycle.plan")
ttl = import_module("knarr.controllers.ttl.plan")
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
MERGE = "application/merge-patch+json"
IMPATIENT = [{"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds} for key, seconds in (
    ("node.kubernetes.io/unreachable", 2), ("node.kubernetes.io/not-ready", 300))]


async def joined(cluster, name, zone=""):
    """A node of ours comes, with its lease."""
    made = node(name)
    made["metadata"]["labels"]["topology.kubernetes.io/zone"] = zone
    await cluster.create(made)
    await cluster.create({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "annotations": {plan.PACE: "10"}},
        "spec": {"leaseDurationSeconds": 40, "holderIdentity": name}}, "kube-node-lease")


async def beat(cluster, names, for_s):
    """Let agents renew their leases as they are asked to."""
    began_s, due = cluster.clock.monotonic_s(), dict.fromkeys(names, 0.0)
    while (passed_s := cluster.clock.monotonic_s() - began_s) < for_s:
        for name in [name for name, due_s in due.items() if due_s <= passed_s]:
            lease = await cluster.ask("GET", f"{LEASES}/{name}")
            every_s = float(lease["metadata"]["annotations"][plan.PACE])
            spec = {"renewTime": f"2026-01-01T00:00:00.{int(passed_s * 10 + began_s * 10) % 1_000_000:06}Z",
                    "leaseDurationSeconds": 40 if every_s == 10 else int(3 * every_s)}
            await cluster.ask("PATCH", f"{LEASES}/{name}", {"spec": spec}, MERGE)
            due[name] = passed_s + every_s
        await cluster.pass_time(0.5)


def test_a_lost_nodes_pods_are_replaced_within_ten_seconds():
    """One of three nodes is cut off: within ten seconds a Deployment's pod runs elsewhere, a patient one waits."""
    async def story(cluster):
        for name in "abc":
            await joined(cluster, name)
        template = {"metadata": {"labels": {"app": "web"}}, "spec": {
            "containers": [{"name": "c", "image": "i"}], "nodeSelector": {"kubernetes.io/hostname": "a"},
            "tolerations": IMPATIENT}}
        await cluster.create({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web"}, "spec": {
            "replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template}})
        await cluster.create(pod("patient", nodeName="a"))
        await beat(cluster, "abc", 25)
        before = set(await cluster.names(PODS))
        await cluster.ask("PATCH", "/apis/apps/v1/namespaces/default/replicasets/web", {
            "spec": {"template": {"spec": {"nodeSelector": None}}}}, MERGE)
        await beat(cluster, "bc", 10)
        (fresh,) = set(await cluster.names(PODS)) - before
        assert "a" != (await cluster.ask("GET", f"{PODS}/{fresh}"))["spec"]["nodeName"]
        assert None is await leaving(cluster, "patient")

    live(("nodelifecycle", "replicaset", "serviceaccounts"), story, scheduler=True)


def test_a_zone_without_network_keeps_its_pods():
    """Four nodes of one zone fall silent together, those of another go on: the lost nodes are marked, nothing moves."""
    async def story(cluster):
        for name in "abcd":
            await joined(cluster, name, zone="west")
        for name in "xyz":
            await joined(cluster, name, zone="east")
        for name in "abcd":
            await cluster.create(pod(f"on-{name}", nodeName=name, tolerations=IMPATIENT))
        await beat(cluster, "abcdxyz", 25)
        await beat(cluster, "xyz", 120)
        for name in "abcd":
            assert ("Unknown", [("unreachable", "NoSchedule")]) == await state(cluster, name)
            assert None is await leaving(cluster, f"on-{name}")

    live(("nodelifecycle", "serviceaccounts"), story)


def test_a_node_that_is_alone_has_kubelets_patience():
    """The only node misses its heartbeats for half a minute: nobody could take over, so it is not given up yet."""
    async def story(cluster):
        await joined(cluster, "a")
        await beat(cluster, "a", 15)
        await cluster.pass_time(30)
        assert ("True", []) == await state(cluster, "a")
        await cluster.pass_time(30)
        assert ("Unknown", [("unreachable", "NoSchedule")]) == await state(cluster, "a")

    live(("nodelifecycle", "serviceaccounts"), story)


@pytest.mark.parametrize(("nodes", "lost", "expected"), [
    pytest.param(5, 1, 1.0, id="one of five"),
    pytest.param(3, 2, 1.0, id="two of three: two failures"),
    pytest.param(3, 3, NEVER, id="a small zone, whole"),
    pytest.param(10, 5, 1.0, id="half"),
    pytest.param(10, 6, NEVER, id="more than half"),
    pytest.param(100, 60, 100.0, id="more than half of a large zone: slowly"),
])
def test_how_fast_a_zone_is_evicted(nodes, lost, expected):
    """Seconds between two nodes' evictions, by how much of a zone is lost."""
    assert expected == Zone(nodes, lost).every_s


def test_turns_are_handed_out_one_by_one():
    """Two nodes of a zone are lost: the second waits a second; who had its turn is not asked again."""
    nodes = [core_v1.Node(metadata=meta_v1.ObjectMeta(name=str(number))) for number in range(9)]
    found, turns = census(((one, one in nodes[:2]) for one in nodes), 0.0), Turns()
    assert 0.0 == turns.wait_s(nodes[0], found, tainted=False, now_s=10.0)
    assert 1.0 == turns.wait_s(nodes[1], found, tainted=False, now_s=10.0)
    assert 0.0 == turns.wait_s(nodes[0], found, tainted=True, now_s=10.0)
    assert 0.0 == turns.wait_s(nodes[1], found, tainted=False, now_s=11.0)


@pytest.mark.parametrize(("nodes", "expected"), [(1, 10.0), (2, 2.0), (1000, 2.0), (2500, 5.0), (100_000, 10.0)])
def test_how_often_leases_are_renewed(nodes, expected):
    """The more nodes, the rarer, but never rarer than kubelet's."""
    assert expected == plan.renew_s(nodes)


@pytest.mark.parametrize(("seconds", "expected"), [(None, 50.0), (40, 50.0), (6, 6.0), (0, 1.0)])
def test_how_long_a_node_may_be_silent(seconds, expected):
    """As long as its lease says, if it says less than kubelet's."""
    assert expected == plan.promised_s(coordination_v1.Lease(
        spec=coordination_v1.LeaseSpec(leaseDurationSeconds=seconds)))


@pytest.mark.parametrize(("present", "nodes", "expected"), [
    pytest.param(None, 1, "0", id="small"),
    pytest.param("0", 95, None, id="nearly a hundred: as before"),
    pytest.param("15", 95, None, id="nearly a hundred from above: as before"),
    pytest.param("15", 89, "0", id="small again"),
    pytest.param("0", 101, "15", id="more than a hundred"),
    pytest.param(None, 5000, "300", id="large"),
])
def test_how_long_agents_may_trust_what_they_hold(present, nodes, expected):
    """A node's ttl annotation, before and after."""
    notes = {} if present is None else {ttl.TTL: present}
    actions = ttl.plan(ttl.View(core_v1.Node(metadata=meta_v1.ObjectMeta(name="n", annotations=notes)), nodes))
    assert ([] if expected is None else [expected]) == [
        one.patch["metadata"]["annotations"][ttl.TTL] for one in actions if isinstance(one, Patch)]
