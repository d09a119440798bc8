"""See a claim that asks for a directory, a volume that is one, or a node. A key is as the volume binder's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knarr.api.types.core_v1 import Node, PersistentVolume, PersistentVolumeClaim
from knarr.api.types.storage_v1 import CSIStorageCapacity, StorageClass
from knarr.api.volumes import PROVISIONED_BY, SELECTED_NODE, hostname_of
from knarr.client.informers import Informers
from knarr.controllers.localpath import capacity
from knarr.controllers.localpath.capacity import NodeView
from knarr.controllers.localpath.plan import PROVISIONER, ClaimView, View, VolumeView, volume_name
from knarr.reconcile.actions import Look
from knarr.reconcile.runner import Key, Watch

ON_NODE = "local path on node"  # index of volumes: ours, by the hostname label of their node


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return what there is to decide on; None when the object is gone or none of ours."""
    if key[0] == "volume":
        return _volume(informers, key[1])
    if key[0] == "node":
        return _node(informers, key[1])
    claim = informers.of(PersistentVolumeClaim).get(key[1], key[2])
    if claim is None:
        return None
    found = informers.of(StorageClass).get("", claim.spec.storageClassName or "")
    if found is None or found.provisioner != PROVISIONER:
        return None
    node = informers.of(Node).get("", claim.metadata.annotations.get(SELECTED_NODE, ""))
    return ClaimView(claim, found, node, informers.of(PersistentVolume).get("", volume_name(claim)))


def watches() -> list[Watch[Any]]:
    """Return what matters: claims, our volumes, and nodes that come, grow and leave."""
    return [
        Watch(PersistentVolumeClaim, _key_of_claim, when=lambda old, new: new is not None),
        Watch(PersistentVolume, _key_of_volume, when=lambda old, new: new is not None),
        Watch(PersistentVolume, _nodes_of_volume, when=_sizes_differ, indexes={ON_NODE: _hostname}),
        Watch(Node, _keys_of_node, when=lambda old, new: new is None),
        Watch(Node, lambda informers, node: [("node", node.metadata.name or "")], when=_disks_differ),
        Watch(CSIStorageCapacity, lambda informers, told: (), when=lambda old, new: False),
        Watch(StorageClass, lambda informers, obj: (), when=lambda old, new: False),
    ]


def _volume(informers: Informers, name: str) -> VolumeView | None:
    volume = informers.of(PersistentVolume).get("", name)
    if volume is None or volume.metadata.annotations.get(PROVISIONED_BY) != PROVISIONER:
        return None
    hostnames = {node.metadata.labels.get("kubernetes.io/hostname") for node in informers.of(Node).all()}
    return VolumeView(volume, hostname_of(volume) in hostnames)


def _node(informers: Informers, name: str) -> NodeView | None:
    node = informers.of(Node).get("", name)
    if node is None:
        return None
    held = informers.of(PersistentVolume).by(ON_NODE, capacity.hostname_of(node))
    told = informers.of(CSIStorageCapacity).get(capacity.NAMESPACE, capacity.name_of(name))
    return NodeView(node, tuple(held), told)


def _hostname(volume: PersistentVolume) -> list[str]:
    return [hostname_of(volume)] if volume.metadata.annotations.get(PROVISIONED_BY) == PROVISIONER else []


def _nodes_of_volume(informers: Informers, volume: PersistentVolume) -> Iterator[Key]:
    """Find the node of a volume of ours. Its hostname label is nearly always its name; else all nodes are looked at."""
    for hostname in _hostname(volume):
        named = informers.of(Node).get("", hostname)
        found = [named] if named is not None else informers.of(Node).all()
        for node in found:
            if capacity.hostname_of(node) == hostname:
                yield "node", node.metadata.name or ""


def _sizes_differ(old: PersistentVolume | None, new: PersistentVolume | None) -> bool:
    return old is None or new is None or old.spec.capacity != new.spec.capacity


def _disks_differ(old: Node | None, new: Node | None) -> bool:
    return new is not None and (old is None or old.status.capacity != new.status.capacity)


def _key_of_claim(informers: Informers, claim: PersistentVolumeClaim) -> Iterator[Key]:
    yield "claim", claim.metadata.namespace or "", claim.metadata.name or ""


def _key_of_volume(informers: Informers, volume: PersistentVolume) -> Iterator[Key]:
    yield "volume", volume.metadata.name or ""


def _keys_of_node(informers: Informers, node: Node) -> Iterator[Key]:
    for volume in informers.of(PersistentVolume).all():
        if volume.metadata.deletionTimestamp is not None:
            yield "volume", volume.metadata.name or ""
