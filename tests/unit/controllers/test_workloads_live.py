"""The workload controllers against the real API server: its defaults, validation and subresources, on virtual time."""

from __future__ import annotations

from tests.unit.controllers.cluster import live
from tests.unit.controllers.making import template

NAMES = ("deployment", "endpoints", "endpointslices", "replicaset", "serviceaccounts", "statefulset")
APPS = "/apis/apps/v1/namespaces/default"
PODS = "/api/v1/namespaces/default/pods"
MERGE = "application/merge-patch+json"
SELECTOR = {"matchLabels": {"a": "b"}}


def workload(kind, **spec):
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"},
            "spec": {"replicas": 3, "selector": SELECTOR, "template": template(), **spec}}


async def run_pods(cluster, rounds=12):
    """Make every pod ready, round after round, as pods come and go."""
    for _ in range(rounds):
        for pod in (await cluster.ask("GET", PODS))["items"]:
            if pod["status"].get("phase") != "Running":
                number = int(pod["metadata"]["resourceVersion"])
                ip = f"10.1.{number // 250}.{number % 250 + 1}"
                ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
                status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [ready]}
                await cluster.ask("PATCH", f"{PODS}/{pod['metadata']['name']}/status", {"status": status}, kind=MERGE)
        await cluster.pass_time(0.2)


def test_a_deployment_rolls_and_comes_back():
    """Three pods behind a Service; a new template; then the old one again, with its ReplicaSet of before."""
    async def story(cluster):
        await cluster.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
                              "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}})
        await cluster.create(workload("Deployment"))
        await run_pods(cluster)
        for version in ("2", None):
            body = {"spec": {"template": {"metadata": {"annotations": {"v": version}}}}}
            await cluster.ask("PATCH", f"{APPS}/deployments/web", body, kind=MERGE)
            await run_pods(cluster)
        web = await cluster.ask("GET", f"{APPS}/deployments/web")
        assert ("3", 3, 3, 3) == (web["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
                                  web["metadata"]["generation"], web["status"]["observedGeneration"],
                                  web["status"]["availableReplicas"])
        assert 2 == len(await cluster.names(f"{APPS}/replicasets"))
        pods = await cluster.names(PODS)
        (one,) = (s for s in (await cluster.ask("GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"))[
            "items"] if s["metadata"]["labels"]["kubernetes.io/service-name"] == "web")
        assert sorted(pods) == sorted(e["targetRef"]["name"] for e in one["endpoints"])
        older = await cluster.ask("GET", "/api/v1/namespaces/default/endpoints/web")
        assert 3 == len(older["subsets"][0]["addresses"])

    live(NAMES, story)


def test_nothing_is_written_when_nothing_happens():
    """All is settled: an hour passes without one write."""
    async def story(cluster):
        await cluster.create(workload("Deployment"))
        await cluster.create(workload("StatefulSet", serviceName="web"))
        await run_pods(cluster)
        before = (await cluster.ask("GET", "/api/v1/nodes"))["metadata"]["resourceVersion"]
        await cluster.pass_time(3600)
        after = (await cluster.ask("GET", "/api/v1/nodes"))["metadata"]["resourceVersion"]
        assert before == after

    live(NAMES, story)


def test_a_statefulset_and_its_claims():
    """Three ordered pods with a claim each; a new template reaches all; scaled to one, the claims stay."""
    async def story(cluster):
        claim = {"metadata": {"name": "data"}, "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}}
        await cluster.create(workload("StatefulSet", serviceName="web", volumeClaimTemplates=[claim]))
        await run_pods(cluster)
        assert ["web-0", "web-1", "web-2"] == await cluster.names(PODS)
        body = {"spec": {"template": {"metadata": {"annotations": {"v": "2"}}}}}
        await cluster.ask("PATCH", f"{APPS}/statefulsets/web", body, kind=MERGE)
        await run_pods(cluster)
        await cluster.ask("PATCH", f"{APPS}/statefulsets/web/scale", {"spec": {"replicas": 1}}, kind=MERGE)
        await run_pods(cluster)
        web = await cluster.ask("GET", f"{APPS}/statefulsets/web")
        (pod,) = (await cluster.ask("GET", PODS))["items"]
        assert ("web-0", "2") == (pod["metadata"]["name"], pod["metadata"]["annotations"]["v"])
        assert web["status"]["currentRevision"] == web["status"]["updateRevision"]
        assert 2 == len(await cluster.names(f"{APPS}/controllerrevisions"))
        assert 3 == len(await cluster.names("/api/v1/namespaces/default/persistentvolumeclaims"))

    live(NAMES, story)
