"""Find the keys of owners whose turn it is when something they own, or could own, has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from knarr.client.informers import Informers
from knarr.reconcile.owners import controller_of, selector_of
from knarr.reconcile.runner import Key
from knarr.reconcile.serving import BY_NAMESPACE


def own_key(informers: Informers, obj: Any) -> list[Key]:
    """Return an object's own key."""
    return [(obj.metadata.namespace or "", obj.metadata.name or "")]


def keys_of_owners(kind: type[Any]) -> Callable[[Informers, Any], Iterator[Key]]:
    """Return what finds an object's owner of a kind: its controller, or all whose selector would adopt the orphan.

    The informer of `kind` must have the index BY_NAMESPACE. Source: kube replica_set.go, addPod and getPodReplicaSets.
    """

    def keys(informers: Informers, obj: Any) -> Iterator[Key]:
        namespace = obj.metadata.namespace or ""
        owner = controller_of(obj.metadata)
        if owner is not None:
            if owner.kind == kind.__name__:
                yield namespace, owner.name
            return
        if obj.metadata.deletionTimestamp is not None:
            return
        for candidate in informers.of(kind).by(BY_NAMESPACE, namespace):
            if selector_of(candidate).matches(obj.metadata.labels):
                yield namespace, candidate.metadata.name or ""

    return keys
