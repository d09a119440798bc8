"""See a ReplicaSet, its pods, and the pods that would be its."""

from __future__ import annotations

from collections import Counter

from knarr.api.types.apps_v1 import ReplicaSet
from knarr.api.types.core_v1 import Pod
from knarr.client.informers import Informers
from knarr.controllers.replicaset.plan import View
from knarr.reconcile.actions import Look
from knarr.reconcile.keys import keys_of_owners, own_key
from knarr.reconcile.owners import BY_CONTROLLER, INDEXES, ORPHANS, controller_of
from knarr.reconcile.pods import is_active
from knarr.reconcile.runner import Key, Watch
from knarr.reconcile.serving import BY_NAMESPACE, by_namespace


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return what there is to decide on; None when the ReplicaSet is gone."""
    namespace, name = key
    replicaset = informers.of(ReplicaSet).get(namespace, name)
    if replicaset is None:
        return None
    pods = informers.of(Pod)
    found = (*pods.by(BY_CONTROLLER, replicaset.metadata.uid or ""), *pods.by(ORPHANS, namespace))
    return View(replicaset, found, _neighbours(informers, replicaset), look.now_s, look.failures)


def watches() -> list[Watch[ReplicaSet] | Watch[Pod]]:
    """Return what concerns ReplicaSets."""
    return [
        Watch(ReplicaSet, own_key, indexes={**INDEXES, BY_NAMESPACE: by_namespace}),
        Watch(Pod, keys_of_owners(ReplicaSet), indexes=INDEXES),
    ]


def _neighbours(informers: Informers, replicaset: ReplicaSet) -> Counter[str]:
    """Count active pods by node, over all ReplicaSets of this one's owner. Source: kube getPodsRelatedTo."""
    owner = controller_of(replicaset.metadata)
    related = informers.of(ReplicaSet).by(BY_CONTROLLER, owner.uid) if owner is not None else (replicaset,)
    pods = informers.of(Pod)
    return Counter(
        pod.spec.nodeName or "" for one in related for pod in pods.by(BY_CONTROLLER, one.metadata.uid or "")
        if is_active(pod))
