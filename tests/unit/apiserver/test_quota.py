"""Quotas: what a write costs, what is refused, and that nobody spends the same twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from knarr.api import quota
from knarr.base.rng import Rng
from knarr.sim.disk import Platter, open_disk
from tests.unit.apiserver.asking import MERGE, Asker

WEB = "/api/v1/namespaces/web"


def pod(name: str = "p", *, requests: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    resources = {"requests": requests or {}}
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i", "resources": resources}], **spec}}


async def allow(api: Asker, hard: dict[str, str], *, used: dict[str, str] | None = None, name: str = "q", **spec: Any) -> None:
    """Make a quota and count it, as the controller would."""
    await api.make(f"{WEB}/resourcequotas", {"metadata": {"name": name}, "spec": {"hard": hard, **spec}})
    status = {"hard": hard, "used": dict.fromkeys(hard, "0") | (used or {})}
    code, _ = await api.ask("PATCH", f"{WEB}/resourcequotas/{name}/status", {"status": status}, content_type=MERGE)
    assert code == 200


async def used(api: Asker, name: str = "q") -> dict[str, str]:
    return dict((await api.ask("GET", f"{WEB}/resourcequotas/{name}"))[1]["status"]["used"])


async def test_a_pod_is_charged_until_there_is_no_more(api):
    """Half a core is allowed: 300m go in, 300m more do not."""
    await allow(api, {"pods": "5", "requests.cpu": "500m"})
    await api.make(f"{WEB}/pods", pod("a", requests={"cpu": "300m"}))
    code, refusal = await api.ask("POST", f"{WEB}/pods", pod("b", requests={"cpu": "300m"}))

    assert {"pods": "1", "requests.cpu": "300m"} == await used(api)
    assert (403, 'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=300m, used: requests.cpu=300m, '
                 'limited: requests.cpu=500m') == (code, refusal["message"])


async def test_what_fails_later_is_given_back(api):
    """The name is taken: the pod is not made, nor paid for. A dry run pays nothing either."""
    await allow(api, {"pods": "5"})
    await api.make(f"{WEB}/pods", pod("a"))
    code, _ = await api.ask("POST", f"{WEB}/pods", pod("a"))
    dry, _ = await api.ask("POST", f"{WEB}/pods?dryRun=All", pod("b"))

    assert (409, 201, {"pods": "1"}) == (code, dry, await used(api))


async def test_a_burst_never_exceeds(api):
    """Forty pods at once, ten allowed: ten are made, and the quota says so."""
    await allow(api, {"pods": "10"})
    codes = [code for code, _ in await asyncio.gather(*(api.ask("POST", f"{WEB}/pods", pod(f"p{n}")) for n in range(40)))]

    assert (10, 30, {"pods": "10"}) == (codes.count(201), codes.count(403), await used(api))
    assert not api.server.core.desks


async def test_a_burst_of_the_same_name_pays_once(api):
    """Ten clients make the same pod in one moment: one does, and one is paid for."""
    await allow(api, {"pods": "5"})
    codes = [code for code, _ in await asyncio.gather(*(api.ask("POST", f"{WEB}/pods", pod("a")) for _ in range(10)))]

    assert ([201, *[409] * 9], {"pods": "1"}) == (sorted(codes), await used(api))
    assert not api.server.core.desks


async def test_who_leaves_harms_nobody(api):
    """Of three who wait for their turn the first one's connection is cut: the others are served, the sum is right."""
    await allow(api, {"pods": "5"})
    asked = [asyncio.ensure_future(api.ask("POST", f"{WEB}/pods", pod(name))) for name in "abc"]
    for _ in range(3):  # turns of the loop until they stand there
        await asyncio.sleep(0)
    assert api.server.core.desks
    asked[0].cancel()
    codes = [(await one)[0] for one in asked[1:]]
    pods = (await api.ask("GET", f"{WEB}/pods"))[1]["items"]

    assert ([201, 201], {"pods": str(len(pods))}) == (codes, await used(api))
    assert not api.server.core.desks


