"""See a node, when it was last heard, and its pods. A key is ("", node name)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from knarr.api.types.coordination_v1 import Lease
from knarr.api.types.core_v1 import Node, Pod
from knarr.base.clock import Clock
from knarr.client.informers import Informers
from knarr.controllers.nodelifecycle.plan import View, is_ready
from knarr.reconcile.actions import Look
from knarr.reconcile.runner import Key, Watch

BY_NODE = "nodeName"  # index: a pod's node
LEASES = "kube-node-lease"


@dataclass(frozen=True, slots=True)
class Heard:
    """A sign of life, and when it reached us (monotonic). The node's own clock is not trusted."""

    sign: tuple[str, ...]
    at_s: float


class Observer:
    """Remembers when each node gave its last sign of life, in monotonic time: a clock set forward silences nobody."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: dict[str, Heard] = {}

    def observe(self, informers: Informers, key: Key, look: Look) -> View | None:
        """Return what there is to decide on; None when the node is gone."""
        name = key[1]
        node = informers.of(Node).get("", name)
        if node is None:
            self._heard.pop(name, None)
            return None
        lease = informers.of(Lease).get(LEASES, name)
        monotonic_s = self._clock.monotonic_s()
        heard = self._hear(name, node, lease, now_s=monotonic_s)
        others = informers.of(Node).all()
        return View(
            node=node,
            pods=tuple(informers.of(Pod).by(BY_NODE, name)),
            silent_s=monotonic_s - heard.at_s,
            # When no node at all is heard, it is more likely us than them.
            alone=not any(is_ready(other) for other in others),
            now_s=look.now_s,
        )

    def _hear(self, name: str, node: Node, lease: Lease | None, *, now_s: float) -> Heard:
        renewed = (lease.spec.renewTime or "") if lease is not None else ""
        # Conditions that this controller wrote are no sign of life; heartbeats are the node's own.
        sign = (renewed, *(one.lastHeartbeatTime or "" for one in node.status.conditions))
        known = self._heard.get(name)
        if known is None or known.sign != sign:
            known = self._heard[name] = Heard(sign, now_s)
        return known


def watches() -> list[Watch[Any]]:
    """Return what matters: nodes, their leases, and pods that come to a node."""
    return [
        Watch(Node, lambda informers, node: [("", node.metadata.name or "")]),
        Watch(Node, _all_if_alone, when=lambda old, new: _ready(old) != _ready(new)),
        Watch(Lease, _key_of_lease),
        Watch(Pod, _key_of_pod, when=_moved, indexes={BY_NODE: lambda pod: [pod.spec.nodeName or ""]}),
    ]


def _ready(node: Node | None) -> bool:
    return node is not None and is_ready(node)


def _all_if_alone(informers: Informers, node: Node) -> Iterator[Key]:
    """All nodes, when the first becomes ready or the last is no longer: only then does it concern the others."""
    found = informers.of(Node).all()
    if len(list(islice(filter(is_ready, found), 2))) < 2:
        for one in found:
            yield "", one.metadata.name or ""


def _key_of_lease(informers: Informers, lease: Lease) -> Iterator[Key]:
    if lease.metadata.namespace == LEASES:
        yield "", lease.metadata.name or ""


def _key_of_pod(informers: Informers, pod: Pod) -> Iterator[Key]:
    if pod.spec.nodeName:
        yield "", pod.spec.nodeName


def _moved(old: Pod | None, new: Pod | None) -> bool:
    return new is not None and (old is None or old.spec.nodeName != new.spec.nodeName)
