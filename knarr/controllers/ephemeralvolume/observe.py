"""See a pod with generic ephemeral volumes, and the claims in their places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knarr.api import volumes
from knarr.api.types.core_v1 import PersistentVolumeClaim, Pod
from knarr.client.informers import Informers
from knarr.controllers.ephemeralvolume.plan import View
from knarr.reconcile.actions import Look
from knarr.reconcile.keys import own_key
from knarr.reconcile.runner import Key, Watch

OWN_CLAIMS = "ephemeral claims"     # index: the places of a pod's own claims


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return the pod and what stands under the names of its claims; None when the pod is gone."""
    pod = informers.of(Pod).get(*key)
    if pod is None:
        return None
    claims = informers.of(PersistentVolumeClaim)
    found = ((name, claims.get(key[0], name)) for name in volumes.claim_names(pod))
    return View(pod, {name: claim for name, claim in found if claim is not None})


def watches() -> list[Watch[Any]]:
    """Return what concerns ephemeral volumes: pods that have some, and claims that go or stand in their places."""
    return [
        Watch(Pod, own_key, when=_has_some, indexes={OWN_CLAIMS: _places}),
        Watch(PersistentVolumeClaim, _pods_of, when=lambda old, new: old is None or new is None),
    ]


def _has_some(old: Pod | None, new: Pod | None) -> bool:
    return old is None and new is not None and any(volume.ephemeral is not None for volume in new.spec.volumes)


def _places(pod: Pod) -> Iterator[str]:
    return (f"{pod.metadata.namespace}/{volumes.claim_name(pod, volume)}"
            for volume in pod.spec.volumes if volume.ephemeral is not None)


def _pods_of(informers: Informers, claim: PersistentVolumeClaim) -> Iterator[Key]:
    meta = claim.metadata
    for pod in informers.of(Pod).by(OWN_CLAIMS, f"{meta.namespace}/{meta.name}"):
        yield pod.metadata.namespace or "", pod.metadata.name or ""
