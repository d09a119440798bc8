"""What can never come right: each says why and what to do in a condition or event, and is not tried in a hot loop.

Every story ends with an hour of virtual time in which nothing changes; what all controllers together write in that
hour is bounded, and so is what they ask.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from knarr.controllers import ALL
from tests.unit.controllers.cluster import Cluster, live, node, pod

HOUR_S = 3600.0
WRITES_MAX = 150          # in that hour: a retry a minute with its event's count, and a status now and then
NS = "/api/v1/namespaces/default"
APPS = "/apis/apps/v1/namespaces/default"
BATCH = "/apis/batch/v1/namespaces/default"
MERGE = "application/merge-patch+json"
# Left out: what has no part in this, or beats on its own.
PARTS = tuple(name for name in ALL if name not in ("bootstrapsigner", "tokencleaner", "certificates", "accounttokens"))


def template(**labels: str) -> dict[str, Any]:
    return {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Always"}}


def workload(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": "x"}}, "template": template(app="x"), **spec}}


def job(name: str, **spec: Any) -> dict[str, Any]:
    body = template()
    body["spec"]["restartPolicy"] = "Never"
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": body, **spec}}


def claim(name: str, storage_class: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": {
        "accessModes": ["ReadWriteOnce"], "storageClassName": storage_class, "resources": {"requests": {"storage": "1Gi"}}}}


async def selectors_that_fight(cluster: Cluster) -> None:
    """Two ReplicaSets select each other's pods, and an orphan fits both: nobody takes what has an owner."""
    await cluster.create(pod("orphan", nodeName="a") | {"metadata": {"name": "orphan", "labels": {"app": "x"}}})
    for name in ("one", "two"):
        await cluster.create(workload("ReplicaSet", name))
    await cluster.pass_time(30)
    owners = [one["metadata"]["ownerReferences"][0]["name"] for one in (await cluster.ask("GET", f"{NS}/pods"))["items"]]
    assert ["one", "one", "two", "two"] == sorted(owners)
    said = [one for one in await cluster.events() if one.startswith("SelectorOverlap: ")]
    assert ['SelectorOverlap: selects the same pods as ReplicaSet "one"; each keeps what it controls already, and either '
            'may take the others: give each a .spec.selector of its own'] == said


async def a_claim_without_its_class(cluster: Cluster) -> None:
    """Its class does not exist: the claim says which, the pod says what it waits for."""
    await cluster.create(claim("data", "nowhere"))
    await cluster.create(pod("user", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]))
    await cluster.pass_time(30)
    events = await cluster.events()
    assert 'ProvisioningFailed: storageclass.storage.k8s.io "nowhere" not found' in events
    assert any("pod has unbound immediate PersistentVolumeClaims" in one for one in events)


async def a_job_whose_pods_are_refused(cluster: Cluster) -> None:
    """Its pods name an account that does not exist: the Job's event says so, again and again but ever more rarely."""
    made = job("stuck")
    made["spec"]["template"]["spec"]["serviceAccountName"] = "nobody"
    await cluster.create(made)
    await cluster.pass_time(120)
    assert any(one.startswith("FailedCreate: Error creating: ") and 'serviceaccount "nobody" not found' in one
               for one in await cluster.events())


async def a_job_that_no_node_can_run(cluster: Cluster) -> None:
    """It asks for more than there is: the pod says what is missing, and the Job ends where it has a deadline."""
    made = job("large", activeDeadlineSeconds=300)
    made["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1000"}}
    await cluster.create(made)
    await cluster.pass_time(400)
    conditions = (await cluster.ask("GET", f"{BATCH}/jobs/large"))["status"]["conditions"]
    assert ("Failed", "DeadlineExceeded") == (conditions[-1]["type"], conditions[-1]["reason"])
    assert any("Insufficient cpu" in one for one in await cluster.events())


async def a_schedule_that_never_comes(cluster: Cluster) -> None:
    """The thirtieth of February: the CronJob says that its time never comes."""
    await cluster.create({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "never"}, "spec": {
        "schedule": "0 0 30 2 *", "jobTemplate": {"spec": job("x")["spec"]}}})
    await cluster.pass_time(120)
    assert [] == (await cluster.ask("GET", f"{BATCH}/jobs"))["items"]
    assert ("InvalidSchedule: schedule 0 0 30 2 * does not come within five years; correct .spec.schedule"
            in await cluster.events())


async def finalizers_nobody_clears(cluster: Cluster) -> None:
    """A namespace goes, but something in it bears a stranger's finalizer: the condition names it."""
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "stuck"}})
    await cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
        "name": "held", "finalizers": ["example.com/forgotten"]}}, "stuck")
    await cluster.ask("DELETE", "/api/v1/namespaces/stuck")
    await cluster.pass_time(60)
    conditions = (await cluster.ask("GET", "/api/v1/namespaces/stuck"))["status"]["conditions"]
    (left,) = [one for one in conditions if one["type"] == "NamespaceFinalizersRemaining"]
    assert ("True", True) == (left["status"], "example.com/forgotten in 1 resource instances" in left["message"])


async def a_quota_that_blocks_a_rollout(cluster: Cluster) -> None:
    """Two pods fit; the new ones are over the quota: the Deployment says so, and fails its deadline."""
    await cluster.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tight"},
                          "spec": {"hard": {"pods": "2"}}})
    await cluster.pass_time(5)
    await cluster.create(workload("Deployment", "web", replicas=3, progressDeadlineSeconds=60))
    await cluster.pass_time(200)
    status = (await cluster.ask("GET", f"{APPS}/deployments/web"))["status"]
    said = {one["type"]: one for one in status["conditions"]}
    assert "exceeded quota: tight" in said["ReplicaFailure"]["message"]
    assert "ProgressDeadlineExceeded" == said["Progressing"]["reason"]


async def owners_in_a_circle(cluster: Cluster) -> None:
    """Two objects own each other: neither is an orphan, and when one is deleted the other follows."""
    made = {}
    for name in ("hen", "egg"):
        made[name] = await cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
    for name, other in (("hen", "egg"), ("egg", "hen")):
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": other, "uid": made[other]["metadata"]["uid"],
                 "blockOwnerDeletion": True}
        await cluster.ask("PATCH", f"{NS}/configmaps/{name}", {"metadata": {"ownerReferences": [owner]}}, MERGE)
    await cluster.pass_time(60)
    assert {"hen", "egg"} <= set(await cluster.names(f"{NS}/configmaps"))
    await cluster.ask("DELETE", f"{NS}/configmaps/hen", {"propagationPolicy": "Foreground"})
    await cluster.pass_time(60)
    assert not {"hen", "egg"} & set(await cluster.names(f"{NS}/configmaps"))


@pytest.mark.parametrize("story", [
    selectors_that_fight, a_claim_without_its_class, a_job_whose_pods_are_refused, a_job_that_no_node_can_run,
    a_schedule_that_never_comes, finalizers_nobody_clears, a_quota_that_blocks_a_rollout, owners_in_a_circle,
], ids=lambda story: story.__name__)
def test_what_can_never_come_right(story: Callable[[Cluster], Awaitable[None]]) -> None:
    """It says why, and an hour of waiting costs next to nothing."""
    async def whole(cluster: Cluster) -> None:
        await cluster.create(node("a"))
        await cluster.pass_time(5)
        await story(cluster)
        before = cluster.server.core.store.revision
        await cluster.pass_time(HOUR_S)
        assert cluster.server.core.store.revision - before <= WRITES_MAX

    live(PARTS, whole, scheduler=True)
