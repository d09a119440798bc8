"""Quotas are counted, budgets tell what may be disturbed; both against the real API server on virtual time."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest

from knarr.api.http import Call
from knarr.api.types.core_v1 import Pod
from knarr.api.types.policy_v1 import PodDisruptionBudget
from knarr.client.transport import CONTROL_PLANE
from knarr.controllers.disruption.plan import Expected, View, plan
from knarr.reconcile.actions import After, Patch
from tests.unit.apiserver.oracle import recorded, replay
from tests.unit.apiserver.test_wire_sequences import masked
from tests.unit.controllers.cluster import Cluster, live
from tests.unit.controllers.making import NOW_S, pod

MERGE = "application/merge-patch+json"
NS = "/api/v1/namespaces/default"


def bare(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
            "spec": {"containers": [{"name": "c", "image": "i"}]}}


def test_a_quota_is_counted_charged_and_given_back():
    """Made over what is there already; then two pods come and one goes, and a config map that nobody asked about."""
    async def story(cluster: Cluster) -> None:
        await cluster.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}})
        await cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "old"}})
        await cluster.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
                              "spec": {"hard": {"pods": "2", "count/configmaps": "5"}}})
        await cluster.pass_time()
        for name in ("a", "b"):
            await cluster.create(bare(name))
        await cluster.pass_time()
        assert {"pods": "2", "count/configmaps": "1"} == (await quota(cluster))["used"]
        await cluster.ask("DELETE", f"{NS}/pods/a")
        await cluster.pass_time(10)
        assert {"pods": "1", "count/configmaps": "1"} == (await quota(cluster))["used"]
        await cluster.ask("PATCH", f"{NS}/resourcequotas/q", {"spec": {"hard": {"pods": "7", "count/configmaps": None}}}, MERGE)
        await cluster.pass_time(10)
        assert {"hard": {"pods": "7"}, "used": {"pods": "1"}} == await quota(cluster)

    async def quota(cluster: Cluster) -> Any:
        return (await cluster.ask("GET", f"{NS}/resourcequotas/q"))["status"]

    live(("resourcequota",), story)


def test_a_pod_that_should_be_gone_is_no_longer_charged():
    """Its node never says that it ended: when its grace has passed twice, its place in the quota is free."""
    async def story(cluster: Cluster) -> None:
        await cluster.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}})
        await cluster.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
                              "spec": {"hard": {"pods": "1"}}})
        lost = bare("lost")
        await cluster.create({**lost, "spec": {**lost["spec"], "nodeName": "n"}})
        await cluster.ask("DELETE", f"{NS}/pods/lost", {"gracePeriodSeconds": 30})
        await cluster.pass_time(50)
        assert "1" == (await cluster.ask("GET", f"{NS}/resourcequotas/q"))["status"]["used"]["pods"]
        await cluster.pass_time(15)
        assert "0" == (await cluster.ask("GET", f"{NS}/resourcequotas/q"))["status"]["used"]["pods"]
        await cluster.create(bare("next"))

    live(("resourcequota",), story)


def test_a_budget_allows_what_it_can_spare():
    """Two of three must stay: one may go, then none until it is replaced."""
    async def story(cluster: Cluster) -> None:
        await cluster.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}})
        await cluster.ask("POST", "/apis/policy/v1/namespaces/default/poddisruptionbudgets", {
            "metadata": {"name": "b"}, "spec": {"minAvailable": 2, "selector": {"matchLabels": {"x": "y"}}}})
        for name in ("a", "b", "c"):
            await cluster.create(bare(name, x="y"))
            ready = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
            await cluster.ask("PATCH", f"{NS}/pods/{name}/status", ready, MERGE)
        await cluster.pass_time()
        status = await budget(cluster)
        assert (3, 2, 3, 1) == tuple(status[name] for name in ("currentHealthy", "desiredHealthy", "expectedPods", "disruptionsAllowed"))
        assert ("True", "SufficientPods") == (status["conditions"][0]["status"], status["conditions"][0]["reason"])
        await cluster.ask("POST", f"{NS}/pods/a/eviction", {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "a"}})
        await cluster.pass_time()
        status = await budget(cluster)
        assert (0, "InsufficientPods") == (status["disruptionsAllowed"], status["conditions"][0]["reason"])

    async def budget(cluster: Cluster) -> Any:
        return (await cluster.ask("GET", "/apis/policy/v1/namespaces/default/poddisruptionbudgets/b"))["status"]

    live(("disruption",), story)


@pytest.mark.parametrize(("policy", "reason"), [
    pytest.param("IfHealthyBudget", "TooManyRequests", id="only while the healthy ones are enough"),
    pytest.param("AlwaysAllow", "Created", id="always"),
])
def test_when_a_pod_that_is_not_ready_may_go(policy: str, reason: str) -> None:
    """Two must stay, one of two is ready: whether the other may be evicted is the budget's policy."""
    async def story(cluster: Cluster) -> None:
        await cluster.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}})
        await cluster.ask("POST", "/apis/policy/v1/namespaces/default/poddisruptionbudgets", {
            "metadata": {"name": "b"}, "spec": {"minAvailable": 2, "selector": {"matchLabels": {"x": "y"}},
                                                "unhealthyPodEvictionPolicy": policy}})
        for name, ready in (("well", "True"), ("ill", "False")):
            await cluster.create(bare(name, x="y"))
            status = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}}
            await cluster.ask("PATCH", f"{NS}/pods/{name}/status", status, MERGE)
        await cluster.pass_time()
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "ill"}}
        call = Call("POST", f"{NS}/pods/ill/eviction", {}, {"content-type": "application/json"}, orjson.dumps(body), CONTROL_PLANE)
        answer = orjson.loads((await cluster.server.handle(call)).body)
        assert reason == answer.get("reason", "Created")

    live(("disruption",), story)


