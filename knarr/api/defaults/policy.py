"""Defaults of PriorityClass, PodDisruptionBudget and HorizontalPodAutoscaler.

Source: kube pkg/apis/scheduling/v1/defaults.go, pkg/apis/autoscaling/v2/defaults.go.
"""

from __future__ import annotations

from typing import Any, Final

CPU_PERCENT: Final = 80   # the target when no metric is named
UP: Final = [
    {"type": "Pods", "value": 4, "periodSeconds": 15},
    {"type": "Percent", "value": 100, "periodSeconds": 15},
]
DOWN: Final = [{"type": "Percent", "value": 100, "periodSeconds": 15}]


def priority_class(obj: dict[str, Any]) -> None:
    """Fill the value and the preemption policy."""
    obj.setdefault("value", 0)
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")


def budget(obj: dict[str, Any]) -> None:
    """Show a PodDisruptionBudget's spec, even an empty one."""
    obj.setdefault("spec", {})


def horizontal_pod_autoscaler(obj: dict[str, Any]) -> None:
    """Fill the least replicas, the metric, and the behaviour where one was begun."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if str(obj.get("apiVersion", "")).endswith("/v1"):
        return
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": CPU_PERCENT}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is None:
        return
    _direction(behavior, "scaleUp", UP)
    _direction(behavior, "scaleDown", DOWN)
    if "stabilizationWindowSeconds" not in behavior["scaleUp"]:
        behavior["scaleUp"]["stabilizationWindowSeconds"] = 0


def _direction(behavior: dict[str, Any], name: str, policies: list[dict[str, Any]]) -> None:
    rules = behavior.setdefault(name, {})
    rules.setdefault("selectPolicy", "Max")
    if "policies" not in rules:
        rules["policies"] = [dict(policy) for policy in policies]
