"""Write a condition into an object's status. Pure."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]


def differs(obj: Obj, wanted: Obj) -> bool:
    """Say whether an object lacks a condition, or has it otherwise."""
    for found in (obj.get("status") or {}).get("conditions") or ():
        if found["type"] == wanted["type"]:
            return any(found.get(key) != value for key, value in wanted.items())
    return True


def put(obj: Obj, wanted: Obj, now: str) -> None:
    """Put a condition into an object, in place of the one of its type; dated anew where its status moved."""
    status = obj.setdefault("status", {})
    conditions = status.setdefault("conditions", [])
    old = next((found for found in conditions if found["type"] == wanted["type"]), None)
    moved = old is None or old.get("status") != wanted["status"]
    new = {**wanted, "lastTransitionTime": now if moved or old is None else old.get("lastTransitionTime", now)}
    status["conditions"] = [one for one in conditions if one["type"] != wanted["type"]] + [new]
