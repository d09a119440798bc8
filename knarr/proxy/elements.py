"""Say a frontend in elements of nftables maps. Pure.

A frontend with n backends is one element that names the chain for n, and n elements, one per slot. A sticky one has
SLOTS_STICKY slots, shared out by rendezvous: when a backend goes, only its own clients move.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from knarr.proxy.plan import Backend, Frontend

SLOTS_STICKY = 256  # so that up to about 60 backends get shares within a quarter of each other


class Element(NamedTuple):
    """One element of a map or set: where it stands and its key."""

    map: str
    key: str


class Way(NamedTuple):
    """What distinguishes the chains that choose a backend."""

    side: str  # "vip", "port", "inside_vip", "inside_port"
    protocol: str
    slots: int
    sticky: bool
    masquerade: bool

    @property
    def chain(self) -> str:
        kind = "sticky" if self.sticky else f"spread_{self.slots}"
        return f"{self.side}_{self.protocol}_{kind}" + ("_masq" if self.masquerade else "")


def elements(frontends: Iterable[Frontend], local_ips: Iterable[str]) -> dict[Element, str]:
    """Return the elements, with their values, of one Service's frontends. local_ips: backends on this node."""
    found: dict[Element, str] = {}
    for frontend in frontends:
        if frontend.backends:
            found |= leading(frontend)
        else:
            found |= blocking(frontend)
    for ip in local_ips:
        found[Element("hairpins", f"{ip} . {ip}")] = ""
    return found


def leading(frontend: Frontend) -> dict[Element, str]:
    """Return the elements that lead to backends."""
    way = way_of(frontend)
    key = key_of(frontend)
    found = {Element(f"{way.side}_ways", key): f"goto {way.chain}"}
    for slot, backend in enumerate(share(frontend)):
        found[Element(f"{way.side}_{way.protocol}_slots", f"{key} . {slot}")] = f"{backend.ip} . {backend.port}"
    return found


def blocking(frontend: Frontend) -> dict[Element, str]:
    """Return the element that tells clients there is nobody."""
    return {Element(f"{frontend.door}_blocked", key_of(frontend)): f"goto {frontend.empty}"}


def way_of(frontend: Frontend) -> Way:
    """Return which chain chooses the frontend's backend."""
    side = ("inside_" if frontend.inside else "") + frontend.door
    slots = SLOTS_STICKY if frontend.sticky else len(frontend.backends)
    return Way(side, frontend.protocol, slots, frontend.sticky, frontend.masquerade)


def key_of(frontend: Frontend) -> str:
    """Return the frontend in nft's words."""
    key = f"{frontend.protocol} . {frontend.port}"
    return f"{frontend.address} . {key}" if frontend.address else key


def share(frontend: Frontend) -> list[Backend]:
    """Return each slot's backend."""
    if not frontend.sticky:
        return list(frontend.backends)
    return [max(frontend.backends, key=lambda backend: weight(backend, slot)) for slot in range(SLOTS_STICKY)]


def weight(backend: Backend, slot: int) -> bytes:
    """Return the backend's claim to a slot: the same on every node and at every time."""
    return hashlib.blake2b(f"{backend.ip}:{backend.port}/{slot}".encode(), digest_size=8).digest()
