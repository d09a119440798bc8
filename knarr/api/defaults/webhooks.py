"""Defaults of webhook configurations. Source: kube pkg/apis/admissionregistration/v1/defaults.go."""

from __future__ import annotations

from typing import Any

TIMEOUT_S = 10
PORT = 443


def validating(obj: dict[str, Any]) -> None:
    """Fill every webhook: what fails refuses, within ten seconds, for all objects the rules name."""
    for hook in obj.get("webhooks") or ():
        service = (hook.get("clientConfig") or {}).get("service")
        if service is not None:
            service.setdefault("port", PORT)
        for rule in hook.get("rules") or ():
            rule.setdefault("scope", "*")
        hook.setdefault("failurePolicy", "Fail")
        hook.setdefault("matchPolicy", "Equivalent")
        hook.setdefault("namespaceSelector", {})
        hook.setdefault("objectSelector", {})
        hook.setdefault("timeoutSeconds", TIMEOUT_S)


def mutating(obj: dict[str, Any]) -> None:
    """The same; and no second call."""
    validating(obj)
    for hook in obj.get("webhooks") or ():
        hook.setdefault("reinvocationPolicy", "Never")
