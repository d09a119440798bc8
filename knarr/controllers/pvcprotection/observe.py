"""See a claim and whether pods use it."""

from __future__ import annotations

from typing import Any

from knarr.api import volumes
from knarr.api.types.core_v1 import PersistentVolumeClaim, Pod
from knarr.client.informers import Informers
from knarr.controllers.pvcprotection.plan import View
from knarr.reconcile.actions import Look
from knarr.reconcile.runner import Key, Watch


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return the claim and the pods that name it; None when it is gone."""
    claim = informers.of(PersistentVolumeClaim).get(*key)
    if claim is None:
        return None
    return View(claim, tuple(informers.of(Pod).by(volumes.BY_CLAIM, "/".join(key))))


def watches() -> list[Watch[Any]]:
    """Return what concerns claims: themselves, and pods that go or get a node."""
    return [
        Watch(PersistentVolumeClaim, lambda informers, obj: [(obj.metadata.namespace or "", obj.metadata.name or "")]),
        Watch(Pod, lambda informers, pod: (tuple(one.split("/")) for one in volumes.by_claim(pod)),
              when=lambda old, new: new is None, indexes={volumes.BY_CLAIM: volumes.by_claim}),
    ]
