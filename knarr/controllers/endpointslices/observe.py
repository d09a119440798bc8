"""See a Service, its pods and its slices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knarr.api.types.core_v1 import Node, Pod, Service
from knarr.api.types.discovery_v1 import EndpointSlice
from knarr.client.informers import Informers
from knarr.controllers.endpointslices.plan import MANAGED_BY, MANAGER, SERVICE_NAME, View
from knarr.reconcile.actions import Look
from knarr.reconcile.runner import Key, Watch
from knarr.reconcile.serving import BY_LABEL, BY_NAMESPACE, by_label, by_namespace, matters, selected, selecting

BY_SERVICE = "service"
ZONE = "topology.kubernetes.io/zone"


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return what there is to decide on; None for Services whose endpoints are not ours to write."""
    namespace, name = key
    service = informers.of(Service).get(namespace, name)
    if service is None or not service.spec.selector or service.spec.type == "ExternalName":
        return None
    pods = tuple(selected(service, informers.of(Pod)))
    slices = tuple(informers.of(EndpointSlice).by(BY_SERVICE, f"{namespace}/{name}"))
    return View(service, pods, slices, _zones(informers, pods))


def watches() -> list[Watch[Any]]:
    """Return what concerns EndpointSlices."""
    return [
        Watch(Service, lambda informers, obj: [(obj.metadata.namespace or "", obj.metadata.name or "")],
              indexes={BY_NAMESPACE: by_namespace}),
        Watch(Pod, _keys_of_pod, when=matters, indexes={BY_LABEL: by_label}),
        Watch(EndpointSlice, _keys_of_slice, indexes={BY_SERVICE: _service_of}),
        Watch(Node, lambda informers, obj: ()),      # looked up for zones; a node's zone does not change
    ]


def _keys_of_pod(informers: Informers, pod: Pod) -> Iterator[Key]:
    for service in selecting(pod, informers.of(Service)):
        yield service.metadata.namespace or "", service.metadata.name or ""


def _keys_of_slice(informers: Informers, one: EndpointSlice) -> Iterator[Key]:
    for value in _service_of(one):
        namespace, _, name = value.partition("/")
        yield namespace, name


def _service_of(one: EndpointSlice) -> tuple[str, ...]:
    labels = one.metadata.labels
    if labels.get(MANAGED_BY) != MANAGER or SERVICE_NAME not in labels:
        return ()
    return (f"{one.metadata.namespace}/{labels[SERVICE_NAME]}",)


def _zones(informers: Informers, pods: tuple[Pod, ...]) -> dict[str, str]:
    nodes = informers.of(Node)
    zones: dict[str, str] = {}
    for name in {pod.spec.nodeName or "" for pod in pods}:
        node = nodes.get("", name)
        if node is not None and ZONE in node.metadata.labels:
            zones[name] = node.metadata.labels[ZONE]
    return zones
