"""Write what drivers say of this node: the CSINode, and the Node's labels and annotation.

Source: kube pkg/volume/csi/nodeinfomanager/nodeinfomanager.go.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from msgspec import structs

from knarr.api.errors import AlreadyExists, Conflict, NotFound
from knarr.api.types.core_v1 import Node
from knarr.api.types.meta_v1 import ObjectMeta, OwnerReference
from knarr.api.types.storage_v1 import CSINode, CSINodeDriver, CSINodeSpec, VolumeNodeResources
from knarr.client.client import Client
from knarr.node.volumes.csi.driver import NodeInfo

NODE_IDS: Final = "csi.volume.kubernetes.io/nodeid"      # annotation: names of this node, by driver, as JSON
ATTACHED_BY_CONTROLLER: Final = "volumes.kubernetes.io/controller-managed-attach-detach"
TRIES_MAX: Final = 5


async def add(client: Client, node_name: str, driver: str, info: NodeInfo) -> None:
    """Write down a driver. Raises ApiError, OSError."""
    node = await client.get(Node, "", node_name)
    ids = {**_ids(node), driver: info.node_id}
    notes = {NODE_IDS: json.dumps(ids, separators=(",", ":"), sort_keys=True), ATTACHED_BY_CONTROLLER: "true"}
    meta = node.metadata
    if not (notes.items() <= meta.annotations.items() and info.topology.items() <= meta.labels.items()):
        await client.patch(
            Node, "", node_name, patch={"metadata": {"annotations": notes, "labels": dict(info.topology)}})
    room = VolumeNodeResources(count=info.volumes_max) if info.volumes_max > 0 else None
    ours = CSINodeDriver(
        name=driver, nodeID=info.node_id, topologyKeys=tuple(sorted(info.topology)), allocatable=room)
    await _change(client, node, lambda held: (*(one for one in held if one.name != driver), ours))


async def remove(client: Client, node_name: str, driver: str) -> None:
    """Strike a driver out. Raises ApiError, OSError."""
    node = await client.get(Node, "", node_name)
    ids = {name: each for name, each in _ids(node).items() if name != driver}
    note = json.dumps(ids, separators=(",", ":"), sort_keys=True) if ids else None
    await client.patch(Node, "", node_name, patch={"metadata": {"annotations": {NODE_IDS: note}}})
    await _change(client, node, lambda held: tuple(one for one in held if one.name != driver))


async def _change(
    client: Client, node: Node, change: Callable[[tuple[CSINodeDriver, ...]], tuple[CSINodeDriver, ...]],
) -> None:
    """Change the list of drivers, made where it is missing; who writes in between is read again."""
    name = node.metadata.name or ""
    for _ in range(TRIES_MAX):
        try:
            found = await client.get(CSINode, "", name)
            drivers = change(found.spec.drivers)
            if drivers != found.spec.drivers:
                await client.update(structs.replace(found, spec=CSINodeSpec(drivers=drivers)))
            return
        except NotFound:
            owner = OwnerReference(apiVersion="v1", kind="Node", name=name, uid=node.metadata.uid or "")
            try:
                await client.create(CSINode(
                    metadata=ObjectMeta(name=name, ownerReferences=(owner,)), spec=CSINodeSpec(drivers=change(()))))
                return
            except AlreadyExists:
                continue
        except Conflict:
            continue
    raise OSError(f"the CSINode {name} changes faster than it can be written")


def _ids(node: Node) -> dict[str, str]:
    try:
        found = json.loads(node.metadata.annotations.get(NODE_IDS, "{}"))
    except ValueError:
        return {}
    return {str(name): str(each) for name, each in found.items()} if isinstance(found, dict) else {}
