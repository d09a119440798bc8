"""Decide how a claim gets its volume, and how each of them stands. Pure.

Source: kube controller/volume/persistentvolume/pv_controller.go: syncClaim, syncVolume, bind, provisionClaim.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from knarr.api import volumes
from knarr.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim
from knarr.api.types.storage_v1 import StorageClass
from knarr.reconcile.actions import Action, Event, Patch

NEEDS_VOLUME = "Pending"
BOUND_ALREADY = 'volume "{}" already bound to a different claim.'
NOTHING_TO_BIND = "no persistent volumes available for this claim and no storage class is set"
WAITS = "waiting for first consumer to be created before binding"
EXTERNAL = (
    "Waiting for a volume to be created either by the external provisioner '{}' or manually by the system "
    "administrator. If volume creation is delayed, please verify that the provisioner is running and correctly "
    "registered."
)
LOST = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
MISBOUND = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
EXPANDING = "waiting for an external controller to expand this PVC"
TAKEN = "Two claims are bound to the same volume, this one is bound incorrectly"


@dataclass(frozen=True, slots=True)
class ClaimView:
    """One claim. named: the volume that it names, if that exists. fitting: free volumes that would do, best first.

    waiting: names of pods without a node that use the claim.
    """

    claim: PersistentVolumeClaim
    named: PersistentVolume | None
    fitting: tuple[PersistentVolume, ...]
    storage_class: StorageClass | None
    waiting: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VolumeView:
    """One volume, and the claim of the name that it is set aside for, if there is one."""

    volume: PersistentVolume
    claim: PersistentVolumeClaim | None


View: TypeAlias = ClaimView | VolumeView


def plan(view: View) -> list[Action]:
    """Decide the writes that bring claim and volume together."""
    if isinstance(view, VolumeView):
        return _volume(view)
    if volumes.BIND_COMPLETED in view.claim.metadata.annotations:
        return _bound(view)
    return _named(view) if view.claim.spec.volumeName else _unnamed(view)


def _volume(view: VolumeView) -> list[Action]:
    ref, phase = view.volume.spec.claimRef, view.volume.status.phase
    if ref is None or not ref.uid:
        wanted = "Available"
    elif view.claim is None or view.claim.metadata.uid != ref.uid:
        if phase == "Released":
            return _reclaim(view.volume)
        wanted = phase if phase == "Failed" else "Released"
    elif view.claim.spec.volumeName == view.volume.metadata.name:
        wanted = "Bound"
    else:
        return []  # the claim's own pass binds it
    return _phase(view.volume, wanted)


def _reclaim(volume: PersistentVolume) -> list[Action]:
    """Say so where nobody can do what a released volume's policy asks. Who provisioned a volume deletes it, too."""
    policy, meta = volume.spec.persistentVolumeReclaimPolicy, volume.metadata
    if policy == "Recycle":
        reason, why = "VolumeFailedRecycle", "No recycler plugin found for the volume!"
    elif policy == "Delete" and volumes.PROVISIONED_BY not in meta.annotations and meta.deletionTimestamp is None:
        why = f'error getting deleter volume plugin for volume "{meta.name}": no deletable volume plugin matched'
        reason = "VolumeFailedDelete"
    else:
        return []
    patch = {"metadata": {"uid": meta.uid}, "status": {"phase": "Failed", "message": why}}
    return [Patch(volume, patch, subresource="status"), Event(volume, reason, why, type="Warning")]


def _unnamed(view: ClaimView) -> list[Action]:
    """A claim that asks for any volume."""
    mine = [one for one in view.fitting if volumes.is_bound_to(one, view.claim)]
    waits = _waits_for_pod(view)
    if mine or (view.fitting and not waits):
        return _bind(view.claim, (mine or view.fitting)[0])
    if waits:
        if not view.waiting:
            return [*_pending(view.claim), Event(view.claim, "WaitForFirstConsumer", WAITS)]
        listed = f"waiting for pod {', '.join(view.waiting)} to be scheduled"
        return [*_pending(view.claim), Event(view.claim, "WaitForPodScheduled", listed)]
    if view.claim.spec.storageClassName:
        return _provision(view)
    return [*_pending(view.claim), Event(view.claim, "FailedBinding", NOTHING_TO_BIND)]


def _waits_for_pod(view: ClaimView) -> bool:
    found = view.storage_class
    delayed = found is not None and found.volumeBindingMode == volumes.WAIT
    return delayed and volumes.SELECTED_NODE not in view.claim.metadata.annotations


def _provision(view: ClaimView) -> list[Action]:
    """Ask the class's provisioner for a volume: all are external, ours too."""
    claim, found = view.claim, view.storage_class
    if found is None:
        missing = f'storageclass.storage.k8s.io "{claim.spec.storageClassName}" not found'
        return [*_pending(claim), Event(claim, "ProvisioningFailed", missing, type="Warning")]
    if found.provisioner == volumes.NO_PROVISIONER:
        return [*_pending(claim), Event(claim, "FailedBinding", NOTHING_TO_BIND)]
    if claim.metadata.annotations.get(volumes.PROVISIONER) == found.provisioner:
        return _pending(claim)
    asked = {volumes.PROVISIONER: found.provisioner, volumes.PROVISIONER_OLD: found.provisioner}
    return [
        *_pending(claim),
        Patch(claim, {"metadata": {"uid": claim.metadata.uid, "annotations": asked}}),
        Event(claim, "ExternalProvisioning", EXTERNAL.format(found.provisioner)),
    ]


