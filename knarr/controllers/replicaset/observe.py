"""See a ReplicaSet, its pods, and the pods that would be its."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from knarr.api import selectors
from knarr.api.types.apps_v1 import ReplicaSet
from knarr.api.types.core_v1 import Pod
from knarr.client.informers import Informers
from knarr.controllers.replicaset.plan import View
from knarr.reconcile.actions import Look
from knarr.reconcile.owners import BY_CONTROLLER, INDEXES, ORPHANS, controller_of
from knarr.reconcile.pods import is_active
from knarr.reconcile.runner import Key, Watch

BY_NAMESPACE = "namespace"


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
    by_namespace = {BY_NAMESPACE: lambda obj: (obj.metadata.namespace or "",)}
    return [
        Watch(ReplicaSet, lambda informers, obj: [(obj.metadata.namespace or "", obj.metadata.name or "")],
              indexes={**INDEXES, **by_namespace}),
        Watch(Pod, _keys_of_pod, indexes=INDEXES),
    ]


def _keys_of_pod(informers: Informers, pod: Pod) -> Iterator[Key]:
    namespace = pod.metadata.namespace or ""
    owner = controller_of(pod.metadata)
    if owner is not None:
        if owner.kind == "ReplicaSet":
            yield namespace, owner.name
        return
    if pod.metadata.deletionTimestamp is not None:
        return
    for replicaset in informers.of(ReplicaSet).by(BY_NAMESPACE, namespace):
        if selectors.of(replicaset.spec.selector).matches(pod.metadata.labels):
            yield namespace, replicaset.metadata.name or ""


def _neighbours(informers: Informers, replicaset: ReplicaSet) -> Counter[str]:
    """Count active pods by node, over all ReplicaSets of this one's owner. Source: kube getPodsRelatedTo."""
    owner = controller_of(replicaset.metadata)
    related = informers.of(ReplicaSet).by(BY_CONTROLLER, owner.uid) if owner is not None else (replicaset,)
    pods = informers.of(Pod)
    return Counter(
        pod.spec.nodeName or "" for one in related for pod in pods.by(BY_CONTROLLER, one.metadata.uid or "")
        if is_active(pod))
