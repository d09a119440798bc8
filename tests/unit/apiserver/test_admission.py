"""What admission makes of a pod, a claim, a node; and what it refuses."""

from __future__ import annotations

import asyncio

import pytest

from knarr.api.http import Call, User
from tests.unit.apiserver.asking import Asker

PODS = "/api/v1/namespaces/web/pods"
MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def pod(**spec: object) -> dict[str, object]:
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}], **spec}}


async def test_a_pod_gets_its_identity(api):
    """A plain pod: default account, token volume mounted, two tolerations, priority zero."""
    spec = (await api.make(PODS, pod(initContainers=[{"name": "i", "image": "i"}])))["spec"]
    (volume,) = spec["volumes"]

    assert ("default", "default") == (spec["serviceAccountName"], spec["serviceAccount"])
    assert volume["name"].startswith("kube-api-access-")
    sources = [next(iter(source)) for source in volume["projected"]["sources"]]
    assert ["serviceAccountToken", "configMap", "downwardAPI"] == sources
    for container in (*spec["containers"], *spec["initContainers"]):
        mount = {"name": volume["name"], "readOnly": True, "mountPath": MOUNT}
        assert [mount] == container["volumeMounts"]
    assert [300, 300] == [one["tolerationSeconds"] for one in spec["tolerations"]]
    assert (0, "PreemptLowerPriority") == (spec["priority"], spec["preemptionPolicy"])


async def test_a_pod_may_do_without_a_token(api):
    """automountServiceAccountToken: false, from the pod or from its account."""
    accounts = "/api/v1/namespaces/web/serviceaccounts"
    await api.make(accounts, {
        "metadata": {"name": "bare"}, "automountServiceAccountToken": False, "imagePullSecrets": [{"name": "pull"}],
    })
    spec = (await api.make(PODS, pod(serviceAccountName="bare")))["spec"]

    assert "volumes" not in spec
    assert [{"name": "pull"}] == spec["imagePullSecrets"]


async def test_a_pod_waits_for_its_namespaces_account():
    """A namespace is seconds old: its default account comes while the pod waits."""
    api = await Asker().start()
    await api.make("/api/v1/namespaces", {"metadata": {"name": "new"}})
    api.server.core.clock.sleep = lambda seconds_s: asyncio.sleep(0)  # type: ignore[method-assign]
    waiting = asyncio.ensure_future(api.ask("POST", "/api/v1/namespaces/new/pods", pod()))
    await asyncio.sleep(0)
    await api.make("/api/v1/namespaces/new/serviceaccounts", {"metadata": {"name": "default"}})

    assert 201 == (await waiting)[0]


async def test_a_system_class_gives_its_priority(api):
    """system-node-critical exists from the start."""
    spec = (await api.make(PODS, pod(priorityClassName="system-node-critical")))["spec"]

    assert 2_000_001_000 == spec["priority"]


@pytest.mark.parametrize(("spec", "why"), [
    pytest.param({"serviceAccountName": "nope"}, 'serviceaccount "nope" not found', id="no such account"),
    pytest.param({"priorityClassName": "nope"}, "no PriorityClass with name nope was found", id="no such class"),
    pytest.param({"runtimeClassName": "nope"}, 'RuntimeClass "nope" not found', id="no such runtime"),
    pytest.param({"priority": 5}, "must not be provided in pod spec", id="a priority of its own"),
])
async def test_pods_that_name_what_is_not_there(api, spec, why):
    """403, and the reason names it."""
    code, refusal = await api.ask("POST", PODS, pod(**spec))

    assert (403, True) == (code, why in refusal["message"])


async def test_a_claim_gets_the_newest_default_class_and_a_finalizer(api):
    """Two default classes: the newer one; the claim stays until nothing uses it."""
    classes = "/apis/storage.k8s.io/v1/storageclasses"
    for name in ("old", "new"):
        marks = {"storageclass.kubernetes.io/is-default-class": "true"}
        await api.make(classes, {"metadata": {"name": name, "annotations": marks}, "provisioner": "x.example.com/y"})
        api.clock.advance(1)
    claim = await api.make("/api/v1/namespaces/web/persistentvolumeclaims", {"metadata": {"name": "c"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
    }})

    assert "new" == claim["spec"]["storageClassName"]
    assert ["kubernetes.io/pvc-protection"] == claim["metadata"]["finalizers"]


async def test_a_pod_learns_where_its_node_stands(api):
    """Bound by a scheduler, or created there: its labels say so, whatever they said before; other labels of the node stay its own."""
    zone, region = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
    await api.make("/api/v1/nodes", {"metadata": {"name": "n", "labels": {zone: "a1", region: "a", "other": "x"}}})
    await api.make(PODS, pod())
    code, _ = await api.ask("POST", f"{PODS}/p/binding", {"target": {"kind": "Node", "name": "n"}})
    _, bound = await api.ask("GET", f"{PODS}/p")
    placed = await api.make(PODS, {**pod(nodeName="n"), "metadata": {"name": "placed", "labels": {zone: "b1", "mine": "y"}}})

    assert (201, {zone: "a1", region: "a"}) == (code, bound["metadata"]["labels"])
    assert {zone: "a1", region: "a", "mine": "y"} == placed["metadata"]["labels"]


async def test_a_priority_outlives_an_update_that_does_not_speak_of_it(api):
    """Somebody puts a pod back without the number that admission gave it."""
    await api.make(PODS, pod(priorityClassName="system-node-critical"))
    _, whole = await api.ask("GET", f"{PODS}/p")
    del whole["spec"]["priority"], whole["spec"]["preemptionPolicy"]
    code, put = await api.ask("PUT", f"{PODS}/p", whole)

    assert 200 == code, put
    assert (2_000_001_000, "PreemptLowerPriority") == (put["spec"]["priority"], put["spec"]["preemptionPolicy"])


async def test_a_new_node_takes_no_pods_yet(api):
    """Until the lifecycle controller has seen it ready."""
    node = await api.make("/api/v1/nodes", {"metadata": {"name": "n"}})

    assert [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}] == node["spec"]["taints"]


async def test_an_agent_may_not_touch_another_node(api):
    """The agent of `a` patches the node `b`: 403, even where its role would let it."""
    await api.make("/api/v1/nodes", {"metadata": {"name": "b"}})
    agent = User("system:node:a", groups=("system:nodes", "system:masters"))
    headers = {"content-type": "application/merge-patch+json"}
    answer = await api.server.handle(Call("PATCH", "/api/v1/nodes/b", {}, headers, b'{"metadata":{"labels":{"x":"y"}}}', agent))

    assert 403 == answer.status