def _named(view: ClaimView) -> list[Action]:
    """A claim that asks for one volume by name."""
    claim, volume = view.claim, view.named
    if volume is None:
        return _pending(claim)
    if volume.spec.claimRef is not None and not volumes.is_bound_to(volume, claim):
        return [*_pending(claim), Event(
            claim, "FailedBinding", BOUND_ALREADY.format(volume.metadata.name), type="Warning")]
    mismatch = volumes.mismatch(volume, claim)
    if mismatch:
        why = f'Cannot bind to requested volume "{volume.metadata.name}": {mismatch}'
        return [*_pending(claim), Event(claim, "VolumeMismatch", why, type="Warning")]
    return _bind(claim, volume)


def _bound(view: ClaimView) -> list[Action]:
    claim, volume = view.claim, view.named
    if volume is None:
        return _lost(claim, "ClaimLost", MISBOUND if not claim.spec.volumeName else LOST)
    ref = volume.spec.claimRef
    if ref is not None and ref.uid and ref.uid != claim.metadata.uid:
        return _lost(claim, "ClaimMisbound", TAKEN)
    return [*_bind(claim, volume), *_wants_more(claim, volume)]


def _wants_more(claim: PersistentVolumeClaim, volume: PersistentVolume) -> list[Action]:
    """Say that a claim that has grown waits for somebody else, until one has begun.

    Source: kube controller/volume/expand/expand_controller.go.
    """
    ours = volume.metadata.annotations.get(volumes.PROVISIONED_BY) == volumes.LOCAL_PATH
    if ours or claim.status.conditions or volumes.requested_bytes(claim) <= volumes.capacity_bytes(volume):
        return []
    return [Event(claim, "ExternalExpanding", EXPANDING)]


def _bind(claim: PersistentVolumeClaim, volume: PersistentVolume) -> list[Action]:
    """Write both sides, the volume first: who has the volume's reference has won. Only what is missing is written."""
    return [*_set_aside(volume, claim), *_phase(volume, "Bound"), *_name(claim, volume), *_fill(claim, volume)]


def _set_aside(volume: PersistentVolume, claim: PersistentVolumeClaim) -> list[Action]:
    ref = volume.spec.claimRef
    if ref is not None and ref.uid == claim.metadata.uid:
        return []
    meta: dict[str, Any] = {"resourceVersion": volume.metadata.resourceVersion}
    if ref is None:
        meta["annotations"] = {volumes.BOUND_BY_CONTROLLER: "yes"}
    wanted = {
        "kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": claim.metadata.namespace,
        "name": claim.metadata.name, "uid": claim.metadata.uid, "resourceVersion": claim.metadata.resourceVersion,
    }
    return [Patch(volume, {"metadata": meta, "spec": {"claimRef": wanted}})]


def _name(claim: PersistentVolumeClaim, volume: PersistentVolume) -> list[Action]:
    known = claim.metadata.annotations
    if volumes.BIND_COMPLETED in known and claim.spec.volumeName:
        return []
    said = {volumes.BIND_COMPLETED: "yes"}
    if not claim.spec.volumeName:
        said[volumes.BOUND_BY_CONTROLLER] = "yes"
    meta = {"uid": claim.metadata.uid, "annotations": said}
    return [Patch(claim, {"metadata": meta, "spec": {"volumeName": volume.metadata.name}})]


def _fill(claim: PersistentVolumeClaim, volume: PersistentVolume) -> list[Action]:
    status = claim.status
    capacity = {"storage": volume.spec.capacity.get("storage", "0")}
    if status.phase == "Bound" and status.accessModes == volume.spec.accessModes and status.capacity:
        return []
    wanted = {"phase": "Bound", "accessModes": list(volume.spec.accessModes), "capacity": capacity}
    attributes = claim.spec.volumeAttributesClassName
    if attributes and status.phase == NEEDS_VOLUME:    # from then on it is for the driver's resizer to say
        wanted["currentVolumeAttributesClassName"] = attributes
    return [Patch(claim, {"metadata": {"uid": claim.metadata.uid}, "status": wanted}, subresource="status")]


def _pending(claim: PersistentVolumeClaim) -> list[Action]:
    if claim.status.phase == NEEDS_VOLUME:
        return []
    patch = {"metadata": {"uid": claim.metadata.uid}, "status": {"phase": NEEDS_VOLUME}}
    return [Patch(claim, patch, subresource="status")]


def _lost(claim: PersistentVolumeClaim, reason: str, message: str) -> list[Action]:
    if claim.status.phase == "Lost":
        return []
    patch = {"metadata": {"uid": claim.metadata.uid}, "status": {"phase": "Lost"}}
    return [Patch(claim, patch, subresource="status"), Event(claim, reason, message, type="Warning")]


def _phase(volume: PersistentVolume, phase: str) -> list[Action]:
    if volume.status.phase == phase:
        return []
    patch = {"metadata": {"uid": volume.metadata.uid}, "status": {"phase": phase}}
    return [Patch(volume, patch, subresource="status")]
