"""What the server owns in a Service: addresses and ports already given stay given.

Source: kube registry/core/service/strategy.go (dropTypeDependentFields), storage/storage.go (patchAllocatedValues).
"""

from __future__ import annotations

from typing import Any, Final

ADDRESSED: Final = ("ClusterIP", "NodePort", "LoadBalancer")
PORTED: Final = ("NodePort", "LoadBalancer")


def create(draft: dict[str, Any]) -> None:
    """Start with no balancer."""
    draft["status"] = {"loadBalancer": {}}


def update(draft: dict[str, Any], old: dict[str, Any]) -> None:
    """Carry over what was allocated where the client left it out; give up what the new type has no use for."""
    spec, was = draft["spec"], old["spec"]
    _carry(spec, was)
    _drop(spec, was)
    if spec["type"] != "LoadBalancer" and was["type"] == "LoadBalancer":
        draft["status"] = {"loadBalancer": {}}


def _carry(spec: dict[str, Any], was: dict[str, Any]) -> None:
    if spec["type"] in ADDRESSED and was["type"] in ADDRESSED:
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if not spec.get(name) and name in was:
                spec[name] = was[name]
    if spec["type"] in PORTED and was["type"] in PORTED:
        given = {(port.get("protocol"), port.get("port")): port.get("nodePort") for port in was.get("ports", ())}
        for port in spec.get("ports", ()):
            number = port.get("nodePort") or given.get((port.get("protocol"), port.get("port")))
            if number:
                port["nodePort"] = number
    if _checked(spec) and _checked(was) and not spec.get("healthCheckNodePort") and "healthCheckNodePort" in was:
        spec["healthCheckNodePort"] = was["healthCheckNodePort"]


def _drop(spec: dict[str, Any], was: dict[str, Any]) -> None:
    """Drop a value that the old type needed, the new one does not, and the client did not change."""
    if was["type"] in ADDRESSED and spec["type"] == "ExternalName":
        _drop_same(spec, was, ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"))
    if was["type"] in PORTED and spec["type"] not in PORTED:
        _drop_ports(spec, was)
        _drop_same(spec, was, ("externalTrafficPolicy",))
    if _checked(was) and not _checked(spec):
        _drop_same(spec, was, ("healthCheckNodePort",))
    if was["type"] == "LoadBalancer" and spec["type"] != "LoadBalancer":
        _drop_same(spec, was, ("allocateLoadBalancerNodePorts", "loadBalancerClass"))


def _drop_ports(spec: dict[str, Any], was: dict[str, Any]) -> None:
    known = {port.get("nodePort") for port in was.get("ports", ())}
    for port in spec.get("ports", ()):
        if port.get("nodePort") in known:
            port.pop("nodePort", None)


def _drop_same(spec: dict[str, Any], was: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        if name in spec and spec[name] == was.get(name):
            del spec[name]


def _checked(spec: dict[str, Any]) -> bool:
    """Whether balancers ask a node port for the health of local endpoints."""
    return spec["type"] == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"
