"""See a range, the ranges beside it, and the addresses that Services have."""

from __future__ import annotations

from typing import Any

from knarr.api.types.core_v1 import Service
from knarr.api.types.networking_v1 import ServiceCIDR
from knarr.client.informers import Informers
from knarr.controllers.servicecidrs.plan import View
from knarr.reconcile.actions import Look
from knarr.reconcile.runner import Key, Watch


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return the range; None when it is gone. What others have matters only when it is on its way out."""
    found = informers.of(ServiceCIDR).get(*key)
    if found is None:
        return None
    if found.metadata.deletionTimestamp is None:
        return View(found, (), (), look.now_s)
    others = [one for one in informers.of(ServiceCIDR).all()
              if one.metadata.deletionTimestamp is None and one.metadata.uid != found.metadata.uid]
    addresses = (address for service in informers.of(Service).all() for address in service.spec.clusterIPs)
    return View(found, tuple(text for one in others for text in one.spec.cidrs), tuple(addresses), look.now_s)


def watches() -> list[Watch[Any]]:
    """Return what concerns ranges: themselves, and the Services that go."""
    return [
        Watch(ServiceCIDR, lambda informers, obj: [("", obj.metadata.name or ""), *_leaving(informers)]),
        Watch(Service, lambda informers, _: _leaving(informers), when=lambda _, new: new is None),
    ]


def _leaving(informers: Informers) -> list[Key]:
    ranges = informers.of(ServiceCIDR).all()
    return [("", one.metadata.name or "") for one in ranges if one.metadata.deletionTimestamp is not None]
