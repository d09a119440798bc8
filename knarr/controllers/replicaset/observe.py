"""See a ReplicaSet or ReplicationController, its pods, and the pods that would be its."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from knarr.api.types.apps_v1 import ReplicaSet
from knarr.api.types.core_v1 import Pod, ReplicationController
from knarr.client.informers import Informers
from knarr.controllers.replicaset.plan import Replicated, View
from knarr.reconcile.actions import Look
from knarr.reconcile.keys import keys_of_owners, own_key
from knarr.reconcile.owners import BY_CONTROLLER, INDEXES, ORPHANS, controller_of
from knarr.reconcile.pods import condition, is_active, is_finished
from knarr.reconcile.runner import Key, Watch
from knarr.reconcile.serving import BY_NAMESPACE, by_namespace

BY_SELECTOR = "selector"     # index: namespace and selector of what nobody controls


def observer(of: type[ReplicaSet] | type[ReplicationController]) -> Callable[[Informers, Key, Look], View | None]:
    """Return what sees all that one of a kind is decided on; None when it is gone."""

    def observe(informers: Informers, key: Key, look: Look) -> View | None:
        namespace, name = key
        owner: Replicated | None = informers.of(of).get(namespace, name)
        if owner is None:
            return None
        pods = informers.of(Pod)
        found = (*pods.by(BY_CONTROLLER, owner.metadata.uid or ""), *pods.by(ORPHANS, namespace))
        return View(owner, found, _neighbours(informers, owner), look.now_s, look.failures, _rivals(informers, owner))

    return observe


def watches(of: type[ReplicaSet] | type[ReplicationController]) -> list[Watch[Any]]:
    """Return what concerns a kind."""
    return [
        Watch(of, own_key, indexes={**INDEXES, BY_NAMESPACE: by_namespace, BY_SELECTOR: _by_selector}),
        Watch(Pod, keys_of_owners(of), when=_counts_otherwise, indexes=INDEXES),
    ]


def _counts_otherwise(old: Pod | None, new: Pod | None) -> bool:
    """Tell whether a pod counts otherwise than before: most writes of a pod only tell how its start goes on."""
    if old is None or new is None:
        return True
    was, now = old.metadata, new.metadata
    return (
        (was.uid, was.labels, was.ownerReferences, was.deletionTimestamp)
        != (now.uid, now.labels, now.ownerReferences, now.deletionTimestamp)
        or is_finished(old) != is_finished(new)
        or condition(old, "Ready") != condition(new, "Ready")
    )


def _by_selector(replicaset: Replicated) -> Iterator[str]:
    """Name the selector of what nobody controls: a Deployment gives each of its ReplicaSets one of its own."""
    if controller_of(replicaset.metadata) is None:
        yield _selector_text(replicaset)


def _selector_text(replicaset: Replicated) -> str:
    selector = msgspec.json.encode(replicaset.spec.selector, order="sorted").decode()
    return f"{replicaset.metadata.namespace} {selector}"


def _rivals(informers: Informers, replicaset: Replicated) -> tuple[str, ...]:
    """Name the others of this kind that select the same pods in the same words, by which they can be found quickly."""
    if controller_of(replicaset.metadata) is not None:
        return ()
    alike = informers.of(type(replicaset)).by(BY_SELECTOR, _selector_text(replicaset))
    return tuple(sorted(one.metadata.name or "" for one in alike if one.metadata.uid != replicaset.metadata.uid))


def _neighbours(informers: Informers, replicaset: Replicated) -> Counter[str]:
    """Count active pods by node, over all ReplicaSets of this one's owner. Source: kube getPodsRelatedTo."""
    owner = controller_of(replicaset.metadata)
    related: tuple[Replicated, ...] = (replicaset,)
    if owner is not None and isinstance(replicaset, ReplicaSet):
        related = tuple(informers.of(ReplicaSet).by(BY_CONTROLLER, owner.uid))
    pods = informers.of(Pod)
    return Counter(
        pod.spec.nodeName or "" for one in related for pod in pods.by(BY_CONTROLLER, one.metadata.uid or "")
        if is_active(pod))
