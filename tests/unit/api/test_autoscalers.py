"""What a HorizontalPodAutoscaler may measure, held to kube's own rules and words."""

from __future__ import annotations

from typing import Any

import pytest

from knarr.api import kinds, validation

KIND = kinds.by_resource("autoscaling", "v2", "horizontalpodautoscalers")
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
QUEUE = {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "30"}}


def faults(**spec: Any) -> list[str]:
    whole = {"minReplicas": 1, "maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}, **spec}
    obj = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h", "namespace": "n"}, "spec": whole}
    assert KIND is not None
    return [str(cause) for cause in validation.create(KIND, obj)]


def resource(name: str = "cpu", **target: Any) -> dict[str, Any]:
    return {"type": "Resource", "resource": {"name": name, "target": target}}


@pytest.mark.parametrize(("metric", "said"), [
    pytest.param(CPU, [], id="a share"),
    pytest.param(resource(type="AverageValue", averageValue="100m"), [], id="an amount"),
    pytest.param(resource(type="Utilization"), ["resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization"], id="no target"),
    pytest.param(resource(type="Utilization", averageUtilization=0), ["resource.target.averageUtilization: Invalid value: 0: must be greater than 0"], id="no share"),
    pytest.param(resource(type="Utilization", averageUtilization=5, averageValue="1"),
                 ["resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization"], id="two targets"),
    pytest.param(resource("", type="Utilization", averageUtilization=5), ["resource.name: Required value: must specify a resource name"], id="of nothing"),
    pytest.param(resource(averageUtilization=5), ["resource.target.type: Required value: must specify a metric target type",
                                                  'resource.target.type: Invalid value: "": must be either Utilization, Value, or AverageValue'], id="no type"),
    pytest.param(resource(type="AverageValue", averageValue="-1"), ['resource.target.averageValue: Invalid value: "-1": must be positive'], id="negative"),
    pytest.param({"type": "ContainerResource", "containerResource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 5}}},
                 ["containerResource.container: Required value: must specify a container"], id="of no container"),
    pytest.param({"type": "Pods", "pods": QUEUE}, [], id="of pods"),
    pytest.param({"type": "Pods", "pods": {"metric": {"name": "a/b"}, "target": {"type": "Value", "value": "1"}}},
                 ['pods.metric.name: Invalid value: "a/b": may not contain \'/\'', "pods.target.averageValue: Required value: must specify a positive target averageValue"], id="of pods, wrongly"),
    pytest.param({"type": "External", "external": {**QUEUE, "target": {"type": "Value", "value": "1", "averageValue": "1"}}},
                 ["external.target.value: Forbidden: may not set both a target value for metric and a per-pod target"], id="from outside, twice"),
    pytest.param({"type": "External", "external": {"metric": {}, "target": {"type": "Value"}}},
                 ["external.metric.name: Required value: must specify a metric name",
                  "external.target.averageValue: Required value: must set either a target value for metric or a per-pod target"], id="from outside, without a name"),
    pytest.param({"type": "Object", "object": {**QUEUE, "describedObject": {"kind": "Service", "name": "s", "apiVersion": "v1"}}}, [], id="of an object"),
    pytest.param({"type": "Object", "object": {"metric": {"name": "q"}, "describedObject": {"name": "s", "apiVersion": "a/b/c"}, "target": {"type": "Value"}}},
                 ["object.describedObject.kind: Required value", 'object.describedObject.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
                  "object.target.averageValue: Required value: must set either a target value or averageValue"], id="of no object"),
    pytest.param({**CPU, "pods": QUEUE}, ["pods: Forbidden: must populate the given metric source only"], id="two sources"),
    pytest.param({"type": "Pods"}, ["pods: Required value: must populate information for the given metric source"], id="no source"),
])  # fmt: skip
def test_each_sort_of_metric_has_its_rules(metric, said):
    """One row, one metric."""
    assert [f"spec.metrics[0].{text}" for text in said] == faults(metrics=[metric])


def test_behaviour_and_status():
    """A tolerance below nothing, replicas below nothing."""
    rules = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}], "tolerance": "-0.1"}
    obj = {"metadata": {"name": "h", "namespace": "n"}, "spec": {}, "status": {"currentReplicas": -1}}
    assert KIND is not None

    assert ['spec.behavior.scaleUp.tolerance: Invalid value: "-0.1": must be greater than or equal to 0'] == faults(behavior={"scaleUp": rules})
    assert ["status.currentReplicas"] == [cause.field for cause in validation.update(KIND, obj, {**obj, "status": {}}, "status")]
