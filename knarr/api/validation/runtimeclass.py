"""Check RuntimeClasses. Source: kube pkg/apis/node/validation/validation.go."""

from __future__ import annotations

from typing import Any

from knarr.api.validation import formats, resources, scheduling
from knarr.api.validation.metadata import check_labels
from knarr.api.validation.spot import Spot


def runtime_class(root: Spot, obj: dict[str, Any]) -> None:
    """Check a RuntimeClass."""
    handler = obj.get("handler") or ""
    root.at("handler").each(handler, formats.dns_label(handler))
    fixed = (obj.get("overhead") or {}).get("podFixed") or {}
    for name, amount in fixed.items():
        resources.quantity(root.at("overhead").at("podFixed").key(name), name, amount)
    chosen = obj.get("scheduling") or {}
    check_labels(root.at("scheduling").at("nodeSelector"), chosen.get("nodeSelector") or {})
    scheduling.check(root.at("scheduling"), {"tolerations": chosen.get("tolerations") or []})
    seen: list[dict[str, Any]] = []
    for number, toleration in enumerate(chosen.get("tolerations") or ()):
        if toleration in seen:
            root.at("scheduling").at("tolerations").index(number).duplicate(toleration)
        seen.append(toleration)


def runtime_class_update(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Keep the handler: pods run by it."""
    root.at("handler").unchanged(new.get("handler") or "", old.get("handler") or "")
