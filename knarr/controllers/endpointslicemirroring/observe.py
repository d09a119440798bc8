"""See Endpoints that nobody keeps but their writer, the Service they are for, and the slices made of them."""

from __future__ import annotations

from typing import Any

from knarr.api.types.core_v1 import Endpoints, Service
from knarr.api.types.discovery_v1 import EndpointSlice
from knarr.client.informers import Informers
from knarr.controllers.endpointslicemirroring.plan import MANAGED_BY, MANAGER, SERVICE_NAME, View
from knarr.reconcile.actions import Look
from knarr.reconcile.keys import own_key
from knarr.reconcile.runner import Key, Watch

BY_SERVICE = "mirrored"


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return what there is to decide on; None where neither Endpoints nor slices of them are."""
    namespace, name = key
    slices = tuple(informers.of(EndpointSlice).by(BY_SERVICE, f"{namespace}/{name}"))
    endpoints = informers.of(Endpoints).get(namespace, name)
    if endpoints is None and not slices:
        return None
    return View(endpoints, informers.of(Service).get(namespace, name), slices)


def watches() -> list[Watch[Any]]:
    """Return what concerns mirrored slices."""
    return [
        Watch(Endpoints, own_key),
        Watch(Service, own_key),
        Watch(EndpointSlice, _keys_of_slice, indexes={BY_SERVICE: _mirrored}),
    ]


def _keys_of_slice(informers: Informers, one: EndpointSlice) -> list[Key]:
    return [tuple(value.split("/")) for value in _mirrored(one)]


def _mirrored(one: EndpointSlice) -> tuple[str, ...]:
    labels = one.metadata.labels
    if labels.get(MANAGED_BY) != MANAGER or SERVICE_NAME not in labels:
        return ()
    return (f"{one.metadata.namespace}/{labels[SERVICE_NAME]}",)
