"""See an address: its object, and the Service that has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knarr.api.types.core_v1 import Service
from knarr.api.types.networking_v1 import IPAddress
from knarr.client.informers import Informers
from knarr.controllers.ipaddresses.plan import View
from knarr.reconcile.actions import Look
from knarr.reconcile.keys import own_key
from knarr.reconcile.runner import Key, Watch

BY_ADDRESS = "ipaddresses/address"


def observe(informers: Informers, key: Key, look: Look) -> View:
    """Return what there is of an address."""
    having = informers.of(Service).by(BY_ADDRESS, key[-1])
    service = min(having, key=lambda one: one.metadata.creationTimestamp or "", default=None)
    return View(key[-1], service, informers.of(IPAddress).get("", key[-1]))


def watches() -> list[Watch[Any]]:
    """Return what concerns addresses: the Services that have them, and their objects."""
    return [Watch(Service, _keys_of_service, indexes={BY_ADDRESS: addresses}), Watch(IPAddress, own_key)]


def addresses(service: Service) -> list[str]:
    """Return the cluster addresses of a Service; a headless one has none."""
    return [address for address in service.spec.clusterIPs if address != "None"]


def _keys_of_service(_: Informers, service: Service) -> Iterator[Key]:
    return (("", address) for address in addresses(service))
