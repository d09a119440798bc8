"""Say which names Services have, and keep the answers to them ready-made.

Source: Kubernetes DNS-based service discovery, specification 1.1.0. A record is packed once, when its Service or
slices change; answering is one look-up and a join. TTL and SRV weight are CoreDNS's.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from knarr.api.types.core_v1 import Service
from knarr.api.types.discovery_v1 import Endpoint, EndpointSlice
from knarr.dns import wire

TTL_S = 5
VERSION = "1.1.0"
SRV_DATA = struct.Struct(">HHH")
SRV_PRIORITY, SRV_WEIGHT = 0, 100
SOA_DATA = struct.Struct(">IIIII")

Answers: TypeAlias = dict[int, tuple[bytes, ...]]  # packed records of the question's own name, by type
Names: TypeAlias = dict[bytes, Answers]


class Zone:
    """All names we know, by who has them. origin: such as `cluster.local`."""

    def __init__(self, origin: str) -> None:
        self.origin = wire.pack_name(origin)
        self.text = origin.strip(".").lower()
        self.names: Names = {}
        self.serial = 1
        self.soa: tuple[bytes, ...] = (self._soa(),)
        self._owned: dict[str, Names] = {}
        self._holders: dict[bytes, set[str]] = {}
        self._below: dict[bytes, int] = {}  # how many names lie under this one: it exists, though it may hold nothing
        self.update("", self._fixed())

    def update(self, owner: str, names: Names) -> None:
        """Replace all names of one owner (a Service, `namespace/name`)."""
        before = self._owned.get(owner, {})
        if names == before:
            return  # most changes of slices are of no headless Service
        self._owned.pop(owner, None)
        if names:
            self._owned[owner] = names
        for name in before.keys() | names.keys():
            self._hold(name, owner, held=name in names)
        self.serial = self.serial % 0xFFFFFFFF + 1
        self.soa = (self._soa(),)

    def find(self, name: bytes) -> Answers | None:
        """Return what a name holds: nothing ({}) where only other names lie below it, None where there is none."""
        found = self.names.get(name)
        if found is None and name in self._below:
            return {}
        return found

    def covers(self, name: bytes) -> bool:
        """Tell whether the name is ours to answer or deny."""
        return name.endswith(self.origin) and (name == self.origin or self._at_label(name))

    def _at_label(self, name: bytes) -> bool:
        while len(name) > len(self.origin):
            name = wire.parent(name)
        return name == self.origin

    def _hold(self, name: bytes, owner: str, *, held: bool) -> None:
        holders = self._holders.setdefault(name, set())
        was = bool(holders)
        (holders.add if held else holders.discard)(owner)
        if holders:
            self.names[name] = merged(self._owned[holder][name] for holder in sorted(holders))
        else:
            del self._holders[name]
            self.names.pop(name, None)
        if was != bool(holders):
            self._count(name, 1 if holders else -1)

    def _count(self, name: bytes, step: int) -> None:
        while name[0]:
            name = wire.parent(name)
            count = self._below.get(name, 0) + step
            if count:
                self._below[name] = count
            else:
                del self._below[name]

    def _fixed(self) -> Names:
        server = wire.pack_name(f"ns.dns.{self.text}")
        version = bytes([len(VERSION)]) + VERSION.encode()
        empty: Answers = {}
        return {
            self.origin: {wire.NS: (wire.record(wire.NS, server, ttl_s=TTL_S),)},
            wire.pack_name(f"dns-version.{self.text}"): {wire.TXT: (wire.record(wire.TXT, version, ttl_s=TTL_S),)},
            wire.pack_name(f"svc.{self.text}"): empty,
            wire.pack_name(f"pod.{self.text}"): empty,
        }

    def _soa(self) -> bytes:
        names = wire.pack_name(f"ns.dns.{self.text}") + wire.pack_name(f"hostmaster.{self.text}")
        data = names + SOA_DATA.pack(self.serial, 7200, 1800, 86400, TTL_S)
        return wire.record(wire.SOA, data, ttl_s=TTL_S, name=self.origin)


def names_of(service: Service, slices: Iterable[EndpointSlice], origin: str) -> Names:
    """Return every name of a Service, with what it holds."""
    own = f"{service.metadata.name}.{service.metadata.namespace}.svc.{origin}"
    if service.spec.type == "ExternalName":
        target = service.spec.externalName or ""
        return {wire.pack_name(own): {wire.CNAME: (wire.record(wire.CNAME, wire.pack_name(target), ttl_s=TTL_S),)}}
    if service.spec.clusterIP in (None, ""):
        return {}
    if service.spec.clusterIP == "None":
        return headless(own, slices)
    return clustered(service, own)


def clustered(service: Service, own: str) -> Names:
    """Return the names of a Service with virtual addresses."""
    ips = [ipaddress.ip_address(ip) for ip in service.spec.clusterIPs or (service.spec.clusterIP or "",)]
    draft = Draft()
    for ip in ips:
        draft.address(own, ip)
        draft.add(ip.reverse_pointer, wire.PTR, wire.pack_name(own))
    for port in service.spec.ports:
        if port.name:
            draft.port(own, port.name, port.protocol or "TCP", target=own, number=port.port)
    return draft.names(own)


def headless(own: str, slices: Iterable[EndpointSlice]) -> Names:
    """Return the names of a Service that is nothing but its endpoints: itself, each of them, each port."""
    draft = Draft()
    for piece in slices:
        if piece.addressType not in ("IPv4", "IPv6"):
            continue
        for endpoint in piece.endpoints:
            if endpoint.addresses and ready(endpoint):
                headless_endpoint(draft, own, endpoint, piece)
    return draft.names(own)


def headless_endpoint(draft: Draft, own: str, endpoint: Endpoint, piece: EndpointSlice) -> None:
    """Add one endpoint. Without a hostname it is called by its address, as CoreDNS does."""
    ip = ipaddress.ip_address(endpoint.addresses[0])
    host = endpoint.hostname or str(ip).replace(".", "-").replace(":", "-")
    target = f"{host}.{own}"
    draft.address(own, ip)
    draft.address(target, ip)
    draft.add(ip.reverse_pointer, wire.PTR, wire.pack_name(target))
    for port in piece.ports:
        if port.name and port.port:
            draft.port(own, port.name, port.protocol or "TCP", target=target, number=port.port)


def ready(endpoint: Endpoint) -> bool:
    """Unknown counts as ready. Source: discovery/v1 EndpointConditions."""
    return endpoint.conditions is None or endpoint.conditions.ready is not False


class Draft:
    """Names being gathered."""

    def __init__(self) -> None:
        self._found: dict[bytes, dict[int, dict[bytes, None]]] = {}

    def add(self, name: str, kind: int, data: bytes) -> None:
        """Add one record; the same one twice is one."""
        kinds = self._found.setdefault(wire.pack_name(name), {})
        kinds.setdefault(kind, {})[wire.record(kind, data, ttl_s=TTL_S)] = None

    def address(self, name: str, ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
        """Add an A or AAAA record."""
        self.add(name, wire.A if ip.version == 4 else wire.AAAA, ip.packed)

    def port(self, own: str, name: str, protocol: str, *, target: str, number: int) -> None:
        """Add an SRV record."""
        data = SRV_DATA.pack(SRV_PRIORITY, SRV_WEIGHT, number) + wire.pack_name(target)
        self.add(f"_{name}._{protocol.lower()}.{own}", wire.SRV, data)

    def names(self, own: str) -> Names:
        """Return what was gathered. The Service's own name exists even when it holds nothing yet."""
        self._found.setdefault(wire.pack_name(own), {})
        return {name: {kind: tuple(some) for kind, some in kinds.items()} for name, kinds in self._found.items()}


def merged(parts: Iterable[Mapping[int, tuple[bytes, ...]]]) -> Answers:
    """Join what several owners say of one name (two headless Services of one pod)."""
    answers: Answers = {}
    for part in parts:
        for kind, some in part.items():
            answers[kind] = tuple(dict.fromkeys((*answers.get(kind, ()), *some)))
    return answers
