"""Say how much room each node has for volumes of the class `local-path`. Pure.

It is the size of the node's disk less what its volumes were promised, as a driver would say it. Directories are held
to no size and nobody has to believe the figure: the scheduler does not (there is no CSIDriver that asks it to), so that
a small machine takes what is written for large ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from knarr.api import quantity, volumes
from knarr.api.types.core_v1 import Node, PersistentVolume
from knarr.api.types.meta_v1 import LabelSelector, ObjectMeta, OwnerReference
from knarr.api.types.storage_v1 import CSIStorageCapacity
from knarr.reconcile.actions import Action, Create, Patch

CLASS_NAME: Final = "local-path"
NAMESPACE: Final = "kube-system"
NAME_MAX: Final = 253
SPACING_S: Final = 1.0      # volumes that come together are told of together


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node. volumes: ours on it. told: what was said of it last."""

    node: Node
    volumes: tuple[PersistentVolume, ...]
    told: CSIStorageCapacity | None


def plan(view: NodeView) -> list[Action]:
    """Write the figure where it differs. It goes with its node, which owns it."""
    disk = view.node.status.capacity.get("ephemeral-storage")
    if disk is None or view.node.metadata.deletionTimestamp is not None:
        return []
    room = quantity.canonical(str(_room_bytes(disk, view.volumes)))
    if view.told is None:
        return [Create(_new(view.node, room))]
    if view.told.capacity is not None and quantity.value(view.told.capacity) == quantity.value(room):
        return []
    return [Patch(view.told, {"metadata": {"uid": view.told.metadata.uid}, "capacity": room}, spacing_s=SPACING_S)]


def name_of(node_name: str) -> str:
    """Name the object of a node."""
    return f"local-path-{node_name}"[:NAME_MAX].rstrip("-.")


def hostname_of(node: Node) -> str:
    """Return the label's value by which volumes name the node."""
    return node.metadata.labels.get(volumes.HOSTNAME) or node.metadata.name or ""


def _room_bytes(disk: str, held: Iterable[PersistentVolume]) -> int:
    return max(quantity.value(disk) - sum(volumes.capacity_bytes(one) for one in held), 0)


def _new(node: Node, room: str) -> CSIStorageCapacity:
    meta = node.metadata
    owner = OwnerReference(apiVersion="v1", kind="Node", name=meta.name or "", uid=meta.uid or "")
    return CSIStorageCapacity(
        metadata=ObjectMeta(name=name_of(meta.name or ""), namespace=NAMESPACE, ownerReferences=(owner,)),
        storageClassName=CLASS_NAME, capacity=room,
        nodeTopology=LabelSelector(matchLabels={volumes.HOSTNAME: hostname_of(node)}),
    )
