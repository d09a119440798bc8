"""See a StatefulSet, its pods, its revisions and its claims."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knarr.api.types.apps_v1 import ControllerRevision, StatefulSet
from knarr.api.types.core_v1 import PersistentVolumeClaim, Pod
from knarr.client.informers import Informers
from knarr.controllers.statefulset import identity
from knarr.controllers.statefulset.plan import View
from knarr.reconcile.actions import Look
from knarr.reconcile.history import revision_name
from knarr.reconcile.keys import keys_of_owners, own_key
from knarr.reconcile.owners import BY_CONTROLLER, INDEXES, ORPHANS, controller_of
from knarr.reconcile.runner import Key, Watch
from knarr.reconcile.serving import BY_NAMESPACE, by_namespace


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return what there is to decide on; None when the StatefulSet is gone."""
    namespace, name = key
    statefulset = informers.of(StatefulSet).get(namespace, name)
    if statefulset is None:
        return None
    uid = statefulset.metadata.uid or ""
    pods, held = informers.of(Pod), informers.of(ControllerRevision)
    found = (*pods.by(BY_CONTROLLER, uid), *pods.by(ORPHANS, namespace))
    known = (*held.by(BY_CONTROLLER, uid), *held.by(ORPHANS, namespace))
    holder = held.get(namespace, revision_name(statefulset))
    owner = controller_of(holder.metadata) if holder is not None else None
    taken = holder is not None and owner is not None and owner.uid != uid
    return View(
        statefulset, found, known, _claims(informers, statefulset, found), taken, look.now_s, look.failures)


def watches() -> list[Watch[Any]]:
    """Return what concerns StatefulSets."""
    return [
        Watch(StatefulSet, own_key, indexes={BY_NAMESPACE: by_namespace}),
        Watch(Pod, keys_of_owners(StatefulSet), indexes=INDEXES),
        Watch(ControllerRevision, keys_of_owners(StatefulSet), indexes=INDEXES),
        Watch(PersistentVolumeClaim, lambda informers, obj: _keys_of_claim(obj)),
    ]


def _keys_of_claim(one: PersistentVolumeClaim) -> Iterator[Key]:
    for owner in one.metadata.ownerReferences:
        if owner.kind == "StatefulSet":
            yield one.metadata.namespace or "", owner.name


def _claims(
    informers: Informers, statefulset: StatefulSet, pods: tuple[Pod, ...],
) -> dict[str, PersistentVolumeClaim]:
    """Find the claims of all ordinals that shall be or are."""
    numbers = {identity.ordinal(statefulset, pod) for pod in pods} | set(identity.ordinals(statefulset))
    names = [name for number in numbers if number is not None
             for name in identity.claim_names(statefulset, number).values()]
    claims = informers.of(PersistentVolumeClaim)
    found = {name: claims.get(statefulset.metadata.namespace or "", name) for name in names}
    return {name: one for name, one in found.items() if one is not None}
