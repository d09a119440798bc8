"""Print claims for devices and what there is to claim. Source: kube pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from knarr.api.columns.view import AGE, NAME, Obj, View, age, at, columns, name


def _claim_cells(obj: Obj, now_s: float) -> list[Any]:
    return [name(obj), claim_state(obj), age(obj, now_s)]


def claim_state(obj: Obj) -> str:
    """Return what has become of a ResourceClaim: `pending`, `allocated,reserved`, …"""
    status, leaving = obj.get("status") or {}, bool(obj["metadata"].get("deletionTimestamp"))
    states = ["deleted"] if leaving else []
    if status.get("allocation") is None:
        return ",".join(states or ["pending"])
    states.append("allocated")
    if status.get("reservedFor"):
        states.append("reserved")
    return ",".join(states)


def _named_cells(obj: Obj, now_s: float) -> list[Any]:
    return [name(obj), age(obj, now_s)]


def _slice_cells(obj: Obj, now_s: float) -> list[Any]:
    spec = obj.get("spec") or {}
    return [name(obj), spec.get("nodeName", ""), spec.get("driver", ""), at(spec, "pool", "name") or "",
            age(obj, now_s)]


GROUP = "resource.k8s.io"
VIEWS = {
    (GROUP, "DeviceClass"): View((NAME, AGE), _named_cells),
    (GROUP, "ResourceClaim"): View((NAME, *columns("State"), AGE), _claim_cells),
    (GROUP, "ResourceClaimTemplate"): View((NAME, AGE), _named_cells),
    (GROUP, "ResourceSlice"): View((NAME, *columns("Node", "Driver", "Pool"), AGE), _slice_cells),
}
