"""Show static pods in the API: a mirror pod each, owned by the Node, which comes back when somebody deletes it.

Source: kube kubelet/pod/mirror_client.go, kubelet.go (tryReconcileMirrorPods).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from knarr.api.types.core_v1 import Node, Pod, PodStatus
from knarr.api.types.meta_v1 import ObjectMeta, OwnerReference
from knarr.client.client import Client
from knarr.node.staticpods.manifest import HASH, MIRROR, is_mirror

Step = Literal["", "create", "delete"]


def step(static: Pod | None, shown: Pod | None) -> Step:
    """Return what brings the API in line. shown: what it has under the static pod's name. Pure."""
    if shown is None:
        return "create" if static is not None else ""
    if not is_mirror(shown):
        return ""             # somebody's own pod has the name: it stays
    fits = static is not None and shown.metadata.annotations[MIRROR] == static.metadata.uid
    return "" if fits and not shown.metadata.deletionTimestamp else "delete"


def mirror_of(static: Pod, node: Node) -> Pod:
    """Return the object that shows a static pod. Pure."""
    meta = static.metadata
    owner = OwnerReference(apiVersion="v1", kind="Node", name=node.metadata.name or "", uid=node.metadata.uid or "",
                           controller=True)
    notes = {**meta.annotations, MIRROR: meta.annotations[HASH]}
    return Pod(metadata=ObjectMeta(name=meta.name, namespace=meta.namespace, labels=meta.labels, annotations=notes,
                                   ownerReferences=(owner,)),
               spec=static.spec)


def as_shown(static: Pod, mirror: Pod) -> Pod:
    """Return the static pod with the status that the API shows of it. Pure."""
    return msgspec.structs.replace(static, status=mirror.status if mirror.status else PodStatus())


async def create(client: Client, static: Pod) -> Pod:
    """Make a mirror and return it. Raises ApiError and OSError."""
    node = await client.get(Node, "", static.spec.nodeName or "")
    return await client.create(mirror_of(static, node))


async def delete(client: Client, shown: Pod) -> None:
    """Delete a mirror at once: it only shows. Raises ApiError and OSError."""
    meta = shown.metadata
    await client.delete(Pod, meta.namespace or "", meta.name or "", uid=meta.uid, options={"gracePeriodSeconds": 0})