async def test_a_count_that_comes_between_is_heeded(api):
    """The controller writes a new count while ten pods are charged again and again: nothing is lost on either side."""
    await allow(api, {"pods": "100", "configmaps": "100"})

    async def recount():
        for number in range(20):
            code, _ = await api.ask("PATCH", f"{WEB}/resourcequotas/q/status",
                                    {"status": {"used": {"configmaps": str(number)}}}, content_type=MERGE)
            assert 200 == code

    answers, _ = await asyncio.gather(
        asyncio.gather(*(api.ask("POST", f"{WEB}/pods", pod(f"p{n}")) for n in range(60))), recount())

    assert {201} == {code for code, _ in answers}
    assert {"pods": "60", "configmaps": "19"} == await used(api)


async def test_a_full_disk_charges_nothing():
    """The disk takes nothing: the client is told so, nothing is charged or made, and the next try goes through."""
    platter = Platter(Rng(1), lambda changes: None)
    store, _ = open_disk(platter)
    api = await Asker(store=store).start("web")
    await allow(api, {"pods": "5"})
    platter.full = True
    code, refusal = await api.ask("POST", f"{WEB}/pods", pod("a"))
    platter.full = False
    left = ((await api.ask("GET", f"{WEB}/pods"))[1]["items"], await used(api))
    await api.make(f"{WEB}/pods", pod("a"))

    assert (503, True, ([], {"pods": "0"})) == (code, "no space left" in refusal["message"], left)
    assert {"pods": "1"} == await used(api)


async def test_what_is_refused_counts_as_refused(api):
    """One pod is let in, one is not: admission's times tell one of each."""
    await allow(api, {"pods": "1"})
    steps = api.server.core.admissions.steps
    before = {key: sum(row.counts) for key, row in steps.items()}
    for name in "ab":
        await api.ask("POST", f"{WEB}/pods", pod(name))
    counted = {key: sum(row.counts) - before.get(key, 0) for key, row in steps.items() if key[2] == "validate"}

    assert (1, 1) == (counted["CREATE", "false", "validate"], counted["CREATE", "true", "validate"])


async def test_all_quotas_are_charged_or_none(api):
    """The second quota refuses: the first is not charged."""
    await allow(api, {"pods": "5"}, name="a")
    await allow(api, {"count/pods": "1"}, used={"count/pods": "1"}, name="b")
    code, _ = await api.ask("POST", f"{WEB}/pods", pod())

    assert (403, "0") == (code, (await used(api, "a"))["pods"])


@pytest.mark.parametrize(("path", "body", "told"), [
    pytest.param("pods", pod(), "failed quota: q: must specify requests.memory for: c", id="a pod must say"),
    pytest.param("services", {"metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}},
                 "exceeded quota: q, requested: services.nodeports=1, used: services.nodeports=0, limited: services.nodeports=0",
                 id="node ports"),
    pytest.param("configmaps", {"metadata": {"name": "c"}},
                 "exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=2, limited: count/configmaps=2",
                 id="any kind by count"),
    pytest.param("persistentvolumeclaims", {"metadata": {"name": "c"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}, "storageClassName": "gold"}},
        "exceeded quota: q, requested: gold.storageclass.storage.k8s.io/requests.storage=2Gi", id="storage of a class"),
])
async def test_refusals(api, path, body, told):
    """403; the words are Kubernetes'."""
    hard = {"requests.memory": "1Gi", "services.nodeports": "0", "count/configmaps": "2",
            "gold.storageclass.storage.k8s.io/requests.storage": "1Gi"}
    await allow(api, hard, used={"count/configmaps": "2"})
    code, refusal = await api.ask("POST", f"{WEB}/{path}", body)

    assert (403, True) == (code, told in refusal["message"]), refusal["message"]


