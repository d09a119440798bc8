"""Keep a Service's Endpoints object, the older form of EndpointSlices. Source: kube endpoints_controller.go."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from knarr.api.types.core_v1 import (
    EndpointAddress,
    EndpointPort,
    Endpoints,
    EndpointSubset,
    ObjectReference,
    Pod,
    Service,
)
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.reconcile.actions import Action, Create, Delete, Update
from knarr.reconcile.pods import is_finished, is_ready, is_terminating
from knarr.reconcile.serving import address, dated, hostname, is_headless, target_port, triggered

ADDRESSES_MAX = 1_000     # Source: kube endpoints_controller.go, maxCapacity
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
MANAGED_BY = "endpoints.kubernetes.io/managed-by"
MANAGER = "endpoint-controller"
HEADLESS = "service.kubernetes.io/headless"
Ports = tuple[EndpointPort, ...]


@dataclass(frozen=True, slots=True)
class View:
    """All that one decision may look at. service: None when it is gone."""

    service: Service | None
    pods: tuple[Pod, ...]
    endpoints: Endpoints | None


def plan(view: View) -> list[Action]:
    """Decide the one write that makes the object say what the pods are."""
    service, held = view.service, view.endpoints
    if service is None:
        return [Delete(held)] if held is not None and held.metadata.labels.get(MANAGED_BY) == MANAGER else []
    every = _subsets(service, view.pods)
    subsets = _truncated(every)
    labels = _labels(service)
    over = {OVER_CAPACITY: "truncated"} if subsets != every else {}
    if held is None:
        meta = ObjectMeta(
            name=service.metadata.name, namespace=service.metadata.namespace, labels=labels,
            annotations=dated(over, triggered(view.pods, made=service.metadata.creationTimestamp)))
        return [Create(Endpoints(metadata=meta, subsets=subsets))]
    others = {name: text for name, text in held.metadata.annotations.items() if name != OVER_CAPACITY}
    meta = replace(held.metadata, labels=labels, annotations={**others, **over})
    fresh = replace(held, metadata=meta, subsets=subsets)
    return [Update(_dated(fresh, held, view.pods))] if fresh != held else []


def _dated(fresh: Endpoints, held: Endpoints, pods: tuple[Pod, ...]) -> Endpoints:
    """Say when what is told anew came to be."""
    known = {address.ip for subset in held.subsets for address in subset.addresses}
    at = triggered(pod for pod in pods if pod.status.podIP not in known)
    return replace(fresh, metadata=replace(fresh.metadata, annotations=dated(fresh.metadata.annotations, at)))


def _subsets(service: Service, pods: tuple[Pod, ...]) -> tuple[EndpointSubset, ...]:
    """Group addresses by the ports they have, ready and not ready apart; ordered, so that equals are equal."""
    family = service.spec.ipFamilies[0] if service.spec.ipFamilies else "IPv4"
    ready: dict[Ports, list[EndpointAddress]] = {}
    unready: dict[Ports, list[EndpointAddress]] = {}
    for pod in pods:
        ip = address(pod, family)
        ports = _ports(service, pod)
        if ip is None or is_finished(pod) or is_terminating(pod) or (service.spec.ports and not ports):
            continue
        shown = bool(service.spec.publishNotReadyAddresses) or is_ready(pod)
        (ready if shown else unready).setdefault(ports, []).append(_address(service, pod, ip))
    keys = sorted(ready.keys() | unready.keys(), key=lambda ports: [(port.port, port.protocol) for port in ports])
    return tuple(
        EndpointSubset(addresses=_ordered(ready, key), notReadyAddresses=_ordered(unready, key), ports=key)
        for key in keys)


def _ordered(held: dict[Ports, list[EndpointAddress]], ports: Ports) -> tuple[EndpointAddress, ...]:
    return tuple(sorted(held.get(ports, ()), key=lambda one: one.ip))


def _ports(service: Service, pod: Pod) -> Ports:
    found = ((port, target_port(port, pod)) for port in service.spec.ports)
    return tuple(
        EndpointPort(name=port.name, port=number, protocol=port.protocol or "TCP", appProtocol=port.appProtocol)
        for port, number in found if number is not None)


def _address(service: Service, pod: Pod, ip: str) -> EndpointAddress:
    meta = pod.metadata
    return EndpointAddress(
        ip=ip, hostname=hostname(pod, service), nodeName=pod.spec.nodeName or None,
        targetRef=ObjectReference(kind="Pod", namespace=meta.namespace, name=meta.name, uid=meta.uid))


def _labels(service: Service) -> dict[str, str]:
    headless = {HEADLESS: ""} if is_headless(service) else {}
    return {**service.metadata.labels, **headless, MANAGED_BY: MANAGER}


def _truncated(subsets: tuple[EndpointSubset, ...]) -> tuple[EndpointSubset, ...]:
    """Keep the first ADDRESSES_MAX addresses, ready ones before others."""
    left = ADDRESSES_MAX
    ready: list[tuple[EndpointAddress, ...]] = []
    for subset in subsets:
        ready.append(subset.addresses[:left])
        left -= len(ready[-1])
    kept: list[EndpointSubset] = []
    for subset, addresses in zip(subsets, ready, strict=True):
        others = subset.notReadyAddresses[:left]
        left -= len(others)
        if addresses or others:
            kept.append(replace(subset, addresses=addresses, notReadyAddresses=others))
    return tuple(kept)
