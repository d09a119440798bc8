"""Read-only meta/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field


class APIGroup(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 APIGroup."""

    apiVersion: str = field(default_factory=lambda: "v1")
    kind: str = field(default_factory=lambda: "APIGroup")
    name: str = field(default_factory=str)
    preferredVersion: GroupVersionForDiscovery | None = None
    serverAddressByClientCIDRs: tuple[ServerAddressByClientCIDR, ...] = ()
    versions: tuple[GroupVersionForDiscovery, ...] = ()


class APIGroupList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 APIGroupList."""

    apiVersion: str = field(default_factory=lambda: "v1")
    groups: tuple[APIGroup, ...] = ()
    kind: str = field(default_factory=lambda: "APIGroupList")


class APIResource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 APIResource."""

    categories: tuple[str, ...] = ()
    group: str | None = None
    kind: str = field(default_factory=str)
    name: str = field(default_factory=str)
    namespaced: bool = field(default_factory=bool)
    shortNames: tuple[str, ...] = ()
    singularName: str = field(default_factory=str)
    storageVersionHash: str | None = None
    verbs: tuple[str, ...] = ()
    version: str | None = None


class APIResourceList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 APIResourceList."""

    apiVersion: str = field(default_factory=lambda: "v1")
    groupVersion: str = field(default_factory=str)
    kind: str = field(default_factory=lambda: "APIResourceList")
    resources: tuple[APIResource, ...] = ()


class APIVersions(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 APIVersions."""

    apiVersion: str = field(default_factory=lambda: "v1")
    kind: str = field(default_factory=lambda: "APIVersions")
    serverAddressByClientCIDRs: tuple[ServerAddressByClientCIDR, ...] = ()
    versions: tuple[str, ...] = ()


class Condition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 Condition."""

    lastTransitionTime: str | None = None
    message: str = field(default_factory=str)
    observedGeneration: int | None = None
    reason: str = field(default_factory=str)
    status: str = field(default_factory=str)
    type: str = field(default_factory=str)


class DeleteOptions(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 DeleteOptions."""

    apiVersion: str | None = None
    dryRun: tuple[str, ...] = ()
    gracePeriodSeconds: int | None = None
    ignoreStoreReadErrorWithClusterBreakingPotential: bool | None = None
    kind: str | None = None
    orphanDependents: bool | None = None
    preconditions: Preconditions | None = None
    propagationPolicy: str | None = None


class FieldSelectorRequirement(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 FieldSelectorRequirement."""

    key: str = field(default_factory=str)
    operator: str = field(default_factory=str)
    values: tuple[str, ...] = ()


class GroupResource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 GroupResource."""

    group: str = field(default_factory=str)
    resource: str = field(default_factory=str)


class GroupVersionForDiscovery(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 GroupVersionForDiscovery."""

    groupVersion: str = field(default_factory=str)
    version: str = field(default_factory=str)


class LabelSelector(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 LabelSelector."""

    matchExpressions: tuple[LabelSelectorRequirement, ...] = ()
    matchLabels: dict[str, str] = {}


class LabelSelectorRequirement(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 LabelSelectorRequirement."""

    key: str = field(default_factory=str)
    operator: str = field(default_factory=str)
    values: tuple[str, ...] = ()


class ListMeta(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 ListMeta."""

    continue_: str | None = field(default=None, name="continue")
    remainingItemCount: int | None = None
    resourceVersion: str | None = None
    selfLink: str | None = None
    shardInfo: ShardInfo | None = None


class ManagedFieldsEntry(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 ManagedFieldsEntry."""

    apiVersion: str | None = None
    fieldsType: str | None = None
    fieldsV1: Any = None
    manager: str | None = None
    operation: str | None = None
    subresource: str | None = None
    time: str | None = None


class ObjectMeta(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 ObjectMeta."""

    annotations: dict[str, str] = {}
    creationTimestamp: str | None = None
    deletionGracePeriodSeconds: int | None = None
    deletionTimestamp: str | None = None
    finalizers: tuple[str, ...] = ()
    generateName: str | None = None
    generation: int | None = None
    labels: dict[str, str] = {}
    name: str | None = None
    namespace: str | None = None
    ownerReferences: tuple[OwnerReference, ...] = ()
    resourceVersion: str | None = None
    selfLink: str | None = None
    uid: str | None = None


class OwnerReference(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 OwnerReference."""

    apiVersion: str = field(default_factory=str)
    blockOwnerDeletion: bool | None = None
    controller: bool | None = None
    kind: str = field(default_factory=str)
    name: str = field(default_factory=str)
    uid: str = field(default_factory=str)


class Preconditions(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 Preconditions."""

    resourceVersion: str | None = None
    uid: str | None = None


class ServerAddressByClientCIDR(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 ServerAddressByClientCIDR."""

    clientCIDR: str = field(default_factory=str)
    serverAddress: str = field(default_factory=str)


class ShardInfo(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 ShardInfo."""

    selector: str = field(default_factory=str)


class Status(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 Status."""

    apiVersion: str = field(default_factory=lambda: "v1")
    code: int | None = None
    details: StatusDetails | None = None
    kind: str = field(default_factory=lambda: "Status")
    message: str | None = None
    metadata: ListMeta = field(default_factory=lambda: ListMeta())
    reason: str | None = None
    status: str = field(default_factory=str)


class StatusCause(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 StatusCause."""

    field: str | None = None
    message: str | None = None
    reason: str | None = None


class StatusDetails(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 StatusDetails."""

    causes: tuple[StatusCause, ...] = ()
    group: str | None = None
    kind: str | None = None
    name: str | None = None
    retryAfterSeconds: int | None = None
    uid: str | None = None


class WatchEvent(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """meta/v1 WatchEvent."""

    object_: Any = field(default=None, name="object")
    type: str = field(default_factory=str)
