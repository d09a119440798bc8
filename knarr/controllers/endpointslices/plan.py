"""Keep a Service's EndpointSlices as its pods are, with few writes. Source: kube staging endpointslice/reconciler.go.

Pods whose named ports differ go into different slices. An endpoint stays in its slice while it lives; free places are
filled before a slice is made; where there is nothing to say, one empty slice says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from msgspec.structs import replace

from knarr.api.types.core_v1 import ObjectReference, Pod, Service
from knarr.api.types.discovery_v1 import (
    Endpoint,
    EndpointConditions,
    EndpointHints,
    EndpointPort,
    EndpointSlice,
    ForNode,
    ForZone,
)
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.reconcile.actions import Action, Create, Delete, Update
from knarr.reconcile.owners import reference
from knarr.reconcile.pods import is_finished, is_ready, is_terminating
from knarr.reconcile.serving import address, dated, hostname, is_headless, target_port, triggered

ENDPOINTS_MAX = 100     # in one slice. Source: kube-controller-manager --max-endpoints-per-slice
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
HEADLESS = "service.kubernetes.io/headless"
Ports: TypeAlias = tuple[EndpointPort, ...]


@dataclass(frozen=True, slots=True)
class View:
    """All that one decision may look at. slices: ours, of this Service. zones: of the pods' nodes, by name."""

    service: Service
    pods: tuple[Pod, ...]
    slices: tuple[EndpointSlice, ...]
    zones: dict[str, str]


@dataclass(slots=True)
class Changes:
    """What becomes of the slices of one family."""

    create: list[EndpointSlice] = field(default_factory=list)
    update: list[tuple[EndpointSlice, EndpointSlice]] = field(default_factory=list)    # (old, new)
    delete: list[EndpointSlice] = field(default_factory=list)


def plan(view: View) -> list[Action]:
    """Decide the fewest writes that make the slices say what the pods are."""
    if view.service.metadata.deletionTimestamp is not None:
        return []
    families = view.service.spec.ipFamilies or ("IPv4",)
    actions: list[Action] = [Delete(one) for one in view.slices if one.addressType not in families]
    for family in families:
        changes = _family(view, family)
        actions += [Update(_dated(view, new, old)) for old, new in changes.update if old != new]
        actions += [Create(_dated(view, one, None)) for one in changes.create]
        actions += [Delete(one) for one in changes.delete]
    return actions


def endpoint(view: View, pod: Pod, ip: str) -> Endpoint:
    """Return what a slice says of a pod."""
    serving, ends = is_ready(pod), is_terminating(pod)
    node = pod.spec.nodeName or None
    zone = view.zones.get(node or "")
    meta = pod.metadata
    return Endpoint(
        addresses=(ip,), hostname=hostname(pod, view.service), nodeName=node, zone=zone,
        conditions=EndpointConditions(
            ready=bool(view.service.spec.publishNotReadyAddresses) or (serving and not ends),
            serving=serving, terminating=ends),
        hints=_hints(view.service, node, zone=zone),
        targetRef=ObjectReference(kind="Pod", namespace=meta.namespace, name=meta.name, uid=meta.uid),
    )


def ports_of(service: Service, pod: Pod) -> Ports:
    """Return a Service's ports as this pod has them; named ports the pod lacks are left out."""
    found = ((port, target_port(port, pod)) for port in service.spec.ports)
    return tuple(
        EndpointPort(name=port.name or "", protocol=port.protocol or "TCP", port=number, appProtocol=port.appProtocol)
        for port, number in found if number is not None)


def _family(view: View, family: str) -> Changes:
    wanted: dict[Ports, list[Endpoint]] = {}
    for pod in view.pods:
        ip = address(pod, family)
        if ip is not None and not is_finished(pod):
            wanted.setdefault(ports_of(view.service, pod), []).append(endpoint(view, pod, ip))
    held: dict[Ports, list[EndpointSlice]] = {}
    for one in sorted(view.slices, key=lambda one: one.metadata.name or ""):
        if one.addressType == family:
            held.setdefault(one.ports, []).append(one)
    changes = Changes()
    for ports, endpoints in wanted.items():
        fresh = _slice(view, family, (), ports=ports)
        _fit(held.pop(ports, []), endpoints, fresh=fresh, changes=changes)
    changes.delete += [one for group in held.values() for one in group]
    if not changes.create and not changes.update:
        changes.create.append(_slice(view, family, (), ports=()))
    return _in_place(changes)


