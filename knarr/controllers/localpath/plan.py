"""Decide what directories are made and given up. Pure. The words of the events are those of external provisioners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from knarr.api import quantity, volumes
from knarr.api.types.core_v1 import (
    HostPathVolumeSource,
    Node,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    ObjectReference,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeSpec,
    VolumeNodeAffinity,
)
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.api.types.storage_v1 import StorageClass
from knarr.controllers.localpath import capacity
from knarr.controllers.localpath.capacity import NodeView
from knarr.reconcile.actions import Action, Create, Delete, Event, Patch, Told

PROVISIONER = volumes.LOCAL_PATH
VOLUMES_DIR = "knarr.dev/volumes-dir"       # annotation of a Node
VOLUMES_DIR_DEFAULT = "/var/lib/knarr/volumes"
PROTECTION = "kubernetes.io/pv-protection"


@dataclass(frozen=True, slots=True)
class ClaimView:
    """One claim of our class. node: the one selected for it, if it exists. volume: its own, once it is made."""

    claim: PersistentVolumeClaim
    storage_class: StorageClass
    node: Node | None
    volume: PersistentVolume | None


@dataclass(frozen=True, slots=True)
class VolumeView:
    """One of our volumes. node_exists: whether the node whose directory it is still exists."""

    volume: PersistentVolume
    node_exists: bool


View: TypeAlias = ClaimView | VolumeView | NodeView


def plan(view: View) -> list[Action]:
    """Make a volume for a claim that waits; give up one that is released; say how much room a node has."""
    if isinstance(view, NodeView):
        return capacity.plan(view)
    return _volume(view) if isinstance(view, VolumeView) else _claim(view)


def volume_name(claim: PersistentVolumeClaim) -> str:
    """Name a claim's volume, so that it is made once only."""
    return f"pvc-{claim.metadata.uid}"


def _claim(view: ClaimView) -> list[Action]:
    claim = view.claim
    meta = claim.metadata
    if view.volume is not None:
        return _grow(claim, view.volume) if claim.status.phase == "Bound" else []
    waits = not claim.spec.volumeName and meta.annotations.get(volumes.PROVISIONER) == PROVISIONER
    if not waits or meta.deletionTimestamp is not None or volumes.SELECTED_NODE not in meta.annotations:
        return []
    about = f'"{meta.namespace}/{meta.name}"'
    if view.node is None:
        gone = f'failed to get target node: node "{meta.annotations[volumes.SELECTED_NODE]}" not found'
        return [
            Event(claim, "ProvisioningFailed", gone, type="Warning"),
            Patch(claim, {"metadata": {"uid": meta.uid, "annotations": {volumes.SELECTED_NODE: None}}}),
        ]
    if "ReadWriteMany" in claim.spec.accessModes or claim.spec.volumeMode == "Block":
        refused = f"claim {about} asks for what a directory of one node cannot be: ReadWriteMany or Block"
        return [Event(claim, "ProvisioningFailed", refused, type="Warning")]
    if claim.spec.volumeAttributesClassName:
        refused = f"claim {about} asks for attributes of a VolumeAttributesClass: a directory has none"
        return [Event(claim, "ProvisioningFailed", refused, type="Warning")]
    done = f"Successfully provisioned volume {volume_name(claim)}"
    told = Told(claim, ("ProvisioningSucceeded", done), ("ProvisioningFailed", "failed to make the volume: {error}"))
    provisioning = f"External provisioner is provisioning volume for claim {about}"
    return [Event(claim, "Provisioning", provisioning), Create(_new_volume(view, view.node), told)]


def _grow(claim: PersistentVolumeClaim, volume: PersistentVolume) -> list[Action]:
    """Let volume and claim say the size that is asked for now: a directory has what its disk has."""
    asked_bytes, has_bytes = volumes.requested_bytes(claim), volumes.capacity_bytes(volume)
    size = {"storage": claim.spec.resources.requests["storage"]} if claim.spec.resources else {}
    actions: list[Action] = []
    if asked_bytes > has_bytes:
        actions.append(Patch(volume, {"metadata": {"uid": volume.metadata.uid}, "spec": {"capacity": size}}))
    if asked_bytes > quantity.value(claim.status.capacity.get("storage", "0")):
        patch = {"metadata": {"uid": claim.metadata.uid}, "status": {"capacity": size}}
        actions.append(Patch(claim, patch, subresource="status"))
        actions.append(Event(claim, "VolumeResizeSuccessful", "Resize volume succeeded"))
    return actions


def _volume(view: VolumeView) -> list[Action]:
    volume, meta = view.volume, view.volume.metadata
    if meta.deletionTimestamp is None:
        released = volume.status.phase == "Released" and volume.spec.persistentVolumeReclaimPolicy == "Delete"
        return [Delete(volume)] if released else []
    if view.node_exists or PROVISIONER not in meta.finalizers:
        return []
    kept = [one for one in meta.finalizers if one != PROVISIONER]
    return [Patch(volume, {"metadata": {"finalizers": kept, "resourceVersion": meta.resourceVersion}})]


def _new_volume(view: ClaimView, node: Node) -> PersistentVolume:
    claim, name = view.claim, volume_name(view.claim)
    base = node.metadata.annotations.get(VOLUMES_DIR, VOLUMES_DIR_DEFAULT)
    here = NodeSelectorRequirement(key=volumes.HOSTNAME, operator="In", values=(capacity.hostname_of(node),))
    asked: dict[str, Any] = dict(claim.spec.resources.requests) if claim.spec.resources else {}
    return PersistentVolume(
        metadata=ObjectMeta(
            name=name, annotations={volumes.PROVISIONED_BY: PROVISIONER}, finalizers=(PROTECTION, PROVISIONER)),
        spec=PersistentVolumeSpec(
            accessModes=claim.spec.accessModes,
            capacity={"storage": asked.get("storage", "0")},
            claimRef=ObjectReference(
                apiVersion="v1", kind="PersistentVolumeClaim", namespace=claim.metadata.namespace,
                name=claim.metadata.name, uid=claim.metadata.uid, resourceVersion=claim.metadata.resourceVersion),
            hostPath=HostPathVolumeSource(path=f"{base.rstrip('/')}/{name}", type="DirectoryOrCreate"),
            nodeAffinity=VolumeNodeAffinity(
                required=NodeSelector(nodeSelectorTerms=(NodeSelectorTerm(matchExpressions=(here,)),))),
            persistentVolumeReclaimPolicy=view.storage_class.reclaimPolicy or "Delete",
            storageClassName=view.storage_class.metadata.name,
            volumeMode="Filesystem",
        ),
    )
