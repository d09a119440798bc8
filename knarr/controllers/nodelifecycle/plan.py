"""Decide what a node's silence or troubles mean for it and its pods. Pure.

Source: kube controller/nodelifecycle/node_lifecycle_controller.go, controller/tainteviction/taint_eviction.go.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from knarr.api.tolerations import tolerates
from knarr.api.types.coordination_v1 import Lease
from knarr.api.types.core_v1 import Node, NodeCondition, Pod, Taint
from knarr.base.times import rfc3339, seconds
from knarr.reconcile.actions import Action, After, Delete, Event, Patch

GRACE_S = 50.0  # a node may be silent for that long. Source: kube --node-monitor-grace-period
LEASE_S = 40    # kubelet's leases; a shorter one says that its node will be heard more often
RENEW_S, RENEW_QUICK_S = 10.0, 2.0  # how often our agents renew: alone, and where others can take their pods over
RENEWALS_MAX = 500   # a second, of all nodes together: a sixth of what the server writes in that time
HELD_LOOK_S = 20.0   # how often a braked node is looked at again
PACE = "knarr.dev/renew-every"  # annotation of a lease: our agents read there how often to renew it, in seconds
STRATEGIC = "application/strategic-merge-patch+json"
NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
CORDONED = "node.kubernetes.io/unschedulable"
# The taint that a condition brings, by type and status. Source: kube nodeConditionToTaintKeyStatusMap.
BY_CONDITION = {
    ("Ready", "False"): NOT_READY,
    ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
}
OURS = frozenset({*BY_CONDITION.values(), CORDONED})
WATCHED = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
OVER = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class View:
    """One node.

    silent_s: since its last sign of life; grace_s: how long that may be. held_s: how long its pods must be left alone
    even if it is lost (`brake`). renew_s: how often an agent of ours shall renew its lease.
    """

    node: Node
    pods: tuple[Pod, ...]
    silent_s: float
    held_s: float
    now_s: float
    grace_s: float = GRACE_S
    lease: Lease | None = None
    renew_s: float = RENEW_S


def plan(view: View) -> list[Action]:
    """Mark a silent node, taint it by its conditions, and evict what does not tolerate that."""
    if view.silent_s >= view.grace_s and _claims_to_live(view.node):
        return _mark_unknown(view)
    actions: list[Action] = [*_taint(view), *_pace(view)]
    if not actions:
        actions = [*_unready_pods(view), *_evict(view)]
    if _claims_to_live(view.node) and view.silent_s < view.grace_s:
        actions.append(After(view.grace_s - view.silent_s + 0.1))  # a moment later, so that the grace is over then
    if view.held_s:
        actions.append(After(min(view.held_s, HELD_LOOK_S)))
    return actions


def renew_s(nodes: int) -> float:
    """Return how often each of so many nodes shall renew its lease, so that the server is not kept busy by it.

    Haste is of no use to a node that is alone: there is none to take its pods over.
    """
    return RENEW_S if nodes < 2 else min(max(RENEW_QUICK_S, math.ceil(nodes / RENEWALS_MAX)), RENEW_S)


def promised_s(lease: Lease | None) -> float:
    """Return how long a node may be silent: as long as its lease holds, where that is shorter than kubelet's."""
    promised = lease.spec.leaseDurationSeconds if lease is not None else None
    return GRACE_S if promised is None or promised >= LEASE_S else float(max(promised, 1))


def is_evicted(node: Node) -> bool:
    """Tell whether the node bears the taint already that drives pods away."""
    return any(one.effect == "NoExecute" and one.key in (NOT_READY, UNREACHABLE) for one in node.spec.taints)


def is_ready(node: Node) -> bool:
    """Tell whether the node says that it is ready, or is taken to be."""
    return any(one.type == "Ready" and one.status == "True" for one in node.status.conditions)


def _claims_to_live(node: Node) -> bool:
    """Tell whether any watched condition is not yet Unknown, or missing."""
    known = {one.type: one.status for one in node.status.conditions}
    return any(known.get(one) != "Unknown" for one in WATCHED)


def _mark_unknown(view: View) -> list[Action]:
    now = rfc3339(view.now_s)
    known = {one.type: one for one in view.node.status.conditions}
    fresh = [_unknown(one, known.get(one), now) for one in WATCHED]
    patch = {"metadata": {"uid": view.node.metadata.uid}, "status": {"conditions": fresh}}
    actions: list[Action] = [Patch(view.node, patch, content_type=STRATEGIC, subresource="status")]
    if is_ready(view.node):
        said = f"Node {view.node.metadata.name} status is now: NodeNotReady"
        actions.append(Event(view.node, "NodeNotReady", said))
    return actions


def _unknown(type_: str, known: NodeCondition | None, now: str) -> dict[str, Any]:
    if known is None:
        reason, message, heartbeat = "NodeStatusNeverUpdated", "Kubelet never posted node status.", now
    else:
        reason, message = "NodeStatusUnknown", "Kubelet stopped posting node status."
        heartbeat = known.lastHeartbeatTime or now
    changed = now if known is None or known.status != "Unknown" else known.lastTransitionTime
    return {
        "type": type_, "status": "Unknown", "reason": reason, "message": message,
        "lastHeartbeatTime": heartbeat, "lastTransitionTime": changed,
    }


