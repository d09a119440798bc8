"""See a volume, the nodes whose pods want it, and where it is attached. A key is ("", volume name)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knarr.api import volumes
from knarr.api.types.core_v1 import Node, PersistentVolume, PersistentVolumeClaim, Pod
from knarr.api.types.storage_v1 import CSIDriver, VolumeAttachment
from knarr.base.clock import Clock
from knarr.client.informers import Informers
from knarr.controllers.attachdetach.plan import Place, View
from knarr.reconcile.actions import Look
from knarr.reconcile.pods import is_finished
from knarr.reconcile.runner import Key, Watch

BY_VOLUME = "volumeName"      # index: an attachment's volume


class Observer:
    """Remembers since when (monotonic) each attachment has been wanted by no pod."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._unwanted: dict[str, float] = {}      # by attachment uid

    def observe(self, informers: Informers, key: Key, look: Look) -> View | None:
        """Return what there is to decide on; None where no attaching is done for the volume."""
        volume = informers.of(PersistentVolume).get("", key[1])
        attachments = informers.of(VolumeAttachment).by(BY_VOLUME, key[1])
        if volume is None or volume.spec.csi is None:
            return None
        driver = informers.of(CSIDriver).get("", volume.spec.csi.driver)
        if driver is not None and driver.spec.attachRequired is False:
            return None
        wanted = _wanted(informers, volume)
        places = [self._place(informers, volume, one, wanted=wanted) for one in attachments]
        return View(volume, volume.spec.csi.driver, volume.spec.csi.volumeHandle, wanted, tuple(places))

    def _place(
        self, informers: Informers, volume: PersistentVolume, found: VolumeAttachment, *, wanted: dict[str, list[Pod]],
    ) -> Place:
        node, uid = informers.of(Node).get("", found.spec.nodeName), found.metadata.uid or ""
        now_s = self._clock.monotonic_s()
        if found.spec.nodeName in wanted:
            self._unwanted.pop(uid, None)
            return Place(found, node, unwanted_s=0.0)
        since_s = self._unwanted.setdefault(uid, now_s)
        if found.metadata.deletionTimestamp is not None:
            del self._unwanted[uid]
        return Place(found, node, unwanted_s=now_s - since_s)


def watches() -> list[Watch[Any]]:
    """Return what matters: pods that come and go, attachments, and what nodes say is in use."""
    return [
        Watch(PersistentVolume, lambda informers, one: [("", one.metadata.name or "")],
              when=lambda old, new: _is_csi(old) or _is_csi(new)),
        Watch(PersistentVolumeClaim, _key_of_claim),
        Watch(Pod, _keys_of_pod, when=_moved, indexes={volumes.BY_CLAIM: volumes.by_claim}),
        Watch(VolumeAttachment, lambda informers, one: [("", name) for name in _volume(one)],
              indexes={BY_VOLUME: _volume}),
        Watch(Node, _keys_of_node, when=_uses_otherwise),
        Watch(CSIDriver, lambda informers, one: (), when=lambda old, new: False),
    ]


def _wanted(informers: Informers, volume: PersistentVolume) -> dict[str, list[Pod]]:
    """Return the pods that want the volume, by node, while it is bound to their claim."""
    ref = volume.spec.claimRef
    claim = informers.of(PersistentVolumeClaim).get(ref.namespace or "", ref.name or "") if ref is not None else None
    found: dict[str, list[Pod]] = {}
    if ref is None or claim is None or claim.metadata.uid != ref.uid or claim.spec.volumeName != volume.metadata.name:
        return found
    for pod in informers.of(Pod).by(volumes.BY_CLAIM, f"{ref.namespace}/{ref.name}"):
        if pod.spec.nodeName and not is_finished(pod):
            found.setdefault(pod.spec.nodeName, []).append(pod)
    return found


def _is_csi(volume: PersistentVolume | None) -> bool:
    return volume is not None and volume.spec.csi is not None


def _key_of_claim(informers: Informers, claim: PersistentVolumeClaim) -> Iterator[Key]:
    if claim.spec.volumeName:
        yield "", claim.spec.volumeName


def _keys_of_pod(informers: Informers, pod: Pod) -> Iterator[Key]:
    for name in volumes.claim_names(pod):
        claim = informers.of(PersistentVolumeClaim).get(pod.metadata.namespace or "", name)
        if claim is not None and claim.spec.volumeName:
            yield "", claim.spec.volumeName


def _keys_of_node(informers: Informers, node: Node) -> Iterator[Key]:
    for found in informers.of(VolumeAttachment).all():
        if found.spec.nodeName == node.metadata.name:
            yield from (("", name) for name in _volume(found))


def _moved(old: Pod | None, new: Pod | None) -> bool:
    if old is None or new is None:
        return True
    return old.spec.nodeName != new.spec.nodeName or is_finished(old) != is_finished(new)


def _uses_otherwise(old: Node | None, new: Node | None) -> bool:
    """Tell whether a node's change may allow to detach."""
    if old is None or new is None:
        return new is None
    return old.status.volumesInUse != new.status.volumesInUse or old.spec.taints != new.spec.taints


def _volume(found: VolumeAttachment) -> tuple[str, ...]:
    name = found.spec.source.persistentVolumeName
    return (name,) if name else ()
