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
from knarr.controllers.nodelifecycle.brake import Census, Turns, census
from knarr.controllers.nodelifecycle.plan import GRACE_S, View, is_evicted, is_ready, promised_s, renew_s
from knarr.reconcile.actions import Look
from knarr.reconcile.runner import Key, Watch

BY_NODE = "nodeName"  # index: a pod's node
LEASES = "kube-node-lease"
COUNT_S = 1.0         # how long a count of the lost is used


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
        self._turns = Turns()
        self._census = Census({}, float("-inf"))

    def observe(self, informers: Informers, key: Key, look: Look) -> View | None:
        """Return what there is to decide on; None when the node is gone."""
        name = key[1]
        node = informers.of(Node).get("", name)
        if node is None:
            self._heard.pop(name, None)
            return None
        lease = informers.of(Lease).get(LEASES, name)
        now_s = self._clock.monotonic_s()
        silent_s = now_s - self._hear(name, node, lease, now_s=now_s).at_s
        nodes = len(informers.of(Node).all())
        grace_s = promised_s(lease) if nodes > 1 else GRACE_S
        held_s = 0.0
        if silent_s >= grace_s / 2 or not is_ready(node):
            found = self._count(informers, now_s)
            if not found.any_heard:
                grace_s = GRACE_S       # nobody could take the pods over: there is no haste
            held_s = self._held_s(node, found, now_s=now_s)
        return View(
            node=node, pods=tuple(informers.of(Pod).by(BY_NODE, name)), silent_s=silent_s, grace_s=grace_s,
            held_s=held_s, now_s=look.now_s, lease=lease, renew_s=renew_s(nodes))

    def _hear(self, name: str, node: Node, lease: Lease | None, *, now_s: float) -> Heard:
        renewed = (lease.spec.renewTime or "") if lease is not None else ""
        # Conditions that this controller wrote are no sign of life; heartbeats are the node's own.
        sign = (renewed, *(one.lastHeartbeatTime or "" for one in node.status.conditions))
        known = self._heard.get(name)
        if known is None or known.sign != sign:
            known = self._heard[name] = Heard(sign, now_s)
        return known

    def _held_s(self, node: Node, found: Census, *, now_s: float) -> float:
        """Return how long the pods of a node that is not ready must be left alone."""
        if is_ready(node):
            return 0.0
        return self._turns.wait_s(node, found, tainted=is_evicted(node), now_s=now_s)

    def _count(self, informers: Informers, now_s: float) -> Census:
        """Count the lost nodes of each zone, once a second at most: a zone that goes asks for each of its nodes."""
        if now_s - self._census.at_s >= COUNT_S:
            leases = informers.of(Lease)
            self._census = census(
                ((node, self._lost(node, leases.get(LEASES, node.metadata.name or ""), now_s))
                 for node in informers.of(Node).all()), now_s)
        return self._census

    def _lost(self, node: Node, lease: Lease | None, now_s: float) -> bool:
        heard = self._heard.get(node.metadata.name or "")
        silent = heard is not None and now_s - heard.at_s >= promised_s(lease) / 2
        return silent or not is_ready(node)


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