def _taint(view: View) -> Iterator[Action]:
    """Bring the taints in line with the conditions; others' taints are left alone."""
    node = view.node
    wanted = _wanted(view)
    kept = [one for one in node.spec.taints if not _is_ours(one)]
    held = {(one.key, one.effect): one for one in node.spec.taints if _is_ours(one)}
    if held.keys() == wanted.keys():
        return
    now = rfc3339(view.now_s)
    ours = [
        held.get(one) or Taint(key=one[0], effect=one[1], timeAdded=now if one[1] == "NoExecute" else None)
        for one in wanted
    ]
    listed = [_fields(one) for one in (*kept, *ours)]
    meta = {"uid": node.metadata.uid, "resourceVersion": node.metadata.resourceVersion}
    yield Patch(node, {"metadata": meta, "spec": {"taints": listed or None}})


def _wanted(view: View) -> dict[tuple[str, str], None]:
    """Return key and effect of the taints that the node should have, in order."""
    wanted: dict[tuple[str, str], None] = {}
    for one in view.node.status.conditions:
        key = BY_CONDITION.get((one.type, one.status))
        if key is not None:
            wanted[key, "NoSchedule"] = None
        if key in (NOT_READY, UNREACHABLE) and not view.held_s:
            wanted[key, "NoExecute"] = None
    if view.node.spec.unschedulable:
        wanted[CORDONED, "NoSchedule"] = None
    return wanted


def _pace(view: View) -> Iterator[Action]:
    """Tell an agent of ours how often to renew its lease."""
    lease, wanted = view.lease, f"{view.renew_s:g}"
    if lease is not None and lease.metadata.annotations.get(PACE, wanted) != wanted:
        meta = {"resourceVersion": lease.metadata.resourceVersion, "annotations": {PACE: wanted}}
        yield Patch(lease, {"metadata": meta})


def _is_ours(taint: Taint) -> bool:
    return taint.key in OURS and taint.effect in ("NoSchedule", "NoExecute")


def _unready_pods(view: View) -> Iterator[Action]:
    """Pods of a node that is not heard are not ready: services must not send to them. Source: kube MarkPodsNotReady."""
    ready = next((one for one in view.node.status.conditions if one.type == "Ready"), None)
    if ready is None or ready.status != "Unknown":
        return
    for pod in view.pods:
        if any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions):
            condition = {"type": "Ready", "status": "False", "lastTransitionTime": rfc3339(view.now_s)}
            patch = {"metadata": {"uid": pod.metadata.uid}, "status": {"conditions": [condition]}}
            yield Patch(pod, patch, content_type=STRATEGIC, subresource="status")
            yield Event(pod, "NodeNotReady", "Node is not ready", type="Warning")


def _evict(view: View) -> Iterator[Action]:
    """Delete pods that do not tolerate a NoExecute taint, or no longer; wait for the others."""
    taints = [one for one in view.node.spec.taints if one.effect == "NoExecute"]
    next_s: list[float] = []
    for pod in view.pods if taints else ():
        if pod.metadata.deletionTimestamp is not None or pod.status.phase in OVER:
            continue
        left_s = _stays_s(pod, taints, now_s=view.now_s)
        if left_s is None:
            continue
        if left_s > 0:
            next_s.append(left_s)
            continue
        yield from _marked(pod, now=rfc3339(view.now_s))
    if next_s:
        yield After(min(next_s))


def _stays_s(pod: Pod, taints: list[Taint], *, now_s: float) -> float | None:
    """Return for how long the pod may still stay; None: for good. Each taint's clock runs from when it was put on."""
    left: list[float] = []
    for taint in taints:
        covering = [one for one in pod.spec.tolerations if tolerates(one, taint)]
        if not covering:
            return 0.0
        limits = [one.tolerationSeconds for one in covering if one.tolerationSeconds is not None]
        if limits:
            since_s = seconds(taint.timeAdded) if taint.timeAdded else now_s
            left.append(since_s + max(min(limits), 0) - now_s)
    return min(left, default=None)


def _marked(pod: Pod, *, now: str) -> list[Action]:
    message = "Taint manager: deleting due to NoExecute taint"
    condition = {
        "type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager", "message": message,
        "lastTransitionTime": now,
    }
    patch = {"metadata": {"uid": pod.metadata.uid}, "status": {"conditions": [condition]}}
    said = f"Marking for deletion Pod {pod.metadata.namespace}/{pod.metadata.name}"
    return [
        Event(pod, "TaintManagerEviction", said),
        Patch(pod, patch, content_type=STRATEGIC, subresource="status"),
        Delete(pod),
    ]


def _fields(taint: Taint) -> dict[str, Any]:
    fields = {"key": taint.key, "value": taint.value, "effect": taint.effect, "timeAdded": taint.timeAdded}
    return {key: value for key, value in fields.items() if value is not None}
