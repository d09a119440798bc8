"""Decide which pods to clear away. Source: kube controller/podgc/gc_controller.go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from knarr.api.types.core_v1 import Pod
from knarr.reconcile.actions import Action, After, Delete, Patch

OVER = ("Succeeded", "Failed")
QUARANTINE_S = 40.0        # a node may be missing for that long. Source: kube quarantineTime
FINISHED_MAX = 12_500      # Source: kube --terminated-pod-gc-threshold
AT_ONCE: dict[str, Any] = {"gracePeriodSeconds": 0}
STRATEGIC = "application/strategic-merge-patch+json"


@dataclass(frozen=True, slots=True)
class PodView:
    """One pod. missing_s: how long its node has been missing; None: it is there, or the pod has none."""

    pod: Pod
    missing_s: float | None


@dataclass(frozen=True, slots=True)
class FinishedView:
    """All pods that have ended."""

    pods: tuple[Pod, ...]


View: TypeAlias = PodView | FinishedView


def plan(view: View) -> list[Action]:
    """Delete at once what no node agent will delete."""
    if isinstance(view, FinishedView):
        surplus = len(view.pods) - FINISHED_MAX
        if surplus <= 0:
            return []
        oldest = sorted(view.pods, key=lambda pod: (pod.metadata.creationTimestamp or "", pod.metadata.name or ""))
        return [Delete(pod, options=AT_ONCE) for pod in oldest[:surplus]]
    pod = view.pod
    if pod.metadata.deletionTimestamp is not None and not pod.spec.nodeName:
        return _clear(pod, "PodGC: unscheduled and terminating")
    if view.missing_s is None:
        return []
    if view.missing_s < QUARANTINE_S:
        return [After(QUARANTINE_S - view.missing_s)]
    return _clear(pod, "PodGC: node no longer exists")


def _clear(pod: Pod, why: str) -> list[Action]:
    """Mark a pod as failed first, so that whoever counts pods knows how it ended."""
    if pod.status.phase in OVER:
        return [Delete(pod, options=AT_ONCE)]
    lost = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC", "message": why}
    status = {"phase": "Failed", "conditions": [lost]}
    patch = {"metadata": {"uid": pod.metadata.uid}, "status": status}
    return [
        Patch(pod, patch, content_type=STRATEGIC, subresource="status"),
        Delete(pod, options=AT_ONCE),
    ]
