"""Decide what the server owns in custom objects.

Source: kube apiextensions registry/customresource/{strategy,status_strategy}.go.
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]


def update_status(draft: Obj, old: Obj) -> None:
    """Keep everything but the status, metadata too."""
    status, managed = draft.get("status"), draft["metadata"].get("managedFields")
    draft.clear()
    draft.update(old, metadata=dict(old["metadata"]))
    draft.pop("status", None)
    if status is not None:
        draft["status"] = status
    if managed is not None:
        draft["metadata"]["managedFields"] = managed


def count(draft: Obj, old: Obj, *, has_status: bool) -> None:
    """Begin a new generation if anything but metadata (and a status of its own) has changed."""
    owned = {"metadata", "status"} if has_status else {"metadata"}
    now = {key: value for key, value in draft.items() if key not in owned}
    if now != {key: value for key, value in old.items() if key not in owned | {"apiVersion"}} | {
            "apiVersion": draft["apiVersion"]}:
        draft["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
