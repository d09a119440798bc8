"""Decide what the server owns in APIServices. Source: kube-aggregator pkg/registry/apiservice/strategy.go."""

from __future__ import annotations

from typing import Any

LOCAL = ("True", "Local", "Local APIServices are always available")
Obj = dict[str, Any]


def create(draft: Obj) -> None:
    """Begin a status: what this server answers itself is there at once."""
    if (draft.get("spec") or {}).get("service") is not None:
        return
    status, reason, message = LOCAL
    row = {"type": "Available", "status": status, "lastTransitionTime": draft["metadata"].get("creationTimestamp"),
           "reason": reason, "message": message}
    draft["status"] = {"conditions": [row]}
