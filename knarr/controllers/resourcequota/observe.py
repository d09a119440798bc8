"""See a quota and all that it counts. Kinds are followed from the moment a quota names them, and no sooner."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import to_builtins

from knarr.api import kinds, quota
from knarr.api.kinds import Kind
from knarr.api.types.core_v1 import PersistentVolumeClaim, Pod, ResourceQuota, Service
from knarr.client.informer import Informer, Stop
from knarr.client.informers import Informers
from knarr.controllers.resourcequota.plan import Counted, View
from knarr.reconcile.actions import Look
from knarr.reconcile.runner import Key

NAMESPACE = "namespace"
WHOLE: dict[quota.Row, type[Any]] = {  # more than their number counts
    quota.PODS: Pod, quota.SERVICES: Service, quota.CLAIMS: PersistentVolumeClaim,
}
COUNTABLE = tuple(kind for kind in kinds.KINDS if kind.namespaced and kind.stored and kind.storage is kind)


class Observer:
    """Remembers which kinds are followed. stir: looks at the quotas of a namespace again."""

    def __init__(self, stir: Callable[[str], None]) -> None:
        self._stir = stir
        self._followed: dict[quota.Row, Informer[Any]] = {}
        self._stops: list[Stop] = []

    def observe(self, informers: Informers, key: Key, look: Look) -> View | None:
        """Return the quota and what there is of the kinds it names."""
        found = informers.of(ResourceQuota).get(*key)
        if found is None:
            return None
        wanted = [kind for kind in COUNTABLE if any(quota.concerns(name, row_of(kind)) for name in found.spec.hard)]
        followed = {row_of(kind): self._follow(informers, kind) for kind in wanted}
        if not all(informer.synced for informer in followed.values()):
            return View(found, None, look.now_s)
        counted = (Counted(row, tuple(to_builtins(one) for one in informer.by(NAMESPACE, key[0])))
                   for row, informer in followed.items())
        return View(found, tuple(counted), look.now_s)

    def stop(self) -> None:
        """Take the handlers off again."""
        for stop in self._stops:
            stop()

    def _follow(self, informers: Informers, kind: Kind) -> Informer[Any]:
        row = row_of(kind)
        if row not in self._followed:
            informer: Informer[Any] = informers.of(WHOLE[row]) if row in WHOLE else informers.metadata_of(kind)
            informer.index(NAMESPACE, lambda one: [one.metadata.namespace or ""])
            self._stops.append(informer.on_change(partial(self._changed, row)))
            self._followed[row] = informer
        return self._followed[row]

    def _changed(self, row: quota.Row, old: Any, new: Any) -> None:
        """Count anew when something goes or ends, or changes its cost: what comes has been charged for."""
        if old is not None and (new is None or (row in WHOLE and _cost(row, old) != _cost(row, new))):
            self._stir(old.metadata.namespace or "")


def row_of(kind: Kind) -> quota.Row:
    """Return a kind's group and plural."""
    return kind.group, kind.plural


def _cost(row: quota.Row, one: Any) -> Any:
    """Return what a change of cost shows in, cheaply: this is asked on every change of a pod."""
    if row == quota.PODS:
        return one.status.phase in quota.OVER, one.spec.containers, one.metadata.deletionTimestamp
    return one.spec
