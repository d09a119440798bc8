"""Decide whether an address needs its object, or the object has outlived its Service.

Objects that others made are theirs: they hold an address without a Service. Source: kube
registry/core/service/ipallocator/controller/repairip.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from knarr.api.types.core_v1 import Service
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.api.types.networking_v1 import IPAddress, IPAddressSpec, ParentReference
from knarr.reconcile.actions import Action, Create, Delete

FAMILY: Final = "ipaddress.kubernetes.io/ip-family"
MANAGED_BY: Final = "ipaddress.kubernetes.io/managed-by"
MANAGER: Final = "ipallocator.k8s.io"


@dataclass(frozen=True, slots=True)
class View:
    """One address. service: the one that has it, found: its object."""

    address: str
    service: Service | None
    found: IPAddress | None


def plan(view: View) -> list[Action]:
    """Make the object, or take it away; one that names another Service goes first, and comes back right."""
    found, service = view.found, view.service
    if found is None:
        return [] if service is None else [Create(made(view.address, service))]
    if found.metadata.labels.get(MANAGED_BY) != MANAGER or found.metadata.deletionTimestamp is not None:
        return []
    if service is None or found.spec.parentRef != parent(service):
        return [Delete(found)]
    return []


def made(address: str, service: Service) -> IPAddress:
    """Return the object of an address that a Service has."""
    labels = {FAMILY: "IPv6" if ":" in address else "IPv4", MANAGED_BY: MANAGER}
    return IPAddress(metadata=ObjectMeta(name=address, labels=labels), spec=IPAddressSpec(parentRef=parent(service)))


def parent(service: Service) -> ParentReference:
    """Return how an address names its Service."""
    meta = service.metadata
    return ParentReference(resource="services", namespace=meta.namespace, name=meta.name or "")
