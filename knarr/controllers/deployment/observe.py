"""See a Deployment, its ReplicaSets, and their pods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knarr.api.types.apps_v1 import Deployment, ReplicaSet
from knarr.api.types.core_v1 import Pod
from knarr.client.informers import Informers
from knarr.controllers.deployment.plan import View
from knarr.controllers.deployment.revisions import new_name
from knarr.controllers.deployment.sizes import is_rolling
from knarr.reconcile.actions import Look
from knarr.reconcile.keys import keys_of_owners, own_key
from knarr.reconcile.owners import BY_CONTROLLER, INDEXES, ORPHANS, controller_of
from knarr.reconcile.runner import Key, Watch
from knarr.reconcile.serving import BY_NAMESPACE, by_namespace


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return what there is to decide on; None when the Deployment is gone."""
    namespace, name = key
    deployment = informers.of(Deployment).get(namespace, name)
    if deployment is None:
        return None
    sets = informers.of(ReplicaSet)
    found = (*sets.by(BY_CONTROLLER, deployment.metadata.uid or ""), *sets.by(ORPHANS, namespace))
    pods = informers.of(Pod)
    running = {} if is_rolling(deployment) else {
        one.metadata.uid or "": tuple(pods.by(BY_CONTROLLER, one.metadata.uid or "")) for one in found}
    holder = sets.get(namespace, new_name(deployment))
    return View(deployment, found, holder, running, look.now_s, look.failures)


def watches() -> list[Watch[Any]]:
    """Return what concerns Deployments."""
    return [
        Watch(Deployment, own_key, indexes={BY_NAMESPACE: by_namespace}),
        Watch(ReplicaSet, keys_of_owners(Deployment), indexes=INDEXES),
        # A pod matters only when it is gone: Recreate waits for that.
        Watch(Pod, _keys_of_pod, when=lambda old, new: new is None, indexes=INDEXES),
    ]


def _keys_of_pod(informers: Informers, pod: Pod) -> Iterator[Key]:
    owner = controller_of(pod.metadata)
    if owner is None or owner.kind != "ReplicaSet":
        return
    replicaset = informers.of(ReplicaSet).get(pod.metadata.namespace or "", owner.name)
    above = controller_of(replicaset.metadata) if replicaset is not None else None
    if above is not None and above.kind == "Deployment":
        yield pod.metadata.namespace or "", above.name
