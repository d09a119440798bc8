"""Answer a query from the zone, or say that it must be asked elsewhere. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from knarr.dns import wire

HOPS_MAX = 8  # a chain of external names within the cluster; longer ones are a circle
POD_TTL_S = 5
POD = re.compile(rb"\d{1,3}(-\d{1,3}){3}")

Packed: TypeAlias = "dict[int, tuple[bytes, ...]]"


class Names(Protocol):
    """What is asked of a zone (zone.Zone)."""

    origin: bytes
    soa: tuple[bytes, ...]

    def find(self, name: bytes) -> Packed | None:
        """Return what a name holds, {} if only others lie below, None if it is not there."""

    def covers(self, name: bytes) -> bool:
        """Tell whether the name is ours to answer or deny."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The cluster does not know: ask for `name`, and put `before` (CNAME records) in front of what comes back."""

    name: bytes
    before: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The answer's parts."""

    rcode: int
    answers: tuple[bytes, ...] = ()
    authority: tuple[bytes, ...] = ()


def answer(query: wire.Query, zone: Names) -> Found | Elsewhere:
    """Look a query up. Several addresses are turned by the query's id, so that clients spread over them."""
    held = zone.find(query.name)
    if not held and not zone.covers(query.name):
        return Elsewhere(query.name)
    if held is None:
        held = pod_address(query.name, zone)
    if held is None:
        return Found(wire.NXDOMAIN, authority=zone.soa)
    if query.kind == wire.SOA and query.name == zone.origin:
        return Found(wire.NOERROR, zone.soa)
    if wire.CNAME in held and query.kind != wire.CNAME:
        return follow(query, zone, held)
    some = held.get(query.kind, ())
    return Found(wire.NOERROR, turned(some, query.id)) if some else Found(wire.NOERROR, authority=zone.soa)


def follow(query: wire.Query, zone: Names, held: Packed) -> Found | Elsewhere:
    """Follow an external name: within the cluster here, else elsewhere."""
    chain: tuple[bytes, ...] = ()
    name = query.name
    for _ in range(HOPS_MAX):
        chain += (renamed(held[wire.CNAME][0], name, query.name),)
        name = target_of(held[wire.CNAME][0])
        found = zone.find(name)
        if not found and not zone.covers(name):
            return Elsewhere(name, chain)
        if found is None:
            return Found(wire.NXDOMAIN, chain, zone.soa)
        if wire.CNAME not in found:
            some = turned(found.get(query.kind, ()), query.id)
            chain += tuple(renamed(one, name, query.name) for one in some)
            return Found(wire.NOERROR, chain, () if some else zone.soa)
        held = found
    return Found(wire.SERVFAIL)


def pod_address(name: bytes, zone: Names) -> Packed | None:
    """Return the address that is written in a pod's name, `1-2-3-4.namespace.pod.<origin>`.

    Source: specification 1.1.0, 2.3.3; as CoreDNS's `pods insecure`, whether such a pod exists is not looked at.
    """
    first, second = name[1 : 1 + name[0]], wire.parent(name)
    if not POD.fullmatch(first) or wire.parent(second) != b"\x03pod" + zone.origin:
        return None
    numbers = [int(part) for part in first.split(b"-")]
    if max(numbers) > 255:
        return None
    return {wire.A: (wire.record(wire.A, bytes(numbers), ttl_s=POD_TTL_S),)}


def turned(some: tuple[bytes, ...], by: int) -> tuple[bytes, ...]:
    """Rotate, so that each in turn comes first."""
    if len(some) < 2:
        return some
    start = by % len(some)
    return some[start:] + some[:start]


def renamed(record: bytes, name: bytes, asked: bytes) -> bytes:
    """Return a packed record with its own name written out, unless that is the name asked for."""
    return record if name == asked else name + record[len(wire.SELF) :]


def target_of(record: bytes) -> bytes:
    """Return where a packed CNAME leads."""
    return record[len(wire.SELF) + wire.RECORD.size :]
