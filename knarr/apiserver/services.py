"""Give Services their cluster addresses and node ports, each to one Service only.

What is taken is rebuilt from the store at start and kept in memory: one server decides, so memory is enough. A claim
that does not end in a stored Service is given back. Source: kube registry/core/service/storage/alloc.go and
ipallocator.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, ip_address
from types import TracebackType
from typing import Any

from knarr.api import kinds
from knarr.api.errors import Cause, Internal, invalid
from knarr.api.kinds import Kind
from knarr.apiserver.core import Core
from knarr.apiserver.service_ranges import ServiceRanges
from knarr.apiserver.settings import DNS_OFFSET

Obj = dict[str, Any]
ADDRESSED = ("ClusterIP", "NodePort", "LoadBalancer")
PORTED = ("NodePort", "LoadBalancer")
IP_FIELD = "spec.clusterIPs"
MANAGED_BY, MANAGER = "ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io"


class Services:
    """Who has which address and port."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.ranges = ServiceRanges(core)
        first = self.ranges.own.network_address
        self.reserved = {first + 1, first + DNS_OFFSET}
        self.addresses: set[IPv4Address] = set()
        self.ports: set[tuple[str, int]] = set()

    def load(self) -> None:
        """Take what the stored Services have."""
        self.addresses.clear()
        self.ports.clear()
        for entry in self.core.store.list(SERVICE.namespace_prefix("")).entries:
            addresses, ports = held(entry.obj)
            self.addresses |= addresses
            self.ports |= ports

    def claim(self, kind: Kind, new: Obj, old: Obj | None = None, *, dry_run: bool = False) -> Claim | NoClaim:
        """Return a context in which a Service gets what it lacks; outside of it nothing changes for other kinds."""
        return Claim(self, new, old, dry_run=dry_run) if kind is SERVICE else NOTHING_CLAIMED

    def reserved_by_hand(self, address: IPv4Address) -> bool:
        """Say whether somebody holds an address by an IPAddress of their own; those of Services follow the Services."""
        entry = self.core.store.get(ADDRESS.key("", str(address)))
        return entry is not None and (entry.obj["metadata"].get("labels") or {}).get(MANAGED_BY) != MANAGER

    def forget(self, kind: Kind, obj: Obj) -> None:
        """Give back what a deleted Service had."""
        if kind is SERVICE:
            addresses, ports = held(obj)
            self.addresses -= addresses
            self.ports -= ports


