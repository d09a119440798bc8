"""See a claim with its volume or those it might have, or a volume with its claim.

A key is ("claim", namespace, name) or ("volume", name).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knarr.api import volumes
from knarr.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim, Pod
from knarr.api.types.storage_v1 import StorageClass
from knarr.client.informers import Informers
from knarr.controllers.volumebinder.plan import ClaimView, View, VolumeView
from knarr.reconcile.actions import Look
from knarr.reconcile.runner import Key, Watch

UNBOUND = "unboundClass"  # index: the class of a claim that has no volume yet
FREE = "freeClass"        # index: the class of a volume that is set aside for nobody
SET_ASIDE = "claimRef"    # index: the claim (namespace/name) that a volume is set aside for


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return what there is to decide on; None when the object is gone."""
    if key[0] == "volume":
        return _volume(informers, key[1])
    claim = informers.of(PersistentVolumeClaim).get(key[1], key[2])
    if claim is None:
        return None
    found = informers.of(PersistentVolume)
    named = found.get("", claim.spec.volumeName or "")
    fitting: list[PersistentVolume] = []
    if not claim.spec.volumeName:
        mine = found.by(SET_ASIDE, f"{key[1]}/{key[2]}")
        fitting = volumes.best_first([*mine, *found.by(FREE, claim.spec.storageClassName or "")], claim)
    storage_class = informers.of(StorageClass).get("", claim.spec.storageClassName or "")
    waiting = [pod.metadata.name or "" for pod in informers.of(Pod).by(volumes.BY_CLAIM, f"{key[1]}/{key[2]}")
               if not pod.spec.nodeName and pod.metadata.deletionTimestamp is None]
    return ClaimView(claim, named, tuple(fitting), storage_class, tuple(sorted(waiting)))


def watches() -> list[Watch[Any]]:
    """Return what concerns claims and volumes."""
    return [
        Watch(PersistentVolumeClaim, _keys_of_claim, indexes={UNBOUND: _unbound}),
        Watch(PersistentVolume, _keys_of_volume, indexes={FREE: _free, SET_ASIDE: _set_aside}),
        Watch(StorageClass, _keys_of_class, when=lambda old, new: new is not None),
        Watch(Pod, lambda informers, pod: (), when=lambda old, new: False,
              indexes={volumes.BY_CLAIM: volumes.by_claim}),
    ]


def _volume(informers: Informers, name: str) -> VolumeView | None:
    volume = informers.of(PersistentVolume).get("", name)
    if volume is None:
        return None
    ref = volume.spec.claimRef
    claim = informers.of(PersistentVolumeClaim).get(ref.namespace or "", ref.name or "") if ref else None
    return VolumeView(volume, claim)


def _keys_of_claim(informers: Informers, claim: PersistentVolumeClaim) -> Iterator[Key]:
    yield "claim", claim.metadata.namespace or "", claim.metadata.name or ""
    if claim.spec.volumeName:
        yield "volume", claim.spec.volumeName
    for volume in informers.of(PersistentVolume).by(SET_ASIDE, f"{claim.metadata.namespace}/{claim.metadata.name}"):
        yield "volume", volume.metadata.name or ""


def _keys_of_volume(informers: Informers, volume: PersistentVolume) -> Iterator[Key]:
    yield "volume", volume.metadata.name or ""
    ref = volume.spec.claimRef
    if ref is not None:
        yield "claim", ref.namespace or "", ref.name or ""
        return
    for claim in informers.of(PersistentVolumeClaim).by(UNBOUND, volume.spec.storageClassName or ""):
        yield "claim", claim.metadata.namespace or "", claim.metadata.name or ""


def _keys_of_class(informers: Informers, found: StorageClass) -> Iterator[Key]:
    for claim in informers.of(PersistentVolumeClaim).by(UNBOUND, found.metadata.name or ""):
        yield "claim", claim.metadata.namespace or "", claim.metadata.name or ""


def _unbound(claim: PersistentVolumeClaim) -> Iterator[str]:
    if volumes.BIND_COMPLETED not in claim.metadata.annotations:
        yield claim.spec.storageClassName or ""


def _free(volume: PersistentVolume) -> Iterator[str]:
    if volume.spec.claimRef is None:
        yield volume.spec.storageClassName or ""


def _set_aside(volume: PersistentVolume) -> Iterator[str]:
    if volume.spec.claimRef is not None:
        yield f"{volume.spec.claimRef.namespace}/{volume.spec.claimRef.name}"
