"""Find where a proxied request goes: which address and port a pod, a service or a node stands for.

A name may be `name`, `name:port` or `scheme:name:port`; a service's port may be a number or a name.
Source: kube registry/core/pod/strategy.go and registry/core/service/storage/storage.go, ResourceLocation;
registry/core/node/strategy.go.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from knarr.api import kinds
from knarr.api.errors import BadRequest, Unavailable, not_found
from knarr.api.kinds import Kind
from knarr.apiserver.agents import agent_address
from knarr.apiserver.core import Core
from knarr.apiserver.route import Target

Obj = dict[str, Any]
SCHEMES: Final = ("http", "https", "")
SERVICE_LABEL: Final = "kubernetes.io/service-name"
NOT_ALLOWED: Final = "address not allowed"  # Source: kube util/proxy, ErrAddressNotAllowed


@dataclass(frozen=True, slots=True)
class Named:
    """What a proxied name says."""

    scheme: str
    name: str
    port: str


@dataclass(frozen=True, slots=True)
class Place:
    """A server to pass requests to. tls: None for plain HTTP."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


def place_of(core: Core, target: Target) -> Place:
    """Return where a target's proxy leads. Raises BadRequest, NotFound, Unavailable."""
    named = split(target.name)
    singular = target.kind.singular
    if named is None:
        raise BadRequest(f'invalid {singular} request "{target.name}"')
    if singular == "pod":
        return _pod_place(core, target, named)
    if singular == "service":
        return _service_place(core, target, named)
    return _node_place(core, named)


def split(text: str) -> Named | None:
    """Read a proxied name; None if it is none."""
    parts = text.split(":")
    if len(parts) > 3:
        return None
    scheme, name, port = {1: ("", *parts, ""), 2: ("", *parts)}.get(len(parts), tuple(parts))
    return Named(scheme, name, port) if name and scheme in SCHEMES else None


def proxyable(address: str) -> bool:
    """Say whether requests may be sent there: not to this machine itself, nor to what is no single machine."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    odd = ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified
    return not odd and address != "255.255.255.255"


def _pod_place(core: Core, target: Target, named: Named) -> Place:
    entry = core.store.get(POD.key(target.namespace, named.name))
    if entry is None:
        raise not_found("pods", "", named.name)
    status = entry.obj.get("status") or {}
    address = next((one.get("ip", "") for one in status.get("podIPs") or ()), status.get("podIP") or "")
    if not proxyable(address):
        raise BadRequest(NOT_ALLOWED)
    return Place(address, _port(named, _first_port(entry.obj)), _tls(named))


def _first_port(pod: Obj) -> str:
    ports = (port for one in pod["spec"].get("containers") or () for port in one.get("ports") or ())
    return str(next((port["containerPort"] for port in ports), ""))


def _service_place(core: Core, target: Target, named: Named) -> Place:
    entry = core.store.get(SERVICE.key(target.namespace, named.name))
    if entry is None:
        raise not_found("services", "", named.name)
    wanted = named.port
    if wanted.isdigit():
        ports = entry.obj["spec"].get("ports") or ()
        found = next((port for port in ports if port["port"] == int(wanted)), None)
        if found is None:
            raise Unavailable(f'no service port {int(wanted)} found for service "{named.name}"')
        wanted = found.get("name", "")
    places = list(endpoints(core, target.namespace, named.name, port=wanted))
    pods = [(host, port) for host, port, pod in places if _is_of_pod(core, target.namespace, host, pod=pod)]
    if not pods:
        raise Unavailable(f'no endpoints available for service "{target.name if places else named.name}"')
    return Place(*core.rng.choice(pods), _tls(named))


def endpoints(core: Core, namespace: str, service: str, *, port: str) -> Iterator[tuple[str, int, Obj | None]]:
    """Yield the ready addresses of a service's port, each with the reference to what stands behind it.

    port: the name of the service's port, empty where it has none.
    """
    for part in slices(core, namespace, service):
        number = next((one.get("port") for one in part.get("ports") or () if (one.get("name") or "") == port), None)
        if number is None:
            continue
        for endpoint in part.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready") is not False and endpoint.get("addresses"):
                yield endpoint["addresses"][0], int(number), endpoint.get("targetRef")


def slices(core: Core, namespace: str, service: str) -> Iterator[Obj]:
    """Yield the EndpointSlices of a service that hold addresses."""
    word = service.encode()
    for entry in core.store.list(SLICE.namespace_prefix(namespace)).entries:
        if word not in entry.value:
            continue
        part = entry.obj
        if (part["metadata"].get("labels") or {}).get(SERVICE_LABEL) == service and part.get("addressType") != "FQDN":
            yield part


def _is_of_pod(core: Core, namespace: str, address: str, *, pod: Obj | None) -> bool:
    """Say whether an address is a pod's of the same namespace, as it claims: else who writes endpoints reaches all."""
    if not pod or pod.get("kind") != "Pod" or pod.get("namespace", namespace) != namespace or not proxyable(address):
        return False
    entry = core.store.get(POD.key(namespace, str(pod.get("name"))))
    status = (entry.obj.get("status") or {}) if entry else {}
    return address in (status.get("podIP"), *(one.get("ip") for one in status.get("podIPs") or ()))


def _node_place(core: Core, named: Named) -> Place:
    host, port = agent_address(core, named.name)
    if named.port in ("", str(port)):
        if core.settings.agent_tls is None:
            raise Unavailable("this server has no certificate to reach agents with")
        return Place(host, port, core.settings.agent_tls)
    if not proxyable(host):
        raise BadRequest(NOT_ALLOWED)
    return Place(host, _port(named, ""), _tls(named))


def _port(named: Named, first: str) -> int:
    text = named.port or first or ("443" if named.scheme == "https" else "80")
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise BadRequest(f'invalid port "{text}"')
    return int(text)


def _tls(named: Named) -> ssl.SSLContext | None:
    return unverified() if named.scheme == "https" else None


@lru_cache(maxsize=1)
def unverified() -> ssl.SSLContext:
    """Return TLS that takes any certificate: pods have none that we could know. Source: kube does the same."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _kind(group: str, plural: str) -> Kind:
    found = kinds.by_resource(group, "v1", plural)
    assert found is not None, plural
    return found


POD, SERVICE, SLICE = _kind("", "pods"), _kind("", "services"), _kind("discovery.k8s.io", "endpointslices")