class NoClaim:
    """What kinds other than Service claim."""

    def keep(self) -> None:
        """There is nothing to keep."""

    def __enter__(self) -> NoClaim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class Claim:
    """One Service's addresses and ports, on their way to the store."""

    def __init__(self, services: Services, new: Obj, old: Obj | None, *, dry_run: bool) -> None:
        self.services, self.new, self.old, self.dry_run = services, new, old, dry_run
        self.addresses: set[IPv4Address] = set()
        self.ports: set[tuple[str, int]] = set()
        self.kept = False

    def __enter__(self) -> Claim:
        try:
            self._allocate()
        except BaseException:
            self._give_back()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.kept:
            self._give_back()

    def keep(self) -> None:
        """The Service is stored: keep its new things, give back those it no longer has."""
        self.kept = True
        if self.old is None:
            return
        addresses, ports = held(self.new)
        old_addresses, old_ports = held(self.old)
        self.services.addresses -= old_addresses - addresses
        self.services.ports -= old_ports - ports

    def _allocate(self) -> None:
        spec = self.new.get("spec") or {}
        had_addresses, had_ports = held(self.old) if self.old else (set(), set())
        if spec.get("type") in ADDRESSED and spec.get("clusterIP") != "None":
            self._address(spec, had_addresses)
        if spec.get("type") in PORTED and (
            spec["type"] == "NodePort" or spec.get("allocateLoadBalancerNodePorts", True)
        ):
            self._node_ports(spec, had_ports)
        if spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local":
            number = spec.get("healthCheckNodePort")
            if not number:
                spec["healthCheckNodePort"] = self._free_port(("TCP",))
            elif ("TCP", number) not in had_ports:
                self._take_port(number, ("TCP",), "spec.healthCheckNodePort")

    def _address(self, spec: Obj, had: set[IPv4Address]) -> None:
        asked = str(spec.get("clusterIP") or "")
        if asked and had and asked not in map(str, had):
            spec["clusterIPs"] = [asked]  # an address never changes: validation says so
            return
        address = self._asked_address(asked, had) if asked else self._free_address()
        if address is None:
            return
        if address not in had:
            self.services.addresses.add(address)
            self.addresses.add(address)
        spec["clusterIP"], spec["clusterIPs"] = str(address), [str(address)]

    def _asked_address(self, text: str, had: set[IPv4Address]) -> IPv4Address | None:
        try:
            address = ip_address(text)
        except ValueError:
            return None  # validation says what is wrong with it
        ranges = self.services.ranges
        if not isinstance(address, IPv4Address) or not ranges.holds(address):
            why = f"the provided IP ({text}) is not in the valid range. The range of valid IPs is {ranges.own}"
            raise self._refused(IP_FIELD, [text], f"failed to allocate IP {text}: {why}")
        taken = address in self.services.addresses or self.services.reserved_by_hand(address)
        if taken and address not in had:
            raise self._refused(IP_FIELD, [text], f"failed to allocate IP {text}: provided IP is already allocated")
        return address

    def _free_address(self) -> IPv4Address:
        for network in self.services.ranges.ready():
            address = self._free_in(network)
            if address is not None:
                return address
        raise Internal("failed to allocate a serviceIP: range is full")

    def _free_in(self, network: IPv4Network) -> IPv4Address | None:
        services = self.services
        size = network.num_addresses - 2  # neither the network's own address nor the broadcast one
        start = services.core.rng.below(size) if size > 0 else 0
        for step in range(size):
            address = network.network_address + 1 + (start + step) % size
            if address in services.addresses or address in services.reserved:
                continue
            if not services.reserved_by_hand(address):
                return address
        return None

    def _node_ports(self, spec: Obj, had: set[tuple[str, int]]) -> None:
        shared: dict[int, int] = {}  # service port -> node port: TCP and UDP of one port share the number
        for index, port in enumerate(spec.get("ports") or ()):
            protocol, number = port.get("protocol", "TCP"), port.get("nodePort")
            if not number:
                port["nodePort"] = shared.get(port.get("port")) or self._free_port(("TCP", "UDP"), taking=protocol)
                self._mark(protocol, port["nodePort"])
            elif (protocol, number) not in had:
                self._take_port(number, (protocol,), f"spec.ports[{index}].nodePort")
            shared[port.get("port")] = port["nodePort"]

    def _take_port(self, number: int, protocols: tuple[str, ...], field: str) -> None:
        ports = self.services.core.settings.node_ports
        if self.dry_run:
            return  # Kubernetes does not look at node ports in a dry run
        if number not in ports:
            why = f"provided port is not in the valid range. The range of valid ports is {ports.start}-{ports.stop - 1}"
            raise self._refused(field, number, why)
        for protocol in protocols:
            if (protocol, number) in self.services.ports:
                raise self._refused(field, number, "provided port is already allocated")
            self._mark(protocol, number)

    def _free_port(self, protocols: tuple[str, ...], *, taking: str = "TCP") -> int:
        ports = self.services.core.settings.node_ports
        start = self.services.core.rng.below(len(ports))
        for step in range(len(ports)):
            number = ports[(start + step) % len(ports)]
            if not any((protocol, number) in self.services.ports for protocol in protocols):
                self._mark(taking, number)
                return number
        raise Internal("failed to allocate a nodePort: range is full")

    def _mark(self, protocol: str, number: int) -> None:
        if (protocol, number) not in self.services.ports:
            self.services.ports.add((protocol, number))
            self.ports.add((protocol, number))

    def _give_back(self) -> None:
        self.services.addresses -= self.addresses
        self.services.ports -= self.ports

    def _refused(self, field: str, value: Any, why: str) -> Exception:
        shown = "[" + ",".join(f'"{one}"' for one in value) + "]" if isinstance(value, list) else str(value)
        cause = Cause("FieldValueInvalid", field, f"Invalid value: {shown}: {why}")
        return invalid("Service", "", str(self.new["metadata"].get("name", "")), [cause])


def held(service: Obj) -> tuple[set[IPv4Address], set[tuple[str, int]]]:
    """Return the addresses and the (protocol, node port) pairs a Service has."""
    spec = service.get("spec") or {}
    return set(_addresses(spec)), set(_ports(spec))


def _addresses(spec: Obj) -> Iterator[IPv4Address]:
    for text in spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else ()):
        try:
            yield IPv4Address(text)
        except ValueError:
            continue  # `None`, or an address of another family


def _ports(spec: Obj) -> Iterator[tuple[str, int]]:
    for port in spec.get("ports") or ():
        if port.get("nodePort"):
            yield port.get("protocol", "TCP"), port["nodePort"]
    if spec.get("healthCheckNodePort"):
        yield "TCP", spec["healthCheckNodePort"]


def _kind(group: str, plural: str) -> Kind:
    found = kinds.by_resource(group, "v1", plural)
    assert found is not None
    return found


SERVICE, ADDRESS = _kind("", "services"), _kind("networking.k8s.io", "ipaddresses")
NOTHING_CLAIMED = NoClaim()
