"""Defaults of claims for devices. Source: kube pkg/apis/resource/v1/defaults.go."""

from __future__ import annotations

from typing import Any


def claim(obj: dict[str, Any]) -> None:
    """Fill a ResourceClaim: one device of its class, unless it says how many."""
    _spec(obj.setdefault("spec", {}))


def template(obj: dict[str, Any]) -> None:
    """Fill a ResourceClaimTemplate."""
    _spec(obj.setdefault("spec", {}).setdefault("spec", {}))


def resource_slice(obj: dict[str, Any]) -> None:
    """Show the parts of a ResourceSlice that are always there."""
    obj.setdefault("spec", {}).setdefault("pool", {})


def _spec(spec: dict[str, Any]) -> None:
    for request in spec.setdefault("devices", {}).get("requests") or ():
        if request.get("exactly") is not None:
            _request(request["exactly"])
        for alternative in request.get("firstAvailable") or ():
            _request(alternative)


def _request(request: dict[str, Any]) -> None:
    request["allocationMode"] = request.get("allocationMode") or "ExactCount"
    if request["allocationMode"] == "ExactCount":
        request["count"] = request.get("count") or 1
    for toleration in request.get("tolerations") or ():
        toleration["operator"] = toleration.get("operator") or "Equal"
