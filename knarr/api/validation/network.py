"""Check Endpoints, EndpointSlices and NetworkPolicies.

Source: kube pkg/apis/core/validation, pkg/apis/discovery/validation, pkg/apis/networking/validation.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any, Final

from knarr.api.validation import formats
from knarr.api.validation.probes import port as port_text
from knarr.api.validation.selector import label_selector
from knarr.api.validation.spot import Spot

PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
ADDRESS_TYPES: Final = ("FQDN", "IPv4", "IPv6")
POLICY_TYPES: Final = ("Ingress", "Egress")
ADDRESSES_MAX: Final = 100       # per endpoint
PORTS_MAX: Final = 20_000        # per slice
ENDPOINTS_MAX: Final = 1000      # per slice


def endpoints(root: Spot, obj: dict[str, Any]) -> None:
    """Check Endpoints."""
    for number, subset in enumerate(obj.get("subsets") or ()):
        spot = root.at("subsets").index(number)
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            spot.required("must specify `addresses` or `notReadyAddresses`")
        for name in ("addresses", "notReadyAddresses"):
            for place, address in enumerate(subset.get(name) or ()):
                _endpoint_address(spot.at(name).index(place), address)
        ports = subset.get("ports") or ()
        for place, port in enumerate(ports):
            _endpoint_port(spot.at("ports").index(place), port, named=len(ports) > 1)


def endpoint_slice(root: Spot, obj: dict[str, Any]) -> None:
    """Check an EndpointSlice."""
    kind = obj.get("addressType")
    if not kind:
        root.at("addressType").required()
    elif kind not in ADDRESS_TYPES:
        root.at("addressType").unsupported(kind, ADDRESS_TYPES)
    items, ports = obj.get("endpoints") or (), obj.get("ports") or ()
    if len(items) > ENDPOINTS_MAX:
        root.at("endpoints").too_many(len(items), ENDPOINTS_MAX)
    for number, item in enumerate(items):
        _slice_endpoint(root.at("endpoints").index(number), item, kind=kind or "")
    if len(ports) > PORTS_MAX:
        root.at("ports").too_many(len(ports), PORTS_MAX)
    seen: set[str] = set()
    for number, port in enumerate(ports):
        _slice_port(root.at("ports").index(number), port, seen)


def endpoint_slice_update(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check that a slice keeps its kind of addresses."""
    root.at("addressType").unchanged(new.get("addressType"), old.get("addressType"))


def network_policy(root: Spot, obj: dict[str, Any]) -> None:
    """Check a NetworkPolicy."""
    spot, spec = root.at("spec"), obj["spec"]
    label_selector(spot.at("podSelector"), spec.get("podSelector"))
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for number, rule in enumerate(spec.get(direction) or ()):
            inner = spot.at(direction).index(number)
            for place, port in enumerate(rule.get("ports") or ()):
                _policy_port(inner.at("ports").index(place), port)
            for place, peer in enumerate(rule.get(peers) or ()):
                _peer(inner.at(peers).index(place), peer)
    types = spec.get("policyTypes") or ()
    if len(types) > len(POLICY_TYPES):
        spot.at("policyTypes").invalid(types, "may not specify more than two policyTypes")
    for number, name in enumerate(types):
        if name not in POLICY_TYPES:
            spot.at("policyTypes").index(number).unsupported(name, POLICY_TYPES)


def _endpoint_address(spot: Spot, address: dict[str, Any]) -> None:
    ip = address.get("ip") or ""
    spot.at("ip").each(ip, formats.ip(ip))
    if address.get("hostname"):
        spot.at("hostname").each(address["hostname"], formats.dns_label(address["hostname"]))
    if address.get("nodeName"):
        spot.at("nodeName").each(address["nodeName"], formats.dns_subdomain(address["nodeName"]))


def _endpoint_port(spot: Spot, port: dict[str, Any], *, named: bool) -> None:
    if port.get("name"):
        spot.at("name").each(port["name"], formats.dns_label(port["name"]))
    elif named:
        spot.at("name").required()
    spot.at("port").each(port.get("port", 0), formats.port_number(port.get("port", 0)))
    spot.at("protocol").choice(port.get("protocol"), PROTOCOLS)


