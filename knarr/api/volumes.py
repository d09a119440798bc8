"""Say which volume may serve which claim: the one rule that the scheduler and the volume binder must share. Pure.

Source: kube component-helpers storage/volume/pv_helpers.go, FindMatchingVolume.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from knarr.api import quantity, selectors
from knarr.api.types import core_v1

PROVISIONER = "volume.kubernetes.io/storage-provisioner"
PROVISIONER_OLD = "volume.beta.kubernetes.io/storage-provisioner"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
WAIT = "WaitForFirstConsumer"


def claim_name(pod: core_v1.Pod, volume: core_v1.Volume) -> str:
    """Name the claim behind a pod's volume, empty where there is none.

    A generic ephemeral one is named after the pod and the volume. Source: kube component-helpers storage/ephemeral.
    """
    if volume.persistentVolumeClaim is not None:
        return volume.persistentVolumeClaim.claimName
    return f"{pod.metadata.name}-{volume.name}" if volume.ephemeral is not None else ""


def claim_names(pod: core_v1.Pod) -> tuple[str, ...]:
    """Name every claim of a pod."""
    return tuple(name for name in (claim_name(pod, volume) for volume in pod.spec.volumes) if name)


BY_CLAIM = "claim"  # index of pods: `by_claim`


def by_claim(pod: core_v1.Pod) -> Iterator[str]:
    """Give a pod's values in the index BY_CLAIM: `namespace/name` of each claim."""
    return (f"{pod.metadata.namespace}/{name}" for name in claim_names(pod))


def not_its_own(pod: core_v1.Pod, claim: core_v1.PersistentVolumeClaim) -> str:
    """Say that a claim in the place of an ephemeral one was not made for this pod; empty where it was."""
    if any(owner.controller and owner.uid == pod.metadata.uid for owner in claim.metadata.ownerReferences):
        return ""
    place = pod.metadata.namespace
    return (f"PVC {place}/{claim.metadata.name} was not created for pod {place}/{pod.metadata.name} "
            "(pod is not owner)")


def fits(volume: core_v1.PersistentVolume, claim: core_v1.PersistentVolumeClaim) -> bool:
    """Tell whether `volume` is free for `claim` and is all that it asks for.

    Of one that is set aside for the claim less is asked: neither class nor access modes, and no labels.
    """
    usable = volume.metadata.deletionTimestamp is None and _same_kind(volume, claim) and large_enough(volume, claim)
    if is_bound_to(volume, claim):
        return usable
    free = volume.spec.claimRef is None and volume.status.phase == "Available"
    return (
        usable
        and free
        and (volume.spec.storageClassName or "") == (claim.spec.storageClassName or "")
        and set(claim.spec.accessModes) <= set(volume.spec.accessModes)
        and (claim.spec.selector is None or selectors.of(claim.spec.selector).matches(volume.metadata.labels))
    )


def mismatch(volume: core_v1.PersistentVolume, claim: core_v1.PersistentVolumeClaim) -> str:
    """Say why a volume that a claim names cannot serve it; empty where it can.

    Source: kube controller/volume/persistentvolume/pv_controller.go, checkVolumeSatisfyClaim.
    """
    if not large_enough(volume, claim):
        return "requested PV is too small"
    if (volume.spec.storageClassName or "") != (claim.spec.storageClassName or ""):
        return "storageClassName does not match"
    if (volume.spec.volumeMode or "Filesystem") != (claim.spec.volumeMode or "Filesystem"):
        return "incompatible volumeMode"
    if (volume.spec.volumeAttributesClassName or "") != (claim.spec.volumeAttributesClassName or ""):
        return "volumeAttributesClassName does not match"
    return "" if set(claim.spec.accessModes) <= set(volume.spec.accessModes) else "incompatible accessMode"