def _fit(
    held: Sequence[EndpointSlice], endpoints: Iterable[Endpoint], *, fresh: EndpointSlice, changes: Changes,
) -> None:
    """Place endpoints of the same ports: each where it is, the rest where there is room, then in new slices.

    fresh: an empty slice of these ports, as it would be made now.
    """
    wanted = {_identity(one): one for one in endpoints}
    kept: list[tuple[EndpointSlice, list[Endpoint]]] = []
    for old in held:
        stay = [wanted.pop(_identity(one)) for one in old.endpoints if _identity(one) in wanted]
        kept.append((old, stay))
    rest = list(wanted.values())
    # Slices that change anyway are filled first, then the fullest: fewer slices are written.
    for old, stay in sorted(kept, key=lambda pair: (tuple(pair[1]) == pair[0].endpoints, -len(pair[1]))):
        room = max(0, ENDPOINTS_MAX - len(stay))
        stay += rest[:room]
        rest = rest[room:]
        if stay:
            relabelled = replace(old.metadata, labels=fresh.metadata.labels)
            changes.update.append((old, replace(old, metadata=relabelled, endpoints=tuple(stay))))
        else:
            changes.delete.append(old)
    for start in range(0, len(rest), ENDPOINTS_MAX):
        changes.create.append(replace(fresh, endpoints=tuple(rest[start: start + ENDPOINTS_MAX])))


def _in_place(changes: Changes) -> Changes:
    """Turn a slice to delete and one to create into one to update."""
    while changes.create and changes.delete:
        old, new = changes.delete.pop(0), changes.create.pop(0)
        kept = replace(old.metadata, labels=new.metadata.labels, ownerReferences=new.metadata.ownerReferences)
        changes.update.append((old, replace(old, metadata=kept, endpoints=new.endpoints, ports=new.ports)))
    return changes


def _slice(view: View, family: str, endpoints: Sequence[Endpoint], *, ports: Ports) -> EndpointSlice:
    service = view.service
    meta = ObjectMeta(
        generateName=f"{service.metadata.name}-", namespace=service.metadata.namespace, labels=_labels(service),
        ownerReferences=(reference(service),))
    return EndpointSlice(metadata=meta, addressType=family, endpoints=tuple(endpoints), ports=ports)


def _dated(view: View, one: EndpointSlice, old: EndpointSlice | None) -> EndpointSlice:
    """Say in a slice when what it tells anew came to be."""
    told = {_identity(each): each for each in old.endpoints} if old is not None else {}
    fresh = {_identity(each) for each in one.endpoints if told.get(_identity(each)) != each}
    made = view.service.metadata.creationTimestamp if not view.slices else None
    at = triggered((pod for pod in view.pods if pod.metadata.uid in fresh), made=made)
    return replace(one, metadata=replace(one.metadata, annotations=dated(one.metadata.annotations, at)))


def _labels(service: Service) -> dict[str, str]:
    reserved = (SERVICE_NAME, MANAGED_BY, HEADLESS)
    own = {key: text for key, text in service.metadata.labels.items() if key not in reserved}
    headless = {HEADLESS: ""} if is_headless(service) else {}
    return {**own, **headless, SERVICE_NAME: service.metadata.name or "", MANAGED_BY: MANAGER}


def _hints(service: Service, node: str | None, *, zone: str | None) -> EndpointHints | None:
    """Say who should prefer an endpoint. Source: kube endpointslice/trafficdist."""
    wish = service.spec.trafficDistribution
    zones = (ForZone(name=zone),) if zone else ()
    if wish in ("PreferClose", "PreferSameZone") and zones:
        return EndpointHints(forZones=zones)
    if wish == "PreferSameNode" and node:
        return EndpointHints(forNodes=(ForNode(name=node),), forZones=zones)
    return None


def _identity(one: Endpoint) -> str:
    uid = one.targetRef.uid if one.targetRef is not None else None
    return uid or ",".join(one.addresses)

