"""Decide what a PodDisruptionBudget's status shows: how many pods may be disturbed now.

Source: kube controller/disruption/disruption.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from msgspec import structs, to_builtins

from knarr.api.types.core_v1 import Pod
from knarr.api.types.meta_v1 import Condition
from knarr.api.types.policy_v1 import PodDisruptionBudget
from knarr.base.times import rfc3339, seconds
from knarr.reconcile.actions import Action, After, Event, Patch
from knarr.reconcile.status import difference, set_condition

GRACE_S: Final = 120.0  # an eviction counts until its pod goes, but not longer. Source: kube DeletionTimeout
ALLOWED: Final = "DisruptionAllowed"


@dataclass(frozen=True, slots=True)
class Expected:
    """How many pods the budget's pods are part of. fault: why that cannot be told."""

    pods: int
    fault: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """One budget. pods: all that it selects. expected: what their owners want."""

    budget: PodDisruptionBudget
    pods: tuple[Pod, ...]
    expected: Expected
    now_s: float


def plan(view: View) -> list[Action]:
    """Write the status where it differs; look again when an eviction that did not happen may be forgotten."""
    disrupted, again_s = disrupted_pods(view)
    status = view.budget.status
    fields = _sync_failed(view) if view.expected.fault else _counts(view, disrupted)
    condition = _condition(view, fields)
    fresh = structs.replace(status, **fields, conditions=set_condition(status.conditions, condition))
    if status.observedGeneration != fresh.observedGeneration:
        fresh = structs.replace(fresh, conditions=tuple(
            structs.replace(one, observedGeneration=view.budget.metadata.generation) if one.type == ALLOWED else one
            for one in fresh.conditions))
    changes = difference(to_builtins(status), to_builtins(fresh))
    actions: list[Action] = [] if view.pods else [Event(view.budget, "NoPods", "No matching pods found")]
    if changes:
        patch = {"metadata": {"resourceVersion": view.budget.metadata.resourceVersion}, "status": changes}
        actions.append(Patch(view.budget, patch, subresource="status"))
        if view.expected.fault:
            actions.append(Event(view.budget, "CalculateExpectedPodCountFailed",
                                 f"Failed to calculate the number of expected pods: {view.expected.fault}", "Warning"))
    return [*actions, After(again_s)] if again_s is not None else actions


def _counts(view: View, disrupted: dict[str, str]) -> dict[str, Any]:
    healthy = sum(is_healthy(pod) for pod in view.pods if (pod.metadata.name or "") not in disrupted)
    desired, expected = desired_healthy(view)
    allowed = max(healthy - desired, 0) if expected > 0 else 0
    return {"currentHealthy": healthy, "desiredHealthy": desired, "expectedPods": expected,
            "disruptionsAllowed": allowed, "disruptedPods": disrupted,
            "observedGeneration": view.budget.metadata.generation}


def _sync_failed(view: View) -> dict[str, Any]:
    return {"disruptionsAllowed": 0, "observedGeneration": view.budget.metadata.generation}


def _condition(view: View, fields: dict[str, Any]) -> Condition:
    allowed = fields["disruptionsAllowed"] > 0
    reason = "SyncFailed" if view.expected.fault else "SufficientPods" if allowed else "InsufficientPods"
    return Condition(
        type=ALLOWED, status="True" if allowed else "False", reason=reason, message=view.expected.fault,
        lastTransitionTime=rfc3339(view.now_s), observedGeneration=view.budget.metadata.generation)


def desired_healthy(view: View) -> tuple[int, int]:
    """Return how many pods must stay healthy, of how many."""
    spec, expected = view.budget.spec, view.expected.pods
    if spec.maxUnavailable is not None:
        return max(expected - _of(spec.maxUnavailable, expected), 0), expected
    if spec.minAvailable is not None:
        return _of(spec.minAvailable, expected), expected
    return 0, expected


def _of(amount: int | str, whole: int) -> int:
    """Read a number or a percentage, rounded up."""
    if isinstance(amount, str) and amount.endswith("%"):
        return ceil(int(amount[:-1]) * whole / 100)
    return int(amount)


def is_healthy(pod: Pod) -> bool:
    """Say whether a pod counts: ready, and not on its way out."""
    return pod.metadata.deletionTimestamp is None and any(
        one.type == "Ready" and one.status == "True" for one in pod.status.conditions)


def disrupted_pods(view: View) -> tuple[dict[str, str], float | None]:
    """Return the evictions that still count, and after how many seconds one of them no longer will."""
    present = {pod.metadata.name or "": pod for pod in view.pods}
    kept: dict[str, str] = {}
    again_s: float | None = None
    for name, text in view.budget.status.disruptedPods.items():
        pod = present.get(name)
        left_s = seconds(text) + GRACE_S - view.now_s
        if pod is None or pod.metadata.deletionTimestamp is not None or left_s <= 0:
            continue
        kept[name] = text
        again_s = left_s if again_s is None else min(again_s, left_s)
    return kept, again_s

