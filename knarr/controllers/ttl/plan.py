"""Decide a node's `node.alpha.kubernetes.io/ttl`. Pure. Source: kube controller/ttl/ttl_controller.go."""

from __future__ import annotations

import math
from dataclasses import dataclass

from knarr.api.types.core_v1 import Node
from knarr.reconcile.actions import Action, Patch

TTL = "node.alpha.kubernetes.io/ttl"


@dataclass(frozen=True, slots=True)
class Step:
    """For clusters of so many nodes: seconds. Neighbours overlap, so that a cluster on the edge does not swing."""

    nodes_min: int
    nodes_max: float
    ttl_s: int


STEPS = (Step(0, 100, 0), Step(90, 500, 15), Step(450, 1000, 30), Step(900, 2000, 60), Step(1800, math.inf, 300))
EDGES = frozenset({*(step.nodes_max + 1 for step in STEPS), *(step.nodes_min - 1 for step in STEPS)})


@dataclass(frozen=True, slots=True)
class View:
    """One node of so many."""

    node: Node
    nodes: int


def plan(view: View) -> list[Action]:
    """Write the annotation where it does not fit the cluster's size."""
    fitting = [str(step.ttl_s) for step in STEPS if step.nodes_min <= view.nodes <= step.nodes_max]
    meta = view.node.metadata
    if meta.annotations.get(TTL) in fitting:
        return []
    return [Patch(view.node, {"metadata": {"uid": meta.uid, "annotations": {TTL: fitting[0]}}})]
