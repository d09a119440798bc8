"""See a VolumeAttributesClass and who names it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from knarr.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim
from knarr.api.types.storage_v1 import VolumeAttributesClass
from knarr.client.informers import Informers
from knarr.controllers.vacprotection.plan import View
from knarr.reconcile.actions import Look
from knarr.reconcile.runner import Key, Watch

BY_ATTRIBUTES = "attributes"


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return the class and whether it is named; None when it is gone."""
    found = informers.of(VolumeAttributesClass).get(*key)
    if found is None:
        return None
    holders = (informers.of(kind).by(BY_ATTRIBUTES, key[1]) for kind in (PersistentVolumeClaim, PersistentVolume))
    return View(found, any(map(tuple, holders)))


def watches() -> list[Watch[Any]]:
    """Return what concerns classes: themselves, and claims and volumes that begin or cease to name them."""
    return [
        Watch(VolumeAttributesClass, lambda informers, obj: [("", obj.metadata.name or "")]),
        Watch(PersistentVolumeClaim, lambda informers, obj: [("", name) for name in of_claim(obj)],
              indexes={BY_ATTRIBUTES: of_claim}),
        Watch(PersistentVolume, lambda informers, obj: [("", name) for name in of_volume(obj)],
              indexes={BY_ATTRIBUTES: of_volume}),
    ]  # fmt: skip


def of_claim(claim: PersistentVolumeClaim) -> Iterable[str]:
    """Return the classes that a claim has, wants, or is on its way to."""
    going = claim.status.modifyVolumeStatus
    found = (claim.spec.volumeAttributesClassName, claim.status.currentVolumeAttributesClassName,
             going.targetVolumeAttributesClassName if going is not None else None)  # fmt: skip
    return {name for name in found if name}


def of_volume(volume: PersistentVolume) -> Iterable[str]:
    """Return the class that a volume has."""
    name = volume.spec.volumeAttributesClassName
    return {name} if name else ()