async def test_a_service_that_becomes_a_node_port_pays(api):
    """Updates that cost more are charged for the difference."""
    await allow(api, {"services.nodeports": "2", "services": "5"})
    await api.make(f"{WEB}/services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    code, _ = await api.ask("PATCH", f"{WEB}/services/s", {"spec": {"type": "NodePort"}}, content_type=MERGE)

    assert (200, {"services.nodeports": "1", "services": "1"}) == (code, await used(api))


async def test_a_quota_that_is_not_counted_yet_allows_what_it_knows(api):
    """Before the controller has counted, nothing is enforced; half counted, nothing goes in."""
    await api.make(f"{WEB}/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}})
    await api.make(f"{WEB}/pods", pod())
    status = {"status": {"hard": {"pods": "0"}}}
    await api.ask("PATCH", f"{WEB}/resourcequotas/q/status", status, content_type=MERGE)
    code, refusal = await api.ask("POST", f"{WEB}/pods", pod("b"))

    assert (403, True) == (code, "status unknown for quota: q, resources: pods" in refusal["message"])


CRITICAL = {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}


@pytest.mark.parametrize(("spec", "scopes", "covered"), [
    pytest.param({}, {"scopes": ["BestEffort"]}, True, id="asks for nothing"),
    pytest.param({}, {"scopes": ["NotBestEffort"]}, False, id="not best effort"),
    pytest.param({"activeDeadlineSeconds": 5}, {"scopes": ["Terminating"]}, True, id="will end"),
    pytest.param({}, {"scopes": ["Terminating"]}, False, id="runs for ever"),
    pytest.param({}, {"scopes": ["NotTerminating", "BestEffort"]}, True, id="two scopes"),
    pytest.param({"priorityClassName": "high"}, {"scopeSelector": {"matchExpressions": [CRITICAL]}}, True, id="a class"),
    pytest.param({"priorityClassName": "low"}, {"scopeSelector": {"matchExpressions": [CRITICAL]}}, False, id="another class"),
    pytest.param({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"namespaces": ["x"]}]}}},
                 {"scopes": ["CrossNamespacePodAffinity"]}, True, id="looks abroad"),
])
def test_scopes(spec, scopes, covered):
    """A quota counts only what lies in all of its scopes."""
    found = {"metadata": {}, "spec": spec, "status": {"qosClass": "BestEffort"}}

    assert covered == quota.covers(scopes, quota.PODS, found)


GOLD = {"scopeSelector": {"matchExpressions": [{"scopeName": "VolumeAttributesClass", "operator": "In", "values": ["gold"]}]}}


@pytest.mark.parametrize(("spec", "status", "covered"), [
    pytest.param({"volumeAttributesClassName": "gold"}, {}, True, id="wants it"),
    pytest.param({"volumeAttributesClassName": "tin"}, {"currentVolumeAttributesClassName": "gold"}, True, id="has it still"),
    pytest.param({}, {"modifyVolumeStatus": {"targetVolumeAttributesClassName": "gold", "status": "Pending"}}, True, id="on its way"),
    pytest.param({"volumeAttributesClassName": "tin"}, {}, False, id="another"),
    pytest.param({}, {}, False, id="none"),
])
def test_claims_in_scope(spec, status, covered):
    """A quota for claims of one class of attributes."""
    assert covered == quota.covers(GOLD, quota.CLAIMS, {"metadata": {}, "spec": spec, "status": status})
    assert not quota.covers(GOLD, quota.PODS, {"metadata": {}, "spec": spec})


