"""Check Services. Source: kube pkg/apis/core/validation/validation.go (ValidateService, ValidateServiceUpdate).

The cluster is single-stack IPv4. Whether an address or node port is free is the allocator's to say.
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api.validation import formats
from knarr.api.validation.goview import show
from knarr.api.validation.metadata import check_labels
from knarr.api.validation.probes import port as target_port
from knarr.api.validation.spot import Spot

TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
AFFINITIES: Final = ("ClientIP", "None")
PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
POLICIES: Final = ("Cluster", "Local")
FAMILIES: Final = ("IPv4", "IPv6")
FAMILY_POLICIES: Final = ("SingleStack", "PreferDualStack", "RequireDualStack")
SERVED_FAMILIES: Final = ("IPv4",)
AFFINITY_MAX_S: Final = 86_400


def service(root: Spot, obj: dict[str, Any]) -> None:
    """Check a Service."""
    spot, spec = root.at("spec"), obj["spec"]
    kind = spec.get("type")
    headless = spec.get("clusterIP") == "None"
    if not spec.get("ports") and not headless and kind != "ExternalName":
        spot.at("ports").required()
    if kind == "ExternalName":
        _external_name(spot, spec)
    _ports(spot.at("ports"), spec.get("ports") or [], headless=headless)
    if spec.get("selector"):
        check_labels(spot.at("selector"), spec["selector"])
    spot.at("sessionAffinity").choice(spec.get("sessionAffinity"), AFFINITIES)
    _affinity(spot, spec)
    _addresses(spot, spec)
    for number, address in enumerate(spec.get("externalIPs") or ()):
        spot.at("externalIPs").index(number).each(address, formats.ip(address))
    spot.at("type").choice(kind, TYPES)
    if kind == "ClusterIP":
        for number, port in enumerate(spec.get("ports") or ()):
            if port.get("nodePort"):
                spot.at("ports").index(number).at("nodePort").forbidden("may not be used when `type` is 'ClusterIP'")
    _unique_ports(spot.at("ports"), spec.get("ports") or [])
    _balancer(spot, spec)
    _traffic(spot, spec)


def service_update(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check that a Service keeps the address it was given while it needs one."""
    spot, now, was = root.at("spec"), new["spec"], old["spec"]
    if "ExternalName" not in (now.get("type"), was.get("type")):
        had, has = was.get("clusterIPs") or [], now.get("clusterIPs") or []
        if had and (not has or has[0] != had[0]):
            spot.at("clusterIPs").index(0).invalid(has, "may not change once set")
        families_had, families = was.get("ipFamilies") or [], now.get("ipFamilies") or []
        if families_had and families and families[0] != families_had[0]:
            spot.at("ipFamilies").index(0).invalid(families, "may not change once set")
    if was.get("healthCheckNodePort") and now.get("healthCheckNodePort"):
        spot.at("healthCheckNodePort").unchanged(now["healthCheckNodePort"], was["healthCheckNodePort"])


def _external_name(spot: Spot, spec: dict[str, Any]) -> None:
    if spec.get("clusterIPs"):
        spot.at("clusterIPs").forbidden("may not be set for ExternalName services")
    name = (spec.get("externalName") or "").removesuffix(".")
    if not name:
        spot.at("externalName").required()
    else:
        spot.at("externalName").each(name, formats.dns_subdomain(name))


def _ports(spot: Spot, ports: list[dict[str, Any]], *, headless: bool) -> None:
    names: set[str] = set()
    for number, port in enumerate(ports):
        inner, name = spot.index(number), port.get("name")
        if name:
            inner.at("name").each(name, formats.dns_label(name))
            if name in names:
                inner.at("name").duplicate(name)
            names.add(name)
        elif len(ports) > 1:
            inner.at("name").required()
        inner.at("port").each(port.get("port", 0), formats.port_number(port.get("port", 0)))
        inner.at("protocol").choice(port.get("protocol"), PROTOCOLS)
        target_port(inner.at("targetPort"), port.get("targetPort", 0))
        if port.get("appProtocol"):
            inner.at("appProtocol").each(port["appProtocol"], formats.qualified_name(port["appProtocol"]))
        if headless and port.get("nodePort"):
            inner.at("nodePort").invalid(port["nodePort"], "may not be set for headless services")


