"""Answer the cluster's names on this node: watch Services and slices, keep the zone, serve.

Every node has its own server, on the address of the pods' bridge. The DNS Service's address (10.96.0.10) is led to it
by the proxy's pinned frontend (`proxy.run.dns_frontends`), which needs no API: names resolve while the API server
restarts, and after a restart of this process as soon as the first lists are in; until then clients are told SERVFAIL
and try again, never "no such name".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NoReturn

import structlog

from knarr.api.types.core_v1 import Service
from knarr.api.types.discovery_v1 import EndpointSlice
from knarr.base.backoff import Backoff
from knarr.base.clock import Clock
from knarr.base.rng import Rng
from knarr.client.informers import Informers
from knarr.dns.forward import Forwarder, Source
from knarr.dns.server import Responder, serve
from knarr.dns.zone import Names, Zone, names_of

SERVICE_NAME = "kubernetes.io/service-name"
BY_SERVICE = "service"
RETRY = Backoff(first_s=0.5, factor=2, cap_s=5)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Settings:
    """What is fixed while we run. addresses: where to listen. source: the resolvers for names outside."""

    addresses: tuple[str, ...]
    port: int = 53
    domain: str = "cluster.local"
    source: Source = field(default_factory=Source)


async def run(informers: Informers, settings: Settings, *, clock: Clock, rng: Rng) -> NoReturn:
    """Serve until cancelled. An address that is taken is tried again with backoff."""
    names = ClusterNames(informers, settings.domain)
    forwarder = Forwarder(settings.source, clock=clock, rng=rng.child("forward"))
    responder = Responder(names.zone, forwarder, names.synced)
    failures = 0
    while True:
        try:
            await serve(responder, settings.addresses, settings.port)
        except* OSError as errors:
            log.warning("dns.retry", failures=failures, error=str(errors.exceptions[0]))
        await clock.sleep(RETRY.delay_s(failures, rng))
        failures += 1


class ClusterNames:
    """The zone, kept in step with the informers: each batch of changes is taken in at once."""

    def __init__(self, informers: Informers, domain: str) -> None:
        self.zone = Zone(domain)
        self._services = informers.of(Service)
        self._slices = informers.of(EndpointSlice)
        self._dirty: set[str] = set()
        self._slices.index(BY_SERVICE, lambda piece: [owner_of(piece)])
        self._services.on_change(self._service_changed)
        self._slices.on_change(self._slice_changed)
        self._services.on_batch(self.catch_up)
        self._slices.on_batch(self.catch_up)
        self.catch_up()

    def synced(self) -> bool:
        """Tell whether the zone is whole."""
        return self._services.synced and self._slices.synced

    def catch_up(self) -> None:
        """Pack the names of the Services that changed."""
        dirty, self._dirty = self._dirty, set()
        for owner in dirty:
            namespace, _, name = owner.partition("/")
            service = self._services.get(namespace, name)
            slices = sorted(self._slices.by(BY_SERVICE, owner), key=lambda piece: piece.metadata.name or "")
            self.zone.update(owner, self._names(owner, service, slices))

    def _names(self, owner: str, service: Service | None, slices: list[EndpointSlice]) -> Names:
        try:
            return names_of(service, slices, self.zone.text) if service is not None else {}
        except ValueError as error:
            log.warning("dns.no_name", service=owner, error=str(error))  # an external name that is none
            return {}

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        self._note(f"{one.metadata.namespace}/{one.metadata.name}" for one in (old, new) if one is not None)

    def _slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        self._note(owner_of(one) for one in (old, new) if one is not None)

    def _note(self, owners: Iterable[str]) -> None:
        self._dirty.update(owners)


def owner_of(piece: EndpointSlice) -> str:
    """Return the Service a slice belongs to, `namespace/name`."""
    return f"{piece.metadata.namespace}/{piece.metadata.labels.get(SERVICE_NAME, '')}"