async def test_a_claim_that_comes_under_a_quota_pays_in_full(api):
    """Two claims of a gigabyte each become golden; the quota has room for one."""
    await allow(api, {"requests.storage": "1Gi", "persistentvolumeclaims": "5"}, **GOLD)
    for name in ("a", "b"):
        await api.make(f"{WEB}/persistentvolumeclaims", {"metadata": {"name": name}, "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "s", "resources": {"requests": {"storage": "1Gi"}}}})
        await api.ask("PATCH", f"{WEB}/persistentvolumeclaims/{name}/status", {"status": {"phase": "Bound"}}, content_type=MERGE)
    golden = {"spec": {"volumeAttributesClassName": "gold"}}
    first, _ = await api.ask("PATCH", f"{WEB}/persistentvolumeclaims/a", golden, content_type=MERGE)
    second, refusal = await api.ask("PATCH", f"{WEB}/persistentvolumeclaims/b", golden, content_type=MERGE)

    assert (200, {"requests.storage": "1Gi", "persistentvolumeclaims": "1"}) == (first, await used(api))
    assert (403, True) == (second, "exceeded quota: q, requested: requests.storage=1Gi" in refusal["message"])


def selecting(scope: str, operator: str = "Exists", *values: str) -> dict[str, Any]:
    return {"scopeSelector": {"matchExpressions": [{"scopeName": scope, "operator": operator, "values": list(values)}]}}


@pytest.mark.parametrize(("spec", "field", "said"), [
    pytest.param({"scopes": ["BestEffort"], "hard": {"cpu": "1"}}, "spec.scopes", "unsupported scope applied to resource", id="cpu of best effort"),
    pytest.param({"scopes": ["Terminating"], "hard": {"services": "1"}}, "spec.scopes", "unsupported scope applied to resource", id="services"),
    pytest.param({"scopes": ["BestEffort", "NotBestEffort"]}, "spec.scopes", "conflicting scopes", id="opposites"),
    pytest.param(selecting("Odd"), "spec.scopeSelector.matchExpressions.scopeName", 'Invalid value: "Odd": unsupported scope', id="no scope"),
    pytest.param(selecting("Terminating", "In", "x"), "spec.scopeSelector.matchExpressions.operator", "must be 'Exist' when scope is any of", id="values of none"),
    pytest.param(selecting("PriorityClass", "In"), "spec.scopeSelector.matchExpressions.values", "must be at least one value", id="no values"),
    pytest.param(selecting("PriorityClass", "Exists", "x"), "spec.scopeSelector.matchExpressions.values", "must be no value", id="too many values"),
    pytest.param(selecting("PriorityClass", "Near"), "spec.scopeSelector.matchExpressions.operator", "not a valid selector operator", id="operator"),
    pytest.param({**selecting("VolumeAttributesClass"), "hard": {"pods": "1"}}, "spec.scopeSelector.matchExpressions",
                 "unsupported scope applied to resource", id="pods of a claims' scope"),
])
async def test_scopes_that_cannot_be(api, spec, field, said):
    """An administrator's mistake is told with its place."""
    code, refusal = await api.ask("POST", f"{WEB}/resourcequotas", {"metadata": {"name": "q"}, "spec": spec})

    assert (422, field) == (code, refusal["details"]["causes"][0]["field"])
    assert said in refusal["details"]["causes"][0]["message"]


def test_a_scoped_quota_counts_no_other_kind():
    """Scopes are for pods."""
    assert not quota.covers({"scopes": ["BestEffort"]}, quota.SERVICES, {"metadata": {}})


def test_what_a_pod_uses():
    """The larger of starting and running, sidecars and overhead included; limits only where they are said."""
    spec = {"overhead": {"cpu": "10m"},
            "initContainers": [{"name": "i", "resources": {"requests": {"cpu": "2"}}},
                               {"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "100m"}}}],
            "containers": [{"name": "c", "resources": {"requests": {"cpu": "1", "example.com/gpu": "1"}, "limits": {"memory": "1Gi"}}}]}
    found = {name: str(amount) for name, amount in quota.usage(quota.PODS, {"metadata": {}, "spec": spec}).items()}

    assert found == {"count/pods": "1", "pods": "1", "cpu": "2010m", "requests.cpu": "2010m", "limits.memory": "1Gi",
                     "requests.example.com/gpu": "1"}
    over = {"metadata": {}, "spec": spec, "status": {"phase": "Failed"}}
    assert {"count/pods"} == set(quota.usage(quota.PODS, over))
