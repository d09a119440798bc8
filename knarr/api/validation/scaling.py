"""Check HorizontalPodAutoscalers, PodDisruptionBudgets and PriorityClasses.

Source: kube pkg/apis/autoscaling/validation, policy/validation, scheduling/validation.
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api import quantity
from knarr.api.validation import metrics
from knarr.api.validation.amounts import at_most_all, count_or_percent
from knarr.api.validation.goview import show
from knarr.api.validation.selector import label_selector
from knarr.api.validation.spot import Spot

WINDOW_MAX_S: Final = 3600
PERIOD_MAX_S: Final = 1800
SELECT: Final = ("Disabled", "Max", "Min")
POLICIES: Final = ("Percent", "Pods")
EVICTION: Final = ("AlwaysAllow", "IfHealthyBudget")
PREEMPTION: Final = ("PreemptLowerPriority", "Never")
PRIORITY_MAX: Final = 1_000_000_000
SYSTEM_CLASSES: Final = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


def autoscaler(root: Spot, obj: dict[str, Any]) -> None:
    """Check a HorizontalPodAutoscaler."""
    spot, spec = root.at("spec"), obj["spec"]
    least, most = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    if least is not None and least < 1:
        spot.at("minReplicas").invalid(least, "must be greater than or equal to 1")
    if most < 1:
        spot.at("maxReplicas").required("must be set and greater than 0")
    if least is not None and most < least:
        spot.at("maxReplicas").invalid(most, "must be greater than or equal to `minReplicas`")
    metrics.reference(spot.at("scaleTargetRef"), spec.get("scaleTargetRef") or {}, grouped=True)
    measured = spec.get("metrics") or ()
    for number, metric in enumerate(measured):
        metrics.metric(spot.at("metrics").index(number), metric)
    if least == 0 and not any(metric.get("type") in ("Object", "External") for metric in measured):
        spot.at("metrics").forbidden(
            "must specify at least one Object or External metric to support scaling to zero replicas")
    for name in ("scaleUp", "scaleDown"):
        rules = (spec.get("behavior") or {}).get(name)
        if rules is not None:
            _rules(spot.at("behavior").at(name), rules)


def budget(root: Spot, obj: dict[str, Any]) -> None:
    """Check a PodDisruptionBudget."""
    spot, spec = root.at("spec"), obj["spec"]
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        spot.invalid(show("BudgetSpec", spec), "minAvailable and maxUnavailable cannot be both set")
    for name in ("minAvailable", "maxUnavailable"):
        count_or_percent(spot.at(name), spec.get(name))
        at_most_all(spot.at(name), spec.get(name))
    label_selector(spot.at("selector"), spec.get("selector"))
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in EVICTION:
        spot.at("unhealthyPodEvictionPolicy").unsupported(policy, EVICTION)


def priority_class(root: Spot, obj: dict[str, Any]) -> None:
    """Check a PriorityClass; names and values of the system are its own."""
    name, value = obj["metadata"].get("name") or "", obj.get("value", 0)
    if name.startswith("system-"):
        if SYSTEM_CLASSES.get(name) != value:
            why = (f"{name} is not a known system priority class" if name not in SYSTEM_CLASSES
                   else f"value of {name} PriorityClass must be {SYSTEM_CLASSES[name]}")
            root.at("metadata").at("name").forbidden(
                f"priority class names with 'system-' prefix are reserved for system use only. error: {why}")
    elif value > PRIORITY_MAX:
        root.at("value").forbidden(f"maximum allowed value of a user defined priority is {PRIORITY_MAX}")
    policy = obj.get("preemptionPolicy")
    if policy is not None and policy not in PREEMPTION:
        root.at("preemptionPolicy").unsupported(policy, PREEMPTION)


def priority_class_update(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check that pods keep the priority they were promised."""
    if new.get("value", 0) != old.get("value", 0):
        root.at("value").forbidden("may not be changed in an update.")
    root.at("preemptionPolicy").unchanged(new.get("preemptionPolicy"), old.get("preemptionPolicy"))


def _rules(spot: Spot, rules: dict[str, Any]) -> None:
    window = rules.get("stabilizationWindowSeconds")
    if window is not None:
        spot.at("stabilizationWindowSeconds").not_negative(window)
        if window > WINDOW_MAX_S:
            spot.at("stabilizationWindowSeconds").invalid(window, f"must be less than or equal to {WINDOW_MAX_S}")
    select = rules.get("selectPolicy")
    if select is not None and select not in SELECT:
        spot.at("selectPolicy").unsupported(select, SELECT)
    if not rules.get("policies"):
        spot.at("policies").required("must specify at least one Policy")
    for number, policy in enumerate(rules.get("policies") or ()):
        inner = spot.at("policies").index(number)
        if policy.get("type") not in POLICIES:
            inner.at("type").unsupported(policy.get("type") or "", POLICIES)
        for name in ("value", "periodSeconds"):
            if policy.get(name, 0) <= 0:
                inner.at(name).invalid(policy.get(name, 0), "must be greater than zero")
        if policy.get("periodSeconds", 0) > PERIOD_MAX_S:
            inner.at("periodSeconds").invalid(policy["periodSeconds"], f"must be less than or equal to {PERIOD_MAX_S}")
    tolerance = rules.get("tolerance")
    if tolerance is not None and quantity.parse(tolerance) < quantity.Quantity(0):
        spot.at("tolerance").invalid(tolerance, "must be greater than or equal to 0")


def autoscaler_status(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check a change of a HorizontalPodAutoscaler's status."""
    for name in ("currentReplicas", "desiredReplicas"):
        root.at("status").at(name).not_negative((new.get("status") or {}).get(name, 0))
