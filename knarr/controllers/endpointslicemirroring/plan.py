"""Mirror hand-written Endpoints into EndpointSlices, which is what proxies and DNS read.

Source: kube staging endpointslice mirroring: endpointslicemirroring_controller.go, reconciler.go, utils.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from msgspec.structs import replace

from knarr.api.types import core_v1
from knarr.api.types.core_v1 import Endpoints, Service
from knarr.api.types.discovery_v1 import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.reconcile.actions import Action, Create, Delete, Event, Update
from knarr.reconcile.owners import reference
from knarr.reconcile.serving import family_of, is_headless

ENDPOINTS_MAX = 1000      # of one subset. Source: kube-controller-manager --mirroring-max-endpoints-per-subset
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
HEADLESS = "service.kubernetes.io/headless"
LEADER = "control-plane.alpha.kubernetes.io/leader"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
Group: TypeAlias = tuple[str, tuple[EndpointPort, ...]]     # family of addresses, ports


@dataclass(frozen=True, slots=True)
class View:
    """The Endpoints and the Service of one name, as far as they exist, and the slices mirrored from them."""

    endpoints: Endpoints | None
    service: Service | None
    slices: tuple[EndpointSlice, ...]


def plan(view: View) -> list[Action]:
    """Decide the writes that make the slices say what the Endpoints say; without such Endpoints there are none."""
    if not mirrored(view.endpoints, view.service):
        return [Delete(one) for one in view.slices]
    assert view.endpoints is not None
    assert view.service is not None
    wanted, left_out = _wanted(view.endpoints)
    actions: list[Action] = []
    for one in sorted(view.slices, key=lambda one: one.metadata.name or ""):
        there = wanted.pop((one.addressType, one.ports), None)
        if there is None:
            actions.append(Delete(one))
        elif (fresh := _with(one, view, there)) != one:
            actions.append(Update(fresh))
    actions += [Create(_slice(view, group, there)) for group, there in wanted.items()]
    if left_out and actions:
        actions.append(Event(view.endpoints, "TooManyAddressesToMirror", f"A max of {ENDPOINTS_MAX} addresses can be "
                             f"mirrored to EndpointSlices per Endpoints subset. {left_out} addresses were skipped",
                             "Warning"))
    return actions


def mirrored(endpoints: Endpoints | None, service: Service | None) -> bool:
    """Tell whether Endpoints are written by hand for a Service that selects no pods."""
    if endpoints is None or service is None or endpoints.metadata.deletionTimestamp is not None:
        return False
    skipped = endpoints.metadata.labels.get(SKIP) == "true" or LEADER in endpoints.metadata.annotations
    return not skipped and not service.spec.selector


def _wanted(endpoints: Endpoints) -> tuple[dict[Group, tuple[Endpoint, ...]], int]:
    """Return what shall stand in the slices, and how many addresses are beyond what is mirrored."""
    groups: dict[Group, dict[str, Endpoint]] = {}
    left_out = 0
    for subset in endpoints.subsets:
        ports = tuple(EndpointPort(name=port.name or "", port=port.port, protocol=port.protocol or "TCP",
                                   appProtocol=port.appProtocol) for port in subset.ports)
        for count, (address, ready) in enumerate(_addresses(subset)):
            if count >= ENDPOINTS_MAX:
                left_out += 1
                continue
            groups.setdefault((family_of(address.ip), ports), {}).setdefault(address.ip, _endpoint(address, ready))
    return {group: tuple(there.values())[:ENDPOINTS_MAX] for group, there in groups.items()}, left_out


def _addresses(subset: core_v1.EndpointSubset) -> Iterator[tuple[core_v1.EndpointAddress, bool]]:
    yield from ((address, True) for address in subset.addresses)
    yield from ((address, False) for address in subset.notReadyAddresses)


def _endpoint(address: core_v1.EndpointAddress, ready: bool) -> Endpoint:
    return Endpoint(
        addresses=(address.ip,), conditions=EndpointConditions(ready=ready), hostname=address.hostname or None,
        nodeName=address.nodeName or None, targetRef=address.targetRef)


def _slice(view: View, group: Group, there: tuple[Endpoint, ...]) -> EndpointSlice:
    assert view.endpoints is not None
    family, ports = group
    owner = view.endpoints
    meta = ObjectMeta(
        generateName=f"{owner.metadata.name}-", namespace=owner.metadata.namespace, ownerReferences=(reference(owner),))
    return _with(EndpointSlice(metadata=meta, addressType=family, ports=ports), view, there)


def _with(one: EndpointSlice, view: View, there: tuple[Endpoint, ...]) -> EndpointSlice:
    """Return a slice with these endpoints, and the labels and annotations of what it mirrors."""
    assert view.endpoints is not None
    assert view.service is not None
    meta = view.endpoints.metadata
    labels = {key: text for key, text in meta.labels.items() if key not in (SERVICE_NAME, MANAGED_BY, HEADLESS)}
    headless = {HEADLESS: ""} if is_headless(view.service) else {}
    labels = {**labels, **headless, SERVICE_NAME: meta.name or "", MANAGED_BY: MANAGER}
    noted = {key: text for key, text in meta.annotations.items() if key != LAST_APPLIED}
    return replace(one, metadata=replace(one.metadata, labels=labels, annotations=noted), endpoints=there)
