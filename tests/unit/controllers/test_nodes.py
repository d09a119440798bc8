"""Nodes fall silent or leave; their pods are evicted in time, or cleared away."""

from __future__ import annotations

from tests.unit.controllers.cluster import live, node, pod

ALL = ("nodelifecycle", "podgc", "serviceaccounts")
PODS = "/api/v1/namespaces/default/pods"
FOREVER = [{"key": "node.kubernetes.io/unreachable", "operator": "Exists"},
           {"key": "node.kubernetes.io/not-ready", "operator": "Exists"}]


async def beat(cluster, name, count, every_s=10.0):
    """Let a node renew its lease for a while."""
    where = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
    if await cluster.ask("GET", f"{where}/{name}") is None:
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": {}}
        await cluster.create(lease, "kube-node-lease")
    for number in range(count):
        now = f"2026-01-01T00:{number // 60:02}:{number % 60:02}.{int(cluster.clock.monotonic_s()):06}Z"
        await cluster.ask("PATCH", f"{where}/{name}", {"spec": {"renewTime": now}}, "application/merge-patch+json")
        await cluster.pass_time(every_s)


async def state(cluster, name):
    found = await cluster.ask("GET", f"/api/v1/nodes/{name}")
    ready = next(one["status"] for one in found["status"]["conditions"] if one["type"] == "Ready")
    return ready, sorted((one["key"].partition("/")[2], one["effect"]) for one in found["spec"].get("taints", []))


def test_a_ready_node_has_no_taint():
    """A new node is tainted until it is ready; one that is cordoned is tainted too."""
    async def story(cluster):
        await cluster.create(node("a"))
        await cluster.pass_time()
        assert ("True", []) == await state(cluster, "a")
        await cluster.ask("PATCH", "/api/v1/nodes/a", {"spec": {"unschedulable": True}}, "application/merge-patch+json")
        await cluster.pass_time()
        assert ("True", [("unschedulable", "NoSchedule")]) == await state(cluster, "a")

    live(ALL, story)


def test_a_silent_node_loses_its_pods_in_time():
    """One of two nodes falls silent: unknown after 50 s; its pod with the usual toleration goes after 300 s more."""
    async def story(cluster):
        await cluster.create(node("a"))
        await cluster.create(node("b"))
        await cluster.create(pod("usual", nodeName="a"))
        await cluster.create(pod("loyal", nodeName="a", tolerations=FOREVER))
        await beat(cluster, "b", 7)
        silent = ("Unknown", [("unreachable", "NoExecute"), ("unreachable", "NoSchedule")])
        assert silent == await state(cluster, "a")
        await beat(cluster, "b", 25)
        assert None is await leaving(cluster, "usual")
        await beat(cluster, "b", 6)
        assert await leaving(cluster, "usual") is not None
        assert None is await leaving(cluster, "loyal")
        assert "TaintManagerEviction: Marking for deletion Pod default/usual" in await cluster.events()

    live(ALL, story)


async def leaving(cluster, name):
    return (await cluster.ask("GET", f"{PODS}/{name}"))["metadata"].get("deletionTimestamp")


def test_when_all_are_silent_nobody_is_evicted():
    """The only node falls silent: it is we who cannot hear."""
    async def story(cluster):
        await cluster.create(node("a"))
        await cluster.create(pod("usual", nodeName="a"))
        await cluster.pass_time(600)
        assert ("Unknown", [("unreachable", "NoSchedule")]) == await state(cluster, "a")
        assert None is await leaving(cluster, "usual")

    live(ALL, story)


def test_pods_of_a_node_that_left_are_cleared_away():
    """A node is deleted with a pod on it: forty seconds later the pod is gone."""
    async def story(cluster):
        await cluster.create(node("a"))
        await cluster.create(pod("web", nodeName="a"))
        await cluster.pass_time()
        await cluster.ask("DELETE", "/api/v1/nodes/a")
        await cluster.pass_time(30)
        assert ["web"] == await cluster.names(PODS)
        await cluster.pass_time(15)
        assert [] == await cluster.names(PODS)

    live(ALL, story)