def _same_kind(volume: core_v1.PersistentVolume, claim: core_v1.PersistentVolumeClaim) -> bool:
    """Tell whether mode and attributes are those that the claim asks for."""
    mode = (volume.spec.volumeMode or "Filesystem") == (claim.spec.volumeMode or "Filesystem")
    return mode and (volume.spec.volumeAttributesClassName or "") == (claim.spec.volumeAttributesClassName or "")


def best_first(
    volumes: Iterable[core_v1.PersistentVolume], claim: core_v1.PersistentVolumeClaim,
) -> list[core_v1.PersistentVolume]:
    """List the volumes that fit: those set aside for the claim first, then the smallest."""
    fitting = [one for one in volumes if fits(one, claim)]
    return sorted(fitting, key=lambda one: (not is_bound_to(one, claim), capacity_bytes(one), one.metadata.name or ""))


def is_bound_to(volume: core_v1.PersistentVolume, claim: core_v1.PersistentVolumeClaim) -> bool:
    """Tell whether `volume` is set aside for this claim: by name, and by uid if it says one."""
    ref = volume.spec.claimRef
    return (
        ref is not None and ref.name == claim.metadata.name and ref.namespace == claim.metadata.namespace
        and (not ref.uid or ref.uid == claim.metadata.uid)
    )


def large_enough(volume: core_v1.PersistentVolume, claim: core_v1.PersistentVolumeClaim) -> bool:
    """Tell whether the volume holds what the claim requests."""
    return capacity_bytes(volume) >= requested_bytes(claim)


def capacity_bytes(volume: core_v1.PersistentVolume) -> int:
    """Return how much the volume holds."""
    return quantity.parse(volume.spec.capacity.get("storage", "0")).value


def requested_bytes(claim: core_v1.PersistentVolumeClaim) -> int:
    """Return how much the claim asks for."""
    asked = claim.spec.resources.requests if claim.spec.resources else {}
    return quantity.parse(asked.get("storage", "0")).value


def attachment_name(driver: str, handle: str, node: str) -> str:
    """Name the VolumeAttachment that brings a CSI volume to a node: the controller makes it, the node's agent reads it.

    Source: kube pkg/volume/csi/csi_attacher.go, getAttachmentName.
    """
    return f"csi-{hashlib.sha256((handle + driver + node).encode()).hexdigest()}"


def in_use_name(driver: str, handle: str) -> str:
    """Return a CSI volume's name in the status of a Node. Source: kube pkg/volume/util, GetUniqueVolumeName."""
    return f"kubernetes.io/csi/{driver}^{handle}"


LOCAL_PATH = "knarr.dev/local-path"      # provisioner, and the finalizer of its volumes
HOSTNAME = "kubernetes.io/hostname"


def hostname_of(volume: core_v1.PersistentVolume) -> str:
    """Return the hostname label of the only node that reaches the volume; empty if it is bound to none."""
    required = volume.spec.nodeAffinity.required if volume.spec.nodeAffinity else None
    for term in required.nodeSelectorTerms if required else ():
        for one in term.matchExpressions:
            if one.key == HOSTNAME and one.operator == "In" and len(one.values) == 1:
                return one.values[0]
    return ""


def directory_to_remove(volume: core_v1.PersistentVolume, hostname: str) -> str:
    """Return the directory that the node agent of `hostname` must remove before the volume may go; empty: none.

    Only volumes that the local-path provisioner made and that are being deleted; when the directory is gone the agent
    takes the finalizer LOCAL_PATH off. hostname: value of the node's label `kubernetes.io/hostname`.
    """
    meta, path = volume.metadata, volume.spec.hostPath
    ours = LOCAL_PATH in meta.finalizers and meta.annotations.get(PROVISIONED_BY) == LOCAL_PATH
    if not ours or meta.deletionTimestamp is None or path is None or hostname_of(volume) != hostname:
        return ""
    # The last part is the volume's own name: nothing else may ever be removed.
    return path.path if path.path.rpartition("/")[2] == meta.name else ""
