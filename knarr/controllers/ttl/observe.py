"""See a node, and how many there are. A key is ("", node name)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knarr.api.types.core_v1 import Node
from knarr.client.informers import Informers
from knarr.controllers.ttl.plan import EDGES, View
from knarr.reconcile.actions import Look
from knarr.reconcile.runner import Key, Watch


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return what there is to decide on; None when the node is gone."""
    node = informers.of(Node).get(*key)
    return None if node is None else View(node, len(informers.of(Node).all()))


def watches() -> list[Watch[Any]]:
    """Return what matters: nodes that come and go; heartbeats do not."""
    return [Watch(Node, _keys, when=lambda old, new: old is None or new is None)]


def _keys(informers: Informers, node: Node) -> Iterator[Key]:
    """Only where the number crosses an edge does it concern the others."""
    found = informers.of(Node).all()
    for one in found if len(found) in EDGES else (node,):
        yield "", one.metadata.name or ""
