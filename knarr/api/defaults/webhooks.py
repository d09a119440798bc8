"""Defaults of webhook configurations and admission policies.

Source: kube pkg/apis/admissionregistration/v1/defaults.go.
"""

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


def validating_policy(obj: dict[str, Any]) -> None:
    """Let a policy's faults refuse, for all objects that its rules name."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("failurePolicy", "Fail")
    _resources(spec.get("matchConstraints"))


def mutating_policy(obj: dict[str, Any]) -> None:
    """The same; and no second look."""
    validating_policy(obj)
    obj["spec"].setdefault("reinvocationPolicy", "Never")


def binding(obj: dict[str, Any]) -> None:
    """Let parameters that are not found refuse."""
    spec = obj.setdefault("spec", {})
    _resources(spec.get("matchResources"))
    if spec.get("paramRef") is not None:
        spec["paramRef"].setdefault("parameterNotFoundAction", "Deny")


def _resources(resources: dict[str, Any] | None) -> None:
    if resources is None:
        return
    for member in ("namespaceSelector", "objectSelector"):
        resources.setdefault(member, {})
    resources.setdefault("matchPolicy", "Equivalent")
    for member in ("resourceRules", "excludeResourceRules"):
        for rule in resources.get(member) or ():
            rule.setdefault("scope", "*")