def _unique_ports(spot: Spot, ports: list[dict[str, Any]]) -> None:
    nodes: set[tuple[Any, Any]] = set()
    seen: set[tuple[Any, Any]] = set()
    for number, port in enumerate(ports):
        protocol = port.get("protocol")
        node = (protocol, port.get("nodePort"))
        if node[1] and node in nodes:
            spot.index(number).at("nodePort").duplicate(
                show("ServicePort", {"protocol": protocol, "nodePort": port.get("nodePort")}))
        nodes.add(node)
        key = (protocol, port.get("port"))
        if key in seen:
            spot.index(number).duplicate(show("ServicePort", {"protocol": protocol, "port": port.get("port")}))
        seen.add(key)


def _affinity(spot: Spot, spec: dict[str, Any]) -> None:
    config = spec.get("sessionAffinityConfig")
    if spec.get("sessionAffinity") != "ClientIP" or config is None:
        return
    seconds = (config.get("clientIP") or {}).get("timeoutSeconds")
    inner = spot.at("sessionAffinityConfig").at("clientIP").at("timeoutSeconds")
    if seconds is None:
        inner.required("must be specified")
    elif not 0 < seconds <= AFFINITY_MAX_S:
        inner.invalid(seconds, f"must be greater than 0 and less than {AFFINITY_MAX_S}")


def _addresses(spot: Spot, spec: dict[str, Any]) -> None:
    """Check cluster addresses and families. Source: validateServiceClusterIPsRelatedFields, and the service storage."""
    if spec.get("type") == "ExternalName":
        return
    addresses = spec.get("clusterIPs") or []
    if addresses and spec.get("clusterIP") != addresses[0]:
        spot.at("clusterIPs").index(0).invalid(addresses, "first value must match `clusterIP`")
    for number, address in enumerate(addresses):
        if address == "None" and len(addresses) > 1:
            spot.at("clusterIPs").invalid(addresses, "'None' must be the first and only value")
        elif address != "None":
            spot.at("clusterIPs").index(number).each(address, formats.ip(address))
    _families(spot, spec, by_hand=spec.get("clusterIP") == "None" and not spec.get("selector"))


def _families(spot: Spot, spec: dict[str, Any], *, by_hand: bool) -> None:
    """Check the families. by_hand: headless and without selector, so that any family may be written."""
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in FAMILY_POLICIES:
        spot.at("ipFamilyPolicy").unsupported(policy, FAMILY_POLICIES)
    elif policy == "RequireDualStack" and not by_hand:
        spot.at("ipFamilyPolicy").invalid(policy, "this cluster is not configured for dual-stack services")
    for number, family in enumerate(spec.get("ipFamilies") or ()):
        inner = spot.at("ipFamilies").index(number)
        if family not in FAMILIES:
            inner.unsupported(family, FAMILIES)
        elif family not in SERVED_FAMILIES and not by_hand:
            inner.invalid(family, "not configured on this cluster")


def _balancer(spot: Spot, spec: dict[str, Any]) -> None:
    ranges, balanced = spec.get("loadBalancerSourceRanges") or (), spec.get("type") == "LoadBalancer"
    # The capital letter is Kubernetes' own. Source: apiservice.GetLoadBalancerSourceRanges' caller.
    path = spot.at("LoadBalancerSourceRanges")
    if ranges and not balanced:
        path.forbidden("may only be used when `type` is 'LoadBalancer'")
    for number, block in enumerate(ranges):
        path.index(number).each(block, formats.cidr(block))
    for name in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
        if spec.get(name) is not None and not balanced:
            spot.at(name).forbidden("may only be used when `type` is 'LoadBalancer'")


def _traffic(spot: Spot, spec: dict[str, Any]) -> None:
    policy, kind = spec.get("externalTrafficPolicy"), spec.get("type")
    external = kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and bool(spec.get("externalIPs")))
    if policy:
        if not external:
            spot.at("externalTrafficPolicy").invalid(policy, "may only be set for externally-accessible services")
        elif policy not in POLICIES:
            spot.at("externalTrafficPolicy").unsupported(policy, POLICIES)
    if kind in TYPES and kind != "ExternalName":
        spot.at("internalTrafficPolicy").choice(spec.get("internalTrafficPolicy"), POLICIES)
    health = spec.get("healthCheckNodePort")
    if health and not (kind == "LoadBalancer" and policy == "Local"):
        spot.at("healthCheckNodePort").invalid(
            health, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'")
