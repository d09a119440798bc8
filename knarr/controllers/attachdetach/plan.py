"""Decide where a volume is to be attached. Pure.

Source: kube controller/volume/attachdetach/reconciler/reconciler.go, pkg/volume/csi/csi_attacher.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from knarr.api import volumes
from knarr.api.types.core_v1 import Node, PersistentVolume, Pod
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.api.types.storage_v1 import VolumeAttachment, VolumeAttachmentSource, VolumeAttachmentSpec
from knarr.reconcile.actions import Action, After, Create, Delete, Event, Patch

FORCED_S = 360.0      # a volume that a node will not let go is taken. Source: kube maxWaitForUnmountDuration
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
SHARED = frozenset({"ReadWriteMany", "ReadOnlyMany"})
TAKEN = (
    'Multi-Attach error for volume "{}" Volume is already exclusively attached to one node and can\'t be attached to '
    "another")
USED = 'Multi-Attach error for volume "{}" Volume is already used by pod(s) {}'


@dataclass(frozen=True, slots=True)
class Place:
    """One attachment. node: its node, if that exists. unwanted_s: how long no pod there has wanted the volume."""

    attachment: VolumeAttachment
    node: Node | None
    unwanted_s: float


@dataclass(frozen=True, slots=True)
class View:
    """One volume that needs attaching: its driver, and the driver's name for it. wanted: pods by node."""

    volume: PersistentVolume
    driver: str
    handle: str
    wanted: dict[str, list[Pod]]
    places: tuple[Place, ...]

    @property
    def in_use_name(self) -> str:
        """Return the volume's name in a Node's status."""
        return volumes.in_use_name(self.driver, self.handle)


def plan(view: View) -> list[Action]:
    """Attach where pods want the volume, detach where none does any longer."""
    actions: list[Action] = []
    for place in view.places:
        if place.attachment.spec.nodeName in view.wanted:
            actions += _follow(view, place)
        else:
            actions += _detach(view, place)
    held = {place.attachment.spec.nodeName for place in view.places}
    for node, pods in sorted(view.wanted.items()):
        if node not in held:
            actions += _attach(view, node, pods)
            held.add(node)
    return actions


def _attach(view: View, node: str, pods: list[Pod]) -> Iterator[Action]:
    """Attach to one more node, unless the volume can be at one only and is elsewhere."""
    volume = view.volume
    others = [place.attachment.spec.nodeName for place in view.places]
    first = next(iter(sorted(view.wanted)))
    if not SHARED & set(volume.spec.accessModes) and (others or node != first):
        users = sorted(pod.metadata.name or "" for one in {*others, first} - {node} for pod in view.wanted.get(one, ()))
        why = USED.format(volume.metadata.name, ", ".join(users)) if users else TAKEN.format(volume.metadata.name)
        yield from (Event(pod, "FailedAttachVolume", why, type="Warning") for pod in pods)
        return
    name = volumes.attachment_name(view.driver, view.handle, node)
    yield Create(VolumeAttachment(metadata=ObjectMeta(name=name), spec=VolumeAttachmentSpec(
        attacher=view.driver, nodeName=node, source=VolumeAttachmentSource(persistentVolumeName=volume.metadata.name))))


def _follow(view: View, place: Place) -> Iterator[Action]:
    """Tell the pods and the Node how attaching went."""
    status, name = place.attachment.status, view.volume.metadata.name
    pods = view.wanted[place.attachment.spec.nodeName]
    if status.attached and place.node is not None and not _is_noted(view, place.node):
        done = f'AttachVolume.Attach succeeded for volume "{name}" '
        yield _noted(view, place.node, attached=True)
        yield from (Event(pod, "SuccessfulAttachVolume", done) for pod in pods)
    elif not status.attached and status.attachError is not None:
        failed = f'AttachVolume.Attach failed for volume "{name}" : {status.attachError.message}'
        yield from (Event(pod, "FailedAttachVolume", failed, type="Warning") for pod in pods)


def _detach(view: View, place: Place) -> Iterator[Action]:
    """Detach once the node says that it no longer uses the volume, or can say nothing any more."""
    node = place.node
    if place.attachment.metadata.deletionTimestamp is not None:
        return
    used = node is not None and view.in_use_name in node.status.volumesInUse and not _is_given_up(node)
    if node is not None and used and _is_ready(node):
        return      # its agent is at work, and will say when it is done
    if used and place.unwanted_s < FORCED_S:
        yield After(FORCED_S - place.unwanted_s)
        return
    if node is not None and _is_noted(view, node):
        yield _noted(view, node, attached=False)
    yield Delete(place.attachment)


def _is_given_up(node: Node) -> bool:
    return any(taint.key == OUT_OF_SERVICE for taint in node.spec.taints)


def _is_ready(node: Node) -> bool:
    return any(one.type == "Ready" and one.status == "True" for one in node.status.conditions)


def _is_noted(view: View, node: Node) -> bool:
    return any(one.name == view.in_use_name for one in node.status.volumesAttached)


def _noted(view: View, node: Node, *, attached: bool) -> Patch:
    """Say in the Node's status that the volume is attached there, or no longer."""
    name = view.in_use_name
    others = (one for one in node.status.volumesAttached if one.name != name)
    listed = [{"name": one.name, "devicePath": one.devicePath} for one in others]
    if attached:
        listed.append({"name": name, "devicePath": ""})
    meta = {"uid": node.metadata.uid, "resourceVersion": node.metadata.resourceVersion}
    return Patch(node, {"metadata": meta, "status": {"volumesAttached": listed or None}}, subresource="status")
