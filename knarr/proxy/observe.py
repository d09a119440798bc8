"""Gather what one decision may look at, from the informers' copies."""

from __future__ import annotations

from knarr.api.types.core_v1 import Service
from knarr.api.types.discovery_v1 import EndpointSlice
from knarr.client.informer import Informer
from knarr.client.informers import Informers
from knarr.proxy.plan import View

SERVICE_NAME = "kubernetes.io/service-name"
BY_SERVICE = "service"


class Watched:
    """The Services and their slices."""

    def __init__(self, informers: Informers) -> None:
        self.services: Informer[Service] = informers.of(Service)
        self.slices: Informer[EndpointSlice] = informers.of(EndpointSlice)
        self.slices.index(BY_SERVICE, lambda piece: [owner_of(piece)])

    async def wait_synced(self) -> None:
        """Wait until both copies are whole: half a picture would take endpoints away."""
        await self.services.wait_synced()
        await self.slices.wait_synced()

    def view(self, owner: str, node_name: str) -> View:
        """Return the view of the Service `namespace/name`."""
        namespace, _, name = owner.partition("/")
        slices = sorted(self.slices.by(BY_SERVICE, owner), key=lambda piece: piece.metadata.name or "")
        return View(self.services.get(namespace, name), tuple(slices), node_name)


def owner_of(piece: EndpointSlice) -> str:
    """Return the Service a slice belongs to, `namespace/name`."""
    return f"{piece.metadata.namespace}/{piece.metadata.labels.get(SERVICE_NAME, '')}"


def name_of(service: Service) -> str:
    """Return `namespace/name`."""
    return f"{service.metadata.namespace}/{service.metadata.name}"
