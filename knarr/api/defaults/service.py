"""Defaults of Service. Source: kube pkg/apis/core/v1/defaults.go, SetDefaults_Service, and the service REST storage."""

from __future__ import annotations

from typing import Any, Final

AFFINITY_S: Final = 10_800   # seconds a client sticks to its endpoint

EXTERNAL: Final = ("NodePort", "LoadBalancer")


def service(obj: dict[str, Any]) -> None:
    """Fill a Service. Addresses and node ports are the allocator's; the family is this cluster's, IPv4."""
    spec = obj.setdefault("spec", {})
    spec["sessionAffinity"] = spec.get("sessionAffinity") or "None"
    _affinity(spec)
    spec["type"] = spec.get("type") or "ClusterIP"
    for port in spec.get("ports", ()):
        port["protocol"] = port.get("protocol") or "TCP"
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port", 0)
    kind = spec["type"]
    if kind in EXTERNAL:
        spec["externalTrafficPolicy"] = spec.get("externalTrafficPolicy") or "Cluster"
    if kind != "ExternalName":
        spec["internalTrafficPolicy"] = spec.get("internalTrafficPolicy") or "Cluster"
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    _addresses(spec)


def _affinity(spec: dict[str, Any]) -> None:
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        client = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        client.setdefault("timeoutSeconds", AFFINITY_S)


def _addresses(spec: dict[str, Any]) -> None:
    """Keep clusterIP and clusterIPs in step and name the family. Source: kube registry/core/service/storage.

    The two fields may disagree in a request; validation tells, so only the absent one is filled.
    """
    if spec["type"] == "ExternalName":
        return
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    if spec.get("clusterIP") == "None" and not spec.get("selector"):
        # Its endpoints are written by hand, of whatever family.
        policy = spec.setdefault("ipFamilyPolicy", "RequireDualStack")
        spec.setdefault("ipFamilies", ["IPv4"] if policy == "SingleStack" else ["IPv4", "IPv6"])
    if "ipFamilies" not in spec and "ipFamilyPolicy" not in spec:
        address = spec.get("clusterIP", "")
        if ":" not in address:
            spec["ipFamilies"] = ["IPv4"]
    elif "ipFamilies" not in spec and spec.get("ipFamilyPolicy") in ("SingleStack", "PreferDualStack"):
        spec["ipFamilies"] = ["IPv4"]
    spec.setdefault("ipFamilyPolicy", "SingleStack")
