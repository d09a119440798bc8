"""See a DaemonSet, its pods and revisions, and all nodes. Remembers which nodes' pods failed, to slow them down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from knarr.api.types.apps_v1 import ControllerRevision, DaemonSet
from knarr.api.types.core_v1 import Node, Pod
from knarr.base.backoff import Backoff
from knarr.client.informers import Informers
from knarr.controllers.daemonset.eligible import node_of
from knarr.controllers.daemonset.plan import View
from knarr.reconcile.actions import Look
from knarr.reconcile.history import revision_name
from knarr.reconcile.keys import keys_of_owners, own_key
from knarr.reconcile.owners import BY_CONTROLLER, INDEXES, ORPHANS, controller_of
from knarr.reconcile.runner import Key, Watch
from knarr.reconcile.serving import BY_NAMESPACE, by_namespace

FAILED_PODS = Backoff(first_s=1, factor=2, cap_s=15 * 60)    # Source: kube daemon_controller.go, BackoffInitialDuration
FORGET_S = 2 * 15 * 60                                       # Source: client-go flowcontrol.Backoff, hasExpired
MEMORY_MAX = 10_000                                          # nodes' failures kept; more than the nodes of a cluster


@dataclass(slots=True)
class Failed:
    """How often a node's pods failed, the last of them, when that was seen, and when it may be replaced."""

    count: int
    uid: str
    seen_s: float
    due_s: float


class Observer:
    """Looks, and remembers failures by (DaemonSet, generation, node)."""

    def __init__(self) -> None:
        self._failed: dict[tuple[str, int, str], Failed] = {}

    def observe(self, informers: Informers, key: Key, look: Look) -> View | None:
        """Return what there is to decide on; None when the DaemonSet is gone."""
        namespace, name = key
        daemonset = informers.of(DaemonSet).get(namespace, name)
        if daemonset is None:
            return None
        uid = daemonset.metadata.uid or ""
        pods, held = informers.of(Pod), informers.of(ControllerRevision)
        found = (*pods.by(BY_CONTROLLER, uid), *pods.by(ORPHANS, namespace))
        known = (*held.by(BY_CONTROLLER, uid), *held.by(ORPHANS, namespace))
        holder = held.get(namespace, revision_name(daemonset))
        owner = controller_of(holder.metadata) if holder is not None else None
        taken = owner is not None and owner.uid != uid
        waits = {pod.metadata.uid or "": self._wait_s(daemonset, pod, now_s=look.now_s)
                 for pod in found if pod.status.phase == "Failed"}
        return View(
            daemonset, found, known, tuple(informers.of(Node).all()), taken, waits, look.now_s, look.failures)

    def _wait_s(self, daemonset: DaemonSet, pod: Pod, *, now_s: float) -> float:
        """Return how long a failed pod stays before it is replaced, seconds; each failure of a node counts once."""
        where = (daemonset.metadata.uid or "", daemonset.metadata.generation or 0, node_of(pod))
        held, uid = self._failed.get(where), pod.metadata.uid or ""
        if held is not None and held.uid == uid:
            return max(0.0, held.due_s - now_s)
        count = held.count + 1 if held is not None and now_s - held.seen_s < FORGET_S else 0
        wait_s = FAILED_PODS.delay_s(count - 1) if count else 0.0
        self._failed.pop(where, None)
        if len(self._failed) >= MEMORY_MAX:
            self._failed.pop(next(iter(self._failed)))      # the one that failed longest ago
        self._failed[where] = Failed(count, uid, now_s, now_s + wait_s)
        return wait_s


def watches() -> list[Watch[Any]]:
    """Return what concerns DaemonSets."""
    return [
        Watch(DaemonSet, own_key, indexes={BY_NAMESPACE: by_namespace}),
        Watch(Pod, keys_of_owners(DaemonSet), indexes=INDEXES),
        Watch(ControllerRevision, keys_of_owners(DaemonSet), indexes=INDEXES),
        Watch(Node, _all_keys, when=_may_fit_otherwise),
    ]


def _may_fit_otherwise(old: Node | None, new: Node | None) -> bool:
    """Tell whether a node's change can change which pods belong there: heartbeats cannot."""
    if old is None or new is None:
        return True
    return old.metadata.labels != new.metadata.labels or old.spec != new.spec


def _all_keys(informers: Informers, node: Node) -> Iterator[Key]:
    for daemonset in informers.of(DaemonSet).all():
        yield daemonset.metadata.namespace or "", daemonset.metadata.name or ""