def view(pods: list[Pod], expected: Expected, *, disrupted: dict[str, str] | None = None, **spec: Any) -> View:
    budget = msgspec.convert({
        "metadata": {"name": "b", "namespace": "d", "generation": 3, "resourceVersion": "9"},
        "spec": {"selector": {}, **spec}, "status": {"disruptedPods": disrupted or {}}}, PodDisruptionBudget)
    return View(budget, tuple(pods), expected, NOW_S)


@pytest.mark.parametrize(("spec", "expected", "desired", "allowed"), [
    pytest.param({"minAvailable": 1}, 3, 1, 2, id="a number must stay"),
    pytest.param({"minAvailable": "50%"}, 4, 2, 1, id="half must stay"),
    pytest.param({"minAvailable": "34%"}, 3, 2, 1, id="rounded up"),
    pytest.param({"maxUnavailable": 1}, 3, 2, 1, id="one may go"),
    pytest.param({"maxUnavailable": "30%"}, 4, 2, 1, id="a share may go"),
    pytest.param({"maxUnavailable": 9}, 3, 0, 3, id="all may go"),
    pytest.param({"minAvailable": 5}, 3, 5, 0, id="more than there are"),
])
def test_how_many_may_go(spec, expected, desired, allowed):
    """Three healthy pods; their owners want more or as many."""
    (patch,) = plan(view([pod("a"), pod("b"), pod("c")], Expected(expected), **spec))

    assert isinstance(patch, Patch)
    status = patch.patch["status"]
    assert (3, desired, allowed, 3) == tuple(
        status[name] for name in ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "observedGeneration"))


def test_an_eviction_counts_until_it_is_forgotten():
    """Evicted a minute ago and still here: not healthy for one more minute. Evicted long ago: healthy again."""
    disrupted = {"a": "2025-12-31T23:59:00Z", "b": "2025-12-31T23:00:00Z", "gone": "2025-12-31T23:59:00Z"}
    patch, after = plan(view([pod("a"), pod("b")], Expected(2), disrupted=disrupted, minAvailable=1))

    assert isinstance(patch, Patch)
    assert (1, {"b": None, "gone": None}) == (patch.patch["status"]["currentHealthy"], patch.patch["status"]["disruptedPods"])
    assert After(60.0) == after


def test_owners_that_cannot_be_asked():
    """A Job has no scale: nothing may be disturbed, and the condition says why."""
    patch, event = plan(view([pod("a")], Expected(0, "jobs.batch does not implement the scale subresource"), maxUnavailable=1))

    assert isinstance(patch, Patch)
    condition = patch.patch["status"]["conditions"][0]
    assert ("SyncFailed", "False", 0) == (condition["reason"], condition["status"], patch.patch["status"]["disruptionsAllowed"])
    assert "does not implement the scale subresource" in event.message


def unowned(body: Any) -> Any:
    """Leave out who wrote which field: these stories are about what is written."""
    found = masked(body)
    (found.get("metadata") or {}).pop("managedFields", None)
    return found


@pytest.mark.parametrize("name", ["limits and quotas", "eviction and disruption budgets"])
def test_as_recorded(name):
    """The recorded stories, step by step, controllers at work: the same codes, words and objects."""
    (recorded_story,) = [one for one in recorded("sequences/reads-and-policies.json") if one["name"] == name]

    async def story(cluster: Cluster) -> None:
        for namespace in ("rec7-85", "rec4-85"):
            await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
            await cluster.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}, namespace)
            for present in ("kube-root-ca.crt", "openshift-service-ca.crt"):
                await cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": present}}, namespace)
        for number, step in enumerate(recorded_story["steps"]):
            answer = await replay(cluster, step["request"])
            where = f"{name} {number}: {step['request']['method']} {step['request']['path']}"
            assert step["code"] == answer.status, (where, answer.body)
            if (name, number) != ("eviction and disruption budgets", 4):  # empty times of a condition are null there
                assert unowned(step["response"]) == unowned(orjson.loads(answer.body)), where
            await cluster.pass_time(10)

    live(("resourcequota", "disruption"), story)
