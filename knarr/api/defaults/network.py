"""Defaults of Endpoints, EndpointSlice, NetworkPolicy and IngressClass.

Source: kube pkg/apis/discovery/v1/defaults.go, networking/v1/defaults.go, core/v1/defaults.go.
"""

from __future__ import annotations

from typing import Any


def endpoints(obj: dict[str, Any]) -> None:
    """Fill the ports' protocol."""
    for subset in obj.get("subsets", ()):
        for port in subset.get("ports", ()):
            port.setdefault("protocol", "TCP")


def endpoint_slice(obj: dict[str, Any]) -> None:
    """Fill ports and the conditions of each endpoint; both lists are always shown."""
    for endpoint in obj.setdefault("endpoints", []):
        endpoint.setdefault("conditions", {})
    for port in obj.setdefault("ports", []):
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def network_policy(obj: dict[str, Any]) -> None:
    """Fill protocols and the policy types, which follow from the rules that are there."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
        for port in rule.get("ports", ()):
            port.setdefault("protocol", "TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def ingress_class(obj: dict[str, Any]) -> None:
    """Fill the scope of the parameters."""
    parameters = obj.get("spec", {}).get("parameters")
    if parameters is not None:
        parameters.setdefault("scope", "Cluster")
