"""Decide what a ResourceQuota's status shows. Source: kube controller/resourcequota/resource_quota_controller.go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from knarr.api import quota
from knarr.api.podresources import Amounts, add
from knarr.api.quantity import Quantity
from knarr.api.types.core_v1 import ResourceQuota
from knarr.reconcile.actions import Action, After, Patch

AGAIN_S = 5.0  # after a count: what was charged for but not yet seen is in the watch by then
SOON_S = 0.2  # until the first list of a kind that nobody had asked for


@dataclass(frozen=True, slots=True)
class Counted:
    """What there is of one kind in the namespace. objects: plain dicts."""

    row: quota.Row
    objects: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class View:
    """One quota. counted: None while a kind it counts has not been listed yet."""

    resource_quota: ResourceQuota
    counted: tuple[Counted, ...] | None
    now_s: float


def plan(view: View) -> list[Action]:
    """Count anew, and write what differs; the revision is the precondition, so that no charge is overwritten."""
    if view.counted is None:
        return [After(SOON_S)]
    found, meta = view.resource_quota, view.resource_quota.metadata
    hard = dict(found.spec.hard)
    used = {name: str(amount) for name, amount in count(found, view.counted, now_s=view.now_s).items()}
    if found.status.hard == hard and found.status.used == used:
        return _when_next_gone(view.counted, view.now_s)
    gone = {name: None for name in found.status.used if name not in used}
    old = {name: None for name in found.status.hard if name not in hard}
    status = {"hard": {**old, **hard}, "used": {**gone, **used}}
    patch = {"metadata": {"resourceVersion": meta.resourceVersion}, "status": status}
    return [Patch(found, patch, subresource="status"), After(AGAIN_S)]


def _when_next_gone(counted: Iterable[Counted], now_s: float) -> list[Action]:
    """Look again when the next pod that is being deleted should be gone."""
    pods = (pod for one in counted if one.row == quota.PODS for pod in one.objects)
    due_s = [gone_s for gone_s in map(quota.gone_s, pods) if gone_s > now_s]
    return [After(min(due_s) - now_s)] if due_s else []


def count(resource_quota: ResourceQuota, counted: Iterable[Counted], *, now_s: float) -> Amounts:
    """Add up what a quota limits; what nothing uses is zero, what nobody counts is left out."""
    spec = resource_quota.spec
    scopes: dict[str, Any] = {"scopes": list(spec.scopes)}
    if spec.scopeSelector is not None:
        scopes["scopeSelector"] = {"matchExpressions": [
            {"scopeName": one.scopeName, "operator": one.operator, "values": list(one.values)}
            for one in spec.scopeSelector.matchExpressions
        ]}
    total: Amounts = {}
    for kind in counted:
        names = {name for name in spec.hard if quota.concerns(name, kind.row)}
        total = add({name: Quantity(0) for name in names}, total)
        for obj in kind.objects:
            if quota.covers(scopes, kind.row, obj):
                usage = quota.usage(kind.row, obj, now_s=now_s)
                total = add(total, {name: usage[name] for name in names if name in usage})
    return total
