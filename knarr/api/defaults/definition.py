"""Complete CustomResourceDefinitions. Source: kube apiextensions pkg/apis/apiextensions/v1/defaults.go."""

from __future__ import annotations

from typing import Any

SERVICE_PORT = 443


def custom_resource_definition(obj: dict[str, Any]) -> None:
    """Fill the names that follow from others, and how versions are converted: not at all."""
    spec = obj.setdefault("spec", {})
    names = spec.setdefault("names", {})
    if names.get("kind"):
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", f"{names['kind']}List")
    spec.setdefault("conversion", {}).setdefault("strategy", "None")
    service = ((spec["conversion"].get("webhook") or {}).get("clientConfig") or {}).get("service")
    if service:
        service.setdefault("port", SERVICE_PORT)
