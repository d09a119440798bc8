"""One object, two forms: what an old client writes, a new one reads, and back."""

from __future__ import annotations

import orjson
import pytest

from knarr.apiserver import autoscalers
from tests.unit.apiserver.asking import MERGE

V1, V2 = (f"/apis/autoscaling/{version}/namespaces/default/horizontalpodautoscalers" for version in ("v1", "v2"))
TARGET = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}
MEMORY = {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}}
SIDECAR = {"type": "ContainerResource", "containerResource": {
    "name": "cpu", "container": "c", "target": {"type": "Utilization", "averageUtilization": 50}}}
PODS = {"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "10"}}}
OBJECT = {"type": "Object", "object": {
    "describedObject": TARGET, "metric": {"name": "hits", "selector": {"matchLabels": {"a": "b"}}},
    "target": {"type": "Value", "value": "7"}}}
EXTERNAL = {"type": "External", "external": {
    "metric": {"name": "queue", "selector": {"matchLabels": {"q": "x"}}}, "target": {"type": "Value", "value": "3"}}}


async def test_an_old_kubectl_autoscales(api):
    """kubectl up to 1.32 writes autoscaling/v1; its CPU target is a metric to everybody else."""
    made = await api.make(V1, {"metadata": {"name": "web"}, "spec": {
        "scaleTargetRef": TARGET, "maxReplicas": 3, "targetCPUUtilizationPercentage": 60}})
    _, new = await api.ask("GET", f"{V2}/web")
    _, table = await api.ask("GET", V1, accept="application/json;as=Table;g=meta.k8s.io;v=v1")

    assert ("autoscaling/v1", 60) == (made["apiVersion"], made["spec"]["targetCPUUtilizationPercentage"])
    assert [CPU] == new["spec"]["metrics"]
    assert "cpu: <unknown>/60%" in table["rows"][0]["cells"]


async def test_a_client_of_version_1_loses_nothing(api):
    """It reads an object with a metric it does not know, changes a number, and writes back."""
    await api.make(V2, {"metadata": {"name": "web"}, "spec": {
        "scaleTargetRef": TARGET, "maxReplicas": 3, "metrics": [MEMORY, CPU]}})
    _, old = await api.ask("GET", f"{V1}/web")
    old["spec"]["maxReplicas"] = 9
    code, _ = await api.ask("PUT", f"{V1}/web", old)
    patched, _ = await api.ask("PATCH", f"{V1}/web", {"spec": {"minReplicas": 2}}, content_type=MERGE)
    _, new = await api.ask("GET", f"{V2}/web")

    assert (200, 200) == (code, patched)
    assert (2, 9) == (new["spec"]["minReplicas"], new["spec"]["maxReplicas"])
    assert [MEMORY, CPU] == new["spec"]["metrics"]
    assert "annotations" not in new["metadata"]


@pytest.mark.parametrize("metric", [CPU, MEMORY, SIDECAR, PODS, OBJECT, EXTERNAL], ids=lambda row: row["type"])
def test_every_metric_survives_the_way_there_and_back(metric):
    """Specs, statuses, behaviour and conditions alike."""
    source = next(key for key in metric if key != "type")
    current = {key: value for key, value in metric[source].items() if key != "target"}
    measured = {key: value for key, value in metric[source]["target"].items() if key != "type"}
    whole = {
        "metadata": {"name": "web", "annotations": {"mine": "stays"}},
        "spec": {"maxReplicas": 3, "metrics": [metric], "behavior": {"scaleUp": {"tolerance": "100m"}}},
        "status": {"currentReplicas": 1, "desiredReplicas": 2, "conditions": [{"type": "AbleToScale", "status": "True"}],
                   "currentMetrics": [{"type": metric["type"], source: {**current, "current": measured}}]},
    }
    kept = orjson.dumps(whole)

    assert whole == autoscalers.to_v2(autoscalers.to_v1(whole))
    assert kept == orjson.dumps(whole), "the original stays as it was"


@pytest.mark.parametrize(("rider", "text"), [
    *((autoscalers.METRICS, text) for text in ("{", "5", "[1]", '[{"type":"Resource","resource":7}]',
                                               '[{"type":"Resource","resource":{"name":"cpu","targetAverageValue":{}}}]')),
    *((autoscalers.BEHAVIOR, text) for text in ("[]", '{"scaleUp":5}', '{"scaleDown":{"policies":7}}')),
    (autoscalers.CONDITIONS, '{"a":1}'), (autoscalers.CURRENT, '[{"type":"Resource","resource":{"current":3}}]'),
])
async def test_an_annotation_that_cannot_be_read_counts_as_none(api, rider, text):
    """Somebody writes into the annotations that carry version 2: the object is made without, as by Kubernetes."""
    made = await api.make(V1, {
        "metadata": {"name": "odd", "annotations": {rider: text}}, "spec": {"scaleTargetRef": TARGET, "maxReplicas": 3}})
    _, seen = await api.ask("GET", f"{V2}/odd")

    assert 80 == made["spec"]["targetCPUUtilizationPercentage"]
    assert {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}} == seen["spec"]["metrics"][0]["resource"]
    assert "annotations" not in seen["metadata"]
    assert "behavior" not in seen["spec"]


