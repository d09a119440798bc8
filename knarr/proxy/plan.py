"""Decide which addresses of a Service lead to which endpoints. Pure.

Source: kube pkg/proxy/topology.go (CategorizeEndpoints) and pkg/proxy/nftables/proxier.go for what each policy means.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal, NamedTuple

from knarr.api.types.core_v1 import Service, ServicePort
from knarr.api.types.discovery_v1 import Endpoint, EndpointSlice

Door = Literal["vip", "port"]
Empty = Literal["refuse", "discard"]

IGNORED_LABELS = ("service.kubernetes.io/service-proxy-name", "service.kubernetes.io/headless")


class Backend(NamedTuple):
    """Where a connection goes."""

    ip: str
    port: int


@dataclass(frozen=True, slots=True)
class Frontend:
    """One way in: an address and port, or a port of every node address.

    address: empty for a node port. protocol: tcp, udp or sctp. inside: only for traffic from pods and this node, and
    then it comes first. sticky: a client's address chooses the backend. masquerade: the backend sees this node as the
    client, so that its answer comes back here. empty: what meets a client when there are no backends.
    """

    address: str
    protocol: str
    port: int
    backends: tuple[Backend, ...]
    inside: bool = False
    sticky: bool = False
    masquerade: bool = False
    empty: Empty = "refuse"

    @property
    def door(self) -> Door:
        return "vip" if self.address else "port"


@dataclass(frozen=True, slots=True)
class View:
    """All that one decision may look at. node_name: the node whose packets we steer."""

    service: Service | None
    slices: tuple[EndpointSlice, ...]
    node_name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The backends of one Service port. here: those on this node."""

    everywhere: tuple[Backend, ...]
    here: tuple[Backend, ...]


def plan(view: View) -> list[Frontend]:
    """Return the Service's frontends; none for a Service that is gone, headless, or another proxy's."""
    service = view.service
    if service is None or not served(service):
        return []
    frontends: list[Frontend] = []
    for port in service.spec.ports:
        choice = choose(view, port)
        frontends += internal(service, port, choice)
        frontends += external(service, port, choice)
    return frontends


def local_ips(view: View) -> set[str]:
    """Return the Service's endpoint addresses on this node: only they can be their own clients."""
    if view.service is None or not served(view.service):
        return set()
    here = (e for piece in ours(view.slices) for e in piece.endpoints if e.nodeName == view.node_name)
    return {address for endpoint in here for address in endpoint.addresses[:1]}


def served(service: Service) -> bool:
    """Tell whether the Service has virtual addresses that are ours to serve."""
    labels = service.metadata.labels
    if service.spec.type == "ExternalName" or any(label in labels for label in IGNORED_LABELS):
        return False
    return service.spec.clusterIP not in (None, "", "None")


def internal(service: Service, port: ServicePort, choice: Choice) -> Iterable[Frontend]:
    """Return the cluster addresses' frontends."""
    only_here = service.spec.internalTrafficPolicy == "Local"
    backends = choice.here if only_here else choice.everywhere
    for address in ipv4(service.spec.clusterIPs or (service.spec.clusterIP or "",)):
        yield Frontend(
            address, protocol_of(port), port.port, backends,
            sticky=sticky(service), empty="discard" if choice.everywhere else "refuse")


def external(service: Service, port: ServicePort, choice: Choice) -> Iterable[Frontend]:
    """Return the frontends for clients outside: external addresses, load balancer addresses, the node port.

    With the policy Local the client's address is kept and only this node's backends serve; traffic from inside still
    reaches all of them.
    """
    only_here = service.spec.externalTrafficPolicy == "Local"
    backends = choice.here if only_here else choice.everywhere
    ways = [(address, port.port) for address in outside_addresses(service)]
    ways += [("", port.nodePort)] if port.nodePort else []
    for address, number in ways:
        yield Frontend(
            address, protocol_of(port), number, backends, sticky=sticky(service), masquerade=not only_here,
            empty="discard" if choice.everywhere else "refuse")
        if only_here and choice.everywhere:
            yield Frontend(
                address, protocol_of(port), number, choice.everywhere, inside=True, sticky=sticky(service),
                masquerade=True)


def outside_addresses(service: Service) -> list[str]:
    """Return the IPv4 addresses at which clients outside the cluster find the Service."""
    balancer = service.status.loadBalancer
    ingress = balancer.ingress if balancer is not None and service.spec.type == "LoadBalancer" else ()
    named = [*service.spec.externalIPs, *(way.ip or "" for way in ingress if way.ipMode != "Proxy")]
    return sorted(set(ipv4(named)))


def choose(view: View, port: ServicePort) -> Choice:
    """Pick a port's backends: the ready ones; where there are none, those that still serve while they end."""
    found: list[tuple[Backend, Endpoint]] = []
    for piece in ours(view.slices):
        for there in piece.ports:
            if (there.name or "") == (port.name or "") and protocol_of(there) == protocol_of(port) and there.port:
                found += [(Backend(e.addresses[0], there.port), e) for e in piece.endpoints if e.addresses]
    here = [(backend, endpoint) for backend, endpoint in found if endpoint.nodeName == view.node_name]
    return Choice(usable(found), usable(here))


def usable(found: list[tuple[Backend, Endpoint]]) -> tuple[Backend, ...]:
    """Return the ready backends in order, else the serving and terminating ones."""
    good = {backend for backend, endpoint in found if ready(endpoint)}
    ending = {backend for backend, endpoint in found if serves_while_ending(endpoint)}
    return tuple(sorted(good or ending))


def ready(endpoint: Endpoint) -> bool:
    """Unknown counts as ready. Source: discovery/v1 EndpointConditions."""
    return endpoint.conditions is None or endpoint.conditions.ready is not False


def serves_while_ending(endpoint: Endpoint) -> bool:
    """Tell whether it still answers though its pod is terminating."""
    conditions = endpoint.conditions
    return conditions is not None and conditions.serving is True and conditions.terminating is True


def ours(slices: Iterable[EndpointSlice]) -> list[EndpointSlice]:
    """Return the slices of the address family we serve."""
    return [piece for piece in slices if piece.addressType == "IPv4"]


def sticky(service: Service) -> bool:
    return service.spec.sessionAffinity == "ClientIP"


def protocol_of(port: object) -> str:
    """Return a port's protocol as nft spells it."""
    return (getattr(port, "protocol", None) or "TCP").lower()


def ipv4(addresses: Iterable[str]) -> list[str]:
    """Keep the IPv4 addresses."""
    return [address for address in addresses if is_ipv4(address)]


def is_ipv4(address: str) -> bool:
    try:
        return ip_address(address).version == 4
    except ValueError:
        return False
