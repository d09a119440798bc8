"""Gather what a pod's claims ask of its node. Pure.

Source: kube scheduler plugins/volumebinding: volume_binding.go (PreFilter), binder.go (GetPodVolumes);
plugins/nodevolumelimits/csi.go (filterAttachableVolumes).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from knarr.api import quantity, volumes
from knarr.api.types import core_v1, storage_v1
from knarr.scheduler import terms
from knarr.scheduler.needs import Attached, Claim
from knarr.scheduler.terms import NodeTerm, Requirement

# Labels of a volume that its node must share. Source: kube scheduler plugins/volumezone/volume_zone.go.
ZONES = (
    "topology.kubernetes.io/zone", "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region",
)
NO_DEVICES = "cannot allocate all claims: devices are not allocated yet"


@dataclass(frozen=True, slots=True)
class Storage:
    """Claims and capacities by (namespace, name), the others by ("", name), as the informers hold them."""

    claims: Mapping[tuple[str, str], core_v1.PersistentVolumeClaim] = field(default_factory=dict)
    volumes: Mapping[tuple[str, str], core_v1.PersistentVolume] = field(default_factory=dict)
    classes: Mapping[tuple[str, str], storage_v1.StorageClass] = field(default_factory=dict)
    drivers: Mapping[tuple[str, str], storage_v1.CSIDriver] = field(default_factory=dict)
    capacities: Mapping[tuple[str, str], storage_v1.CSIStorageCapacity] = field(default_factory=dict)


def turned_away(pod: core_v1.Pod, storage: Storage) -> str:
    """Say why the pod cannot be tried on any node yet; empty if it can."""
    if pod.spec.resourceClaims:
        return NO_DEVICES
    for name, ephemeral, claim in _claims(pod, storage):
        if claim is None and ephemeral:
            return f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if claim.metadata.deletionTimestamp is not None:
            return f'persistentvolumeclaim "{name}" is being deleted'
        if claim.status.phase == "Lost":
            return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{claim.spec.volumeName}"'
        if ephemeral and (stranger := volumes.not_its_own(pod, claim)):
            return stranger
    found = [claim for _, _, claim in _claims(pod, storage) if claim is not None]
    if any(not _bound(claim) and not delayed(claim, storage) for claim in found):
        return "pod has unbound immediate PersistentVolumeClaims"
    return ""


def claims_of(pod: core_v1.Pod, storage: Storage) -> tuple[Claim, ...]:
    """Compile the pod's claims; those that are missing are left out (`turned_away` speaks of them)."""
    return tuple(_compile(claim, storage) for _, _, claim in _claims(pod, storage) if claim is not None)


def for_one_pod(pod: core_v1.Pod, storage: Storage) -> set[tuple[str, str]]:
    """Return the pod's claims, by namespace and name, that only one pod of the cluster may use at a time."""
    return {(claim.metadata.namespace or "", name) for name, _, claim in _claims(pod, storage)
            if claim is not None and "ReadWriteOncePod" in claim.spec.accessModes}


def attached(pod: core_v1.Pod, storage: Storage) -> tuple[Attached, ...]:
    """List the volumes of drivers that the pod brings to its node; a claim without a volume counts by its class."""
    found = []
    for _, _, claim in _claims(pod, storage):
        driver = _driver(claim, storage) if claim is not None else ""
        if claim is not None and driver:
            found.append((driver, f"{claim.metadata.namespace}/{claim.metadata.name}"))
    return tuple(found)


def delayed(claim: core_v1.PersistentVolumeClaim, storage: Storage) -> bool:
    """Tell whether the claim waits for its first pod before a volume is chosen or made."""
    found = storage.classes.get(("", claim.spec.storageClassName or ""))
    return found is not None and found.volumeBindingMode == volumes.WAIT and not claim.spec.volumeName


def _compile(claim: core_v1.PersistentVolumeClaim, storage: Storage) -> Claim:
    name = claim.metadata.name or ""
    if _bound(claim):
        volume = storage.volumes.get(("", claim.spec.volumeName or ""))
        if volume is None:
            return Claim(name, lost=True)
        return Claim(name, bound=_where(volume), zones=_zones(volume))
    found = storage.classes.get(("", claim.spec.storageClassName or ""))
    provision = _provision(found) if found is not None and found.provisioner != volumes.NO_PROVISIONER else None
    fitting = volumes.best_first(storage.volumes.values(), claim)
    return Claim(
        name,
        delayed=True,
        candidates=tuple((one.metadata.name or "", _where(one)) for one in fitting),
        provision=provision,
        room=_room(claim, found, storage) if found is not None and provision is not None else None,
        selected_node=claim.metadata.annotations.get(volumes.SELECTED_NODE, ""),
    )


def _claims(
    pod: core_v1.Pod, storage: Storage,
) -> Iterator[tuple[str, bool, core_v1.PersistentVolumeClaim | None]]:
    """Yield name, whether the claim is the pod's own ephemeral one, and the claim if it exists."""
    for volume in pod.spec.volumes:
        if name := volumes.claim_name(pod, volume):
            yield name, volume.ephemeral is not None, storage.claims.get((pod.metadata.namespace or "", name))


def _bound(claim: core_v1.PersistentVolumeClaim) -> bool:
    return bool(claim.spec.volumeName) and volumes.BIND_COMPLETED in claim.metadata.annotations


def _driver(claim: core_v1.PersistentVolumeClaim, storage: Storage) -> str:
    volume = storage.volumes.get(("", claim.spec.volumeName or ""))
    if volume is not None:
        return volume.spec.csi.driver if volume.spec.csi is not None else ""
    found = storage.classes.get(("", claim.spec.storageClassName or ""))
    return found.provisioner if found is not None else ""


def _room(
    claim: core_v1.PersistentVolumeClaim, found: storage_v1.StorageClass, storage: Storage,
) -> tuple[tuple[Requirement, ...], ...] | None:
    """Name the parts of the cluster where a driver that counts its room has enough. Source: kube hasEnoughCapacity."""
    driver, asked_bytes = storage.drivers.get(("", found.provisioner)), volumes.requested_bytes(claim)
    if driver is None or not driver.spec.storageCapacity or not asked_bytes:
        return None
    parts = [
        terms.compile_labels(one.nodeTopology) for one in storage.capacities.values()
        if one.storageClassName == found.metadata.name and _largest_bytes(one) >= asked_bytes
    ]
    return tuple(part for part in parts if part is not None)


def _largest_bytes(part: storage_v1.CSIStorageCapacity) -> int:
    return quantity.value(part.maximumVolumeSize or part.capacity or "0")


def _where(volume: core_v1.PersistentVolume) -> tuple[NodeTerm, ...]:
    required = volume.spec.nodeAffinity.required if volume.spec.nodeAffinity else None
    return terms.compile_node_terms(required.nodeSelectorTerms) if required else ()


def _zones(volume: core_v1.PersistentVolume) -> tuple[Requirement, ...]:
    labels = volume.metadata.labels
    return tuple(Requirement(key, "In", tuple(labels[key].split("__"))) for key in ZONES if key in labels)


def _provision(found: storage_v1.StorageClass) -> tuple[NodeTerm, ...]:
    allowed: Iterable[core_v1.TopologySelectorTerm] = found.allowedTopologies
    return tuple(
        NodeTerm(tuple(Requirement(one.key, "In", tuple(one.values)) for one in term.matchLabelExpressions), ())
        for term in allowed
    )
