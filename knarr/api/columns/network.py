"""Print services, endpoints and routes. Source: kube pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knarr.api.columns.view import AGE, NAME, NONE, SELECTOR, UNSET, Obj, View, age, at, columns, labels, name, selector
from knarr.api.columns.view import listed as some


def service_cells(obj: Obj, now_s: float) -> list[Any]:
    """Return a Service's cells."""
    spec = obj.get("spec") or {}
    cluster_ips = spec.get("clusterIPs") or [spec.get("clusterIP")]
    ports = ",".join(_port(row) for row in spec.get("ports") or ())
    return [name(obj), spec.get("type", ""), cluster_ips[0] or NONE, _external(obj), ports or NONE, age(obj, now_s),
            labels(spec.get("selector"))]


def _port(row: Obj) -> str:
    node = f":{row['nodePort']}" if row.get("nodePort") else ""
    return f"{row['port']}{node}/{row.get('protocol', 'TCP')}"


def _external(obj: Obj) -> str:
    spec = obj.get("spec") or {}
    addresses = list(spec.get("externalIPs") or ())
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    if spec.get("type") != "LoadBalancer":
        return ",".join(addresses) or NONE
    balancers = _balancers(obj)
    return ",".join([balancers, *addresses] if balancers else addresses) or "<pending>"


def _balancers(obj: Obj) -> str:
    """Return the addresses that a load balancer gave, each once."""
    rows = at(obj, "status", "loadBalancer", "ingress") or ()
    return ",".join(sorted({row.get("ip") or row.get("hostname") or "" for row in rows} - {""}))


def endpoints_cells(obj: Obj, now_s: float) -> list[Any]:
    """Return an Endpoints' cells."""
    return [name(obj), some(_addresses(obj)), age(obj, now_s)]


def _addresses(obj: Obj) -> Iterator[str]:
    for subset in obj.get("subsets") or ():
        hosts = [row["ip"] for row in subset.get("addresses") or ()]
        ports = subset.get("ports") or ()
        if not ports:
            yield from hosts
        for port in ports:
            yield from (f"[{host}]:{port['port']}" if ":" in host else f"{host}:{port['port']}" for host in hosts)


def endpoint_slice_cells(obj: Obj, now_s: float) -> list[Any]:
    """Return an EndpointSlice's cells."""
    ports = (str(row.get("port") or row.get("name") or "*") for row in obj.get("ports") or ())
    addresses = (address for row in obj.get("endpoints") or () for address in row.get("addresses") or ())
    return [name(obj), obj.get("addressType", ""), some(ports, empty=UNSET), some(addresses, empty=UNSET),
            age(obj, now_s)]


def _ingress_cells(obj: Obj, now_s: float) -> list[Any]:
    spec = obj.get("spec") or {}
    hosts = some((row["host"] for row in spec.get("rules") or () if row.get("host")), empty="*")
    return [name(obj), spec.get("ingressClassName") or NONE, hosts, _balancers(obj),
            "80, 443" if spec.get("tls") else "80", age(obj, now_s)]


def _ingress_class_cells(obj: Obj, now_s: float) -> list[Any]:
    spec = obj.get("spec") or {}
    given, shown = spec.get("parameters"), NONE
    if given:
        shown = f"{given['kind']}.{given.get('apiGroup') or ''}".strip(".") + f"/{given['name']}"
    return [name(obj), spec.get("controller", ""), shown, age(obj, now_s)]


def _network_policy_cells(obj: Obj, now_s: float) -> list[Any]:
    return [name(obj), selector(at(obj, "spec", "podSelector")), age(obj, now_s)]


def _address_cells(obj: Obj, _: float) -> list[Any]:
    parent = at(obj, "spec", "parentRef")
    if not parent:
        return [name(obj), NONE]
    resource = f"{parent.get('resource', '')}.{parent['group']}" if parent.get("group") else parent.get("resource", "")
    steps = (resource.lower(), parent.get("namespace"), parent.get("name", ""))
    return [name(obj), "/".join(step for step in steps if step)]


def _range_cells(obj: Obj, now_s: float) -> list[Any]:
    return [name(obj), ",".join(at(obj, "spec", "cidrs") or ()), age(obj, now_s)]


GROUP = "networking.k8s.io"
VIEWS = {
    ("", "Service"): View(
        (NAME, *columns("Type", "Cluster-IP", "External-IP", "Port(s)"), AGE, SELECTOR), service_cells),
    ("", "Endpoints"): View((NAME, *columns("Endpoints"), AGE), endpoints_cells),
    ("discovery.k8s.io", "EndpointSlice"): View(
        (NAME, *columns("AddressType", "Ports", "Endpoints"), AGE), endpoint_slice_cells),
    (GROUP, "Ingress"): View((NAME, *columns("Class", "Hosts", "Address", "Ports"), AGE), _ingress_cells),
    (GROUP, "IngressClass"): View((NAME, *columns("Controller", "Parameters"), AGE), _ingress_class_cells),
    (GROUP, "IPAddress"): View((NAME, *columns("ParentRef")), _address_cells),
    (GROUP, "ServiceCIDR"): View((NAME, *columns("CIDRs"), AGE), _range_cells),
    (GROUP, "NetworkPolicy"): View((NAME, *columns("Pod-Selector"), AGE), _network_policy_cells),
}