async def test_a_metric_of_an_unknown_sort_in_an_annotation_is_refused(api):
    """It can be read, and is not allowed."""
    code, status = await api.ask("POST", V1, {
        "metadata": {"name": "bad", "annotations": {autoscalers.METRICS: '[{"type":"Nonsense"}]'}},
        "spec": {"scaleTargetRef": TARGET, "maxReplicas": 3}})

    assert (422, "spec.metrics[0].type") == (code, status["details"]["causes"][0]["field"])


async def test_deprecated_kinds_warn(api):
    """Endpoints still work, and kubectl tells its user what to use instead."""
    answer = await api.call("GET", "/api/v1/namespaces/default/endpoints")

    assert 200 == answer.status
    assert "use discovery.k8s.io/v1 EndpointSlice" in answer.headers["Warning"]


STRATEGIC = "application/strategic-merge-patch+json"
DEBUGGER = {"spec": {"ephemeralContainers": [{"name": "debug", "image": "busybox"}]}}
SMALL = {"name": "c", "image": "i", "resources": {"requests": {"cpu": "100m"}}}


def sized(**amounts):
    return {"spec": {"containers": [{"name": "c", "resources": {"requests": amounts}}]}}


async def a_pod(api, *, placed=False):
    pods = "/api/v1/namespaces/default/pods"
    await api.make(pods, {"metadata": {"name": "p"}, "spec": {"containers": [SMALL]}})
    if placed:
        code, _ = await api.ask("POST", f"{pods}/p/binding", {"target": {"name": "n"}})
        assert 201 == code
    return f"{pods}/p"


async def test_an_ephemeral_container_is_added(api):
    """A debugger comes into a pod; the generation tells, and it can neither change nor go again."""
    path = await a_pod(api)
    code, pod = await api.ask("PATCH", f"{path}/ephemeralcontainers", DEBUGGER, content_type=STRATEGIC)
    assert (200, ["debug"], 2) == (
        code, [one["name"] for one in pod["spec"]["ephemeralContainers"]], pod["metadata"]["generation"])

    code, status = await api.ask(
        "PATCH", f"{path}/ephemeralcontainers", {"spec": {"ephemeralContainers": []}}, content_type=MERGE)
    assert 422 == code
    assert 'existing ephemeral containers "debug" may not be removed' in status["message"]


@pytest.mark.parametrize("placed", [False, True], ids=["waiting", "placed"])
async def test_a_pod_is_resized(api, placed):
    """Nothing else that the body says comes through."""
    path = await a_pod(api, placed=placed)
    body = sized(cpu="200m")
    body["spec"]["containers"][0]["image"] = "other"
    code, pod = await api.ask("PATCH", f"{path}/resize", body, content_type=STRATEGIC)

    (container,) = pod["spec"]["containers"]
    assert (200, "200m", "i", 2) == (
        code, container["resources"]["requests"]["cpu"], container["image"], pod["metadata"]["generation"])


async def test_a_whole_pod_is_resized(api):
    """What the pod as a whole asks for changes; it cannot be taken away, nor leave its class of service."""
    pods = "/api/v1/namespaces/default/pods"
    await api.make(pods, {"metadata": {"name": "w"}, "spec": {
        "containers": [SMALL], "resources": {"requests": {"cpu": "200m"}, "limits": {"cpu": "400m"}}}})
    body = {"spec": {"resources": {"requests": {"cpu": "300m"}, "limits": {"cpu": "600m"}}}}
    code, pod = await api.ask("PATCH", f"{pods}/w/resize", body, content_type=MERGE)
    assert (200, "600m", 2) == (code, pod["spec"]["resources"]["limits"]["cpu"], pod["metadata"]["generation"])

    code, status = await api.ask("PATCH", f"{pods}/w/resize", {"spec": {"resources": {"limits": None}}}, content_type=MERGE)
    assert (422, True) == (code, "resource limits cannot be removed" in status["message"])


@pytest.mark.parametrize(("body", "content_type", "words"), [
    pytest.param(sized(**{"ephemeral-storage": "1Gi"}), STRATEGIC, "only cpu and memory resources are mutable", id="storage"),
    pytest.param({"spec": {"containers": [{"name": "c", "image": "i"}]}}, MERGE, "resource requests cannot be removed", id="without"),
    pytest.param({"spec": {"containers": [{"name": "d", "image": "i"}]}}, MERGE, "containers may not be renamed or reordered", id="renamed"),
    pytest.param({"spec": {"containers": [SMALL, {"name": "d", "image": "i"}]}}, MERGE, "containers may not be added or removed", id="one more"),
])
async def test_what_a_resize_may_not(api, body, content_type, words):
    """Only processor and memory of the containers that are there."""
    path = await a_pod(api)
    code, status = await api.ask("PATCH", f"{path}/resize", body, content_type=content_type)

    assert (422, True) == (code, words in status["message"]), status
