"""See a Service, its pods and its Endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knarr.api.types.core_v1 import Endpoints, Pod, Service
from knarr.client.informers import Informers
from knarr.controllers.endpoints.plan import View
from knarr.reconcile.actions import Look
from knarr.reconcile.runner import Key, Watch
from knarr.reconcile.serving import BY_LABEL, BY_NAMESPACE, by_label, by_namespace, matters, selected, selecting


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return what there is to decide on; None for Services whose endpoints are not ours to write."""
    service = informers.of(Service).get(*key)
    endpoints = informers.of(Endpoints).get(*key)
    if service is None:
        return View(None, (), endpoints) if endpoints is not None else None
    if not service.spec.selector or service.spec.type == "ExternalName":
        return None
    return View(service, tuple(selected(service, informers.of(Pod))), endpoints)


def watches() -> list[Watch[Any]]:
    """Return what concerns Endpoints."""
    return [
        Watch(Service, _own_key, indexes={BY_NAMESPACE: by_namespace}),
        Watch(Endpoints, _own_key),
        Watch(Pod, _keys_of_pod, when=matters, indexes={BY_LABEL: by_label}),
    ]


def _own_key(informers: Informers, obj: Any) -> list[Key]:
    return [(obj.metadata.namespace or "", obj.metadata.name or "")]


def _keys_of_pod(informers: Informers, pod: Pod) -> Iterator[Key]:
    for service in selecting(pod, informers.of(Service)):
        yield service.metadata.namespace or "", service.metadata.name or ""
