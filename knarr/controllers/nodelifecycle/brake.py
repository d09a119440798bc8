"""Say how fast pods may be moved away from nodes that are lost, and when not at all.

One lost node is a failure of that node; most of a zone lost at once is a failure of its network, or ours: its pods go
on running where they are, and moving them all would only add a second failure. Nodes that have missed half of their
grace count as lost here already, so that the first of a zone to run out of time is not judged alone.
Source: kube controller/nodelifecycle/node_lifecycle_controller.go, ComputeZoneState, handleDisruption; there a zone of
which no node is left is evicted as fast as one that has lost a single node, and here it is braked like any other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from knarr.api.types.core_v1 import Node

EVERY_S = 1.0            # between two nodes of a zone. Kubernetes waits 10 s, which one rack's loss cannot afford
EVERY_BRAKED_S = 100.0   # in a large zone in trouble. Source: kube --secondary-node-eviction-rate, 0.01 a second
LARGE = 50               # nodes; a smaller zone in trouble is left alone. Source: --large-cluster-size-threshold
TROUBLE = 0.55           # share of a zone's nodes that are lost. Source: --unhealthy-zone-threshold
TROUBLE_MIN = 3          # nodes; fewer are no sign of a zone's trouble. Source: ComputeZoneState, notReadyNodes > 2
NEVER = math.inf
ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"


@dataclass(frozen=True, slots=True)
class Zone:
    """How many nodes a zone has, and how many of them are lost."""

    nodes: int
    lost: int

    @property
    def every_s(self) -> float:
        """Return the seconds between two nodes whose pods are evicted; NEVER: none at all."""
        if self.lost < TROUBLE_MIN or self.lost < TROUBLE * self.nodes:
            return EVERY_S
        return EVERY_BRAKED_S if self.nodes > LARGE else NEVER


@dataclass(frozen=True, slots=True)
class Census:
    """All zones at one time (monotonic)."""

    zones: dict[str, Zone]
    at_s: float

    @property
    def any_heard(self) -> bool:
        """Tell whether any node at all is heard: else it is more likely us than them."""
        return any(zone.lost < zone.nodes for zone in self.zones.values())


def census(nodes: Iterable[tuple[Node, bool]], at_s: float) -> Census:
    """Count nodes, each told with whether it is lost."""
    counts: dict[str, list[int]] = {}
    for node, lost in nodes:
        count = counts.setdefault(zone_of(node), [0, 0])
        count[0] += 1
        count[1] += lost
    return Census({name: Zone(*count) for name, count in counts.items()}, at_s)


def zone_of(node: Node) -> str:
    """Name a node's zone; nodes without labels are one zone together."""
    labels = node.metadata.labels
    return f"{labels.get(REGION, '')}/{labels.get(ZONE, '')}"


class Turns:
    """Hands out turns: in each zone one node's pods are evicted, then a while nobody's."""

    def __init__(self) -> None:
        self._free_at_s: dict[str, float] = {}       # by zone, monotonic

    def wait_s(self, node: Node, found: Census, *, tainted: bool, now_s: float) -> float:
        """Return how long the node's pods must be left alone yet. 0: the turn is this node's, and taken.

        tainted: it had its turn already.
        """
        name = zone_of(node)
        every_s = found.zones[name].every_s if name in found.zones else EVERY_S
        if not found.any_heard or every_s == NEVER:
            return NEVER
        wait_s = self._free_at_s.get(name, now_s) - now_s
        if tainted:
            return 0.0
        if wait_s <= 0:
            self._free_at_s[name] = now_s + every_s
        return max(wait_s, 0.0)
