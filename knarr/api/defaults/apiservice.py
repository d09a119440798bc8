"""Defaults of APIServices. Source: kube-aggregator pkg/apis/apiregistration/v1/defaults.go."""

from __future__ import annotations

from typing import Any

PORT = 443


def api_service(obj: dict[str, Any]) -> None:
    """Name the port of the service."""
    service = (obj.get("spec") or {}).get("service")
    if service is not None:
        service.setdefault("port", PORT)