def _slice_endpoint(spot: Spot, item: dict[str, Any], *, kind: str) -> None:
    addresses = item.get("addresses") or ()
    if not addresses:
        spot.at("addresses").required("must contain at least 1 address")
    elif len(addresses) > ADDRESSES_MAX:
        spot.at("addresses").too_many(len(addresses), ADDRESSES_MAX)
    for number, address in enumerate(addresses):
        _slice_address(spot.at("addresses").index(number), address, kind=kind)
    if item.get("hostname"):
        spot.at("hostname").each(item["hostname"], formats.dns_label(item["hostname"]))
    if item.get("nodeName"):
        spot.at("nodeName").each(item["nodeName"], formats.dns_subdomain(item["nodeName"]))
    if item.get("zone"):
        spot.at("zone").each(item["zone"], formats.label_value(item["zone"]))


def _slice_address(spot: Spot, address: str, *, kind: str) -> None:
    if kind == "FQDN":
        spot.each(address, formats.dns_subdomain(address))
    elif kind in ("IPv4", "IPv6"):
        parsed = formats.address(address)
        if parsed is None:
            spot.invalid(address, formats.IP_WORDS)
        elif isinstance(parsed, IPv4Address) != (kind == "IPv4"):
            spot.invalid(address, f"must be an {kind} address")


def _slice_port(spot: Spot, port: dict[str, Any], seen: set[str]) -> None:
    name = port.get("name") or ""
    if name:
        spot.at("name").each(name, formats.dns_label(name))
    if name in seen:
        spot.at("name").duplicate(name)
    seen.add(name)
    spot.at("protocol").choice(port.get("protocol"), PROTOCOLS)
    if port.get("port") is not None:
        spot.at("port").each(port["port"], formats.port_number(port["port"]))
    if port.get("appProtocol"):
        spot.at("appProtocol").each(port["appProtocol"], formats.qualified_name(port["appProtocol"]))


def _policy_port(spot: Spot, port: dict[str, Any]) -> None:
    if port.get("protocol") is not None and port["protocol"] not in PROTOCOLS:
        spot.at("protocol").unsupported(port["protocol"], PROTOCOLS)
    number, end = port.get("port"), port.get("endPort")
    if number is None:
        if end is not None:
            spot.at("endPort").invalid(end, "may not be specified when `port` is not specified")
        return
    port_text(spot.at("port"), number)
    if end is None:
        return
    if isinstance(number, str):
        spot.at("endPort").invalid(end, "may not be specified when `port` is non-numeric")
        return
    if end < number:
        spot.at("endPort").invalid(number, "must be greater than or equal to `port`")   # the port, as Kubernetes does
    spot.at("endPort").each(end, formats.port_number(end))


def _peer(spot: Spot, peer: dict[str, Any]) -> None:
    given = [name for name in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(name) is not None]
    for name in given:
        if name == "ipBlock":
            _block(spot.at(name), peer[name])
        else:
            label_selector(spot.at(name), peer[name])
    if not given:
        spot.required("must specify a peer")
    elif "ipBlock" in given and len(given) > 1:
        spot.forbidden("may not specify both ipBlock and another peer")


def _block(spot: Spot, block: dict[str, Any]) -> None:
    cidr = block.get("cidr") or ""
    if not cidr:
        spot.at("cidr").required()
        return
    whole = formats.network(cidr)
    if whole is None:
        spot.at("cidr").invalid(cidr, formats.CIDR_WORDS)
        return
    for number, hole in enumerate(block.get("except") or ()):
        part = formats.network(hole)
        if part is None:
            spot.at("except").index(number).invalid(hole, formats.CIDR_WORDS)
        elif not _strictly_inside(part, whole):
            spot.at("except").index(number).invalid(hole, "must be a strict subset of `cidr`")


def _strictly_inside(part: IPv4Network | IPv6Network, whole: IPv4Network | IPv6Network) -> bool:
    if isinstance(part, IPv4Network) and isinstance(whole, IPv4Network):
        return part.subnet_of(whole) and part.prefixlen > whole.prefixlen
    if isinstance(part, IPv6Network) and isinstance(whole, IPv6Network):
        return part.subnet_of(whole) and part.prefixlen > whole.prefixlen
    return False
