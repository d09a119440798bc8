"""See a pod and whether its node exists; or all finished pods.

A key is (namespace, name) of a pod, or ("", "") for the finished pods together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knarr.api.types.core_v1 import Node, Pod
from knarr.base.clock import Clock
from knarr.client.informers import Informers
from knarr.controllers.podgc.plan import OVER, FinishedView, PodView, View
from knarr.reconcile.actions import Look
from knarr.reconcile.keys import own_key
from knarr.reconcile.runner import Key, Watch

BY_NODE, FINISHED = "nodeName", "finished"
ALL_FINISHED: Key = ("", "")


class Observer:
    """Remembers since when a node has been missing, in monotonic time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._missing_since_s: dict[str, float] = {}

    def observe(self, informers: Informers, key: Key, look: Look) -> View | None:
        """Return what there is to decide on; None when the pod is gone."""
        pods = informers.of(Pod)
        if key == ALL_FINISHED:
            return FinishedView(tuple(pods.by(FINISHED, "yes")))
        pod = pods.get(*key)
        if pod is None:
            return None
        node = pod.spec.nodeName or ""
        if not node or informers.of(Node).get("", node) is not None:
            self._missing_since_s.pop(node, None)
            return PodView(pod, None)
        now_s = self._clock.monotonic_s()
        return PodView(pod, now_s - self._missing_since_s.setdefault(node, now_s))


def watches() -> list[Watch[Any]]:
    """Return what matters: pods that are bound, leave or end, and nodes that go or come."""
    return [
        Watch(Pod, own_key, when=_moves,
              indexes={BY_NODE: lambda pod: [pod.spec.nodeName or ""], FINISHED: _finished}),
        Watch(Pod, lambda informers, pod: [ALL_FINISHED], when=_ends),
        Watch(Node, _keys_of_node, when=lambda old, new: old is None or new is None),
    ]


def _moves(old: Pod | None, new: Pod | None) -> bool:
    """Tell whether a pod may now be on a node that is not there, or leave without one."""
    if new is None:
        return False
    before = (old.spec.nodeName, old.metadata.deletionTimestamp) if old is not None else (None, None)
    return before != (new.spec.nodeName, new.metadata.deletionTimestamp)


def _ends(old: Pod | None, new: Pod | None) -> bool:
    """Tell whether there is one finished pod more."""
    return new is not None and new.status.phase in OVER and (old is None or old.status.phase not in OVER)


def _keys_of_node(informers: Informers, node: Node) -> Iterator[Key]:
    for pod in informers.of(Pod).by(BY_NODE, node.metadata.name or ""):
        yield pod.metadata.namespace or "", pod.metadata.name or ""


def _finished(pod: Pod) -> Iterator[str]:
    if pod.status.phase in OVER:
        yield "yes"
