"""Make what the provisioner needs in the cluster: its class, and what nodes may do with its volumes."""

from __future__ import annotations

from typing import Any

import structlog

from knarr.api.errors import AlreadyExists, ApiError
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.api.types.rbac_v1 import ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject
from knarr.api.types.storage_v1 import StorageClass
from knarr.base.backoff import Backoff
from knarr.base.clock import Clock
from knarr.client.client import Client
from knarr.controllers.localpath.plan import PROVISIONER

CLASS = StorageClass(
    metadata=ObjectMeta(name="local-path", annotations={"storageclass.kubernetes.io/is-default-class": "true"}),
    provisioner=PROVISIONER, reclaimPolicy="Delete", volumeBindingMode="WaitForFirstConsumer",
    allowVolumeExpansion=True,
)
ROLE = "knarr:local-path-node"
NODES = ClusterRole(metadata=ObjectMeta(name=ROLE), rules=(
    PolicyRule(apiGroups=("",), resources=("persistentvolumes",), verbs=("get", "list", "watch", "patch")),
))
BINDING = ClusterRoleBinding(
    metadata=ObjectMeta(name=ROLE),
    roleRef=RoleRef(apiGroup="rbac.authorization.k8s.io", kind="ClusterRole", name=ROLE),
    subjects=(Subject(apiGroup="rbac.authorization.k8s.io", kind="Group", name="system:nodes"),),
)
RETRY = Backoff(first_s=0.1, factor=2, cap_s=10)

log = structlog.get_logger()


async def prepare(client: Client, *, clock: Clock) -> None:
    """Create each object once; what is there already is left as its owner has changed it. Retries until it is done."""
    for obj in (CLASS, NODES, BINDING):
        failures = 0
        while not await _made(client, obj):
            await clock.sleep(RETRY.delay_s(failures))
            failures += 1


async def _made(client: Client, obj: Any) -> bool:
    try:
        await client.create(obj)
    except AlreadyExists:
        return True
    except (ApiError, OSError) as error:
        log.warning("localpath.prepare", kind=obj.kind, name=obj.metadata.name, error=str(error))
        return False
    return True
