"""Read-only storage/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import core_v1, meta_v1


class CSIDriver(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 CSIDriver."""

    apiVersion: str = field(default_factory=lambda: "storage.k8s.io/v1")
    kind: str = field(default_factory=lambda: "CSIDriver")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: CSIDriverSpec = field(default_factory=lambda: CSIDriverSpec())


class CSIDriverList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 CSIDriverList."""

    apiVersion: str = field(default_factory=lambda: "storage.k8s.io/v1")
    items: tuple[CSIDriver, ...] = ()
    kind: str = field(default_factory=lambda: "CSIDriverList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class CSIDriverSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 CSIDriverSpec."""

    attachRequired: bool | None = None
    fsGroupPolicy: str | None = None
    nodeAllocatableUpdatePeriodSeconds: int | None = None
    podInfoOnMount: bool | None = None
    preventPodSchedulingIfMissing: bool | None = None
    requiresRepublish: bool | None = None
    seLinuxMount: bool | None = None
    serviceAccountTokenInSecrets: bool | None = None
    storageCapacity: bool | None = None
    tokenRequests: tuple[TokenRequest, ...] = ()
    volumeLifecycleModes: tuple[str, ...] = ()


class CSINode(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 CSINode."""

    apiVersion: str = field(default_factory=lambda: "storage.k8s.io/v1")
    kind: str = field(default_factory=lambda: "CSINode")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: CSINodeSpec = field(default_factory=lambda: CSINodeSpec())


class CSINodeDriver(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 CSINodeDriver."""

    allocatable: VolumeNodeResources | None = None
    name: str = field(default_factory=str)
    nodeID: str = field(default_factory=str)
    topologyKeys: tuple[str, ...] = ()


class CSINodeList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 CSINodeList."""

    apiVersion: str = field(default_factory=lambda: "storage.k8s.io/v1")
    items: tuple[CSINode, ...] = ()
    kind: str = field(default_factory=lambda: "CSINodeList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class CSINodeSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 CSINodeSpec."""

    drivers: tuple[CSINodeDriver, ...] = ()


class CSIStorageCapacity(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 CSIStorageCapacity."""

    apiVersion: str = field(default_factory=lambda: "storage.k8s.io/v1")
    capacity: str | None = None
    kind: str = field(default_factory=lambda: "CSIStorageCapacity")
    maximumVolumeSize: str | None = None
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    nodeTopology: meta_v1.LabelSelector | None = None
    storageClassName: str = field(default_factory=str)


class CSIStorageCapacityList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 CSIStorageCapacityList."""

    apiVersion: str = field(default_factory=lambda: "storage.k8s.io/v1")
    items: tuple[CSIStorageCapacity, ...] = ()
    kind: str = field(default_factory=lambda: "CSIStorageCapacityList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class StorageClass(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 StorageClass."""

    allowVolumeExpansion: bool | None = None
    allowedTopologies: tuple[core_v1.TopologySelectorTerm, ...] = ()
    apiVersion: str = field(default_factory=lambda: "storage.k8s.io/v1")
    kind: str = field(default_factory=lambda: "StorageClass")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    mountOptions: tuple[str, ...] = ()
    parameters: dict[str, str] = {}
    provisioner: str = field(default_factory=str)
    reclaimPolicy: str | None = None
    volumeBindingMode: str | None = None


class StorageClassList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 StorageClassList."""

    apiVersion: str = field(default_factory=lambda: "storage.k8s.io/v1")
    items: tuple[StorageClass, ...] = ()
    kind: str = field(default_factory=lambda: "StorageClassList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class TokenRequest(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 TokenRequest."""

    audience: str = field(default_factory=str)
    expirationSeconds: int | None = None


class VolumeAttachment(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 VolumeAttachment."""

    apiVersion: str = field(default_factory=lambda: "storage.k8s.io/v1")
    kind: str = field(default_factory=lambda: "VolumeAttachment")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: VolumeAttachmentSpec = field(default_factory=lambda: VolumeAttachmentSpec())
    status: VolumeAttachmentStatus = field(default_factory=lambda: VolumeAttachmentStatus())


class VolumeAttachmentList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 VolumeAttachmentList."""

    apiVersion: str = field(default_factory=lambda: "storage.k8s.io/v1")
    items: tuple[VolumeAttachment, ...] = ()
    kind: str = field(default_factory=lambda: "VolumeAttachmentList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class VolumeAttachmentSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 VolumeAttachmentSource."""

    inlineVolumeSpec: core_v1.PersistentVolumeSpec | None = None
    persistentVolumeName: str | None = None


class VolumeAttachmentSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 VolumeAttachmentSpec."""

    attacher: str = field(default_factory=str)
    nodeName: str = field(default_factory=str)
    source: VolumeAttachmentSource = field(default_factory=lambda: VolumeAttachmentSource())


class VolumeAttachmentStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 VolumeAttachmentStatus."""

    attachError: VolumeError | None = None
    attached: bool = field(default_factory=bool)
    attachmentMetadata: dict[str, str] = {}
    detachError: VolumeError | None = None


class VolumeAttributesClass(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 VolumeAttributesClass."""

    apiVersion: str = field(default_factory=lambda: "storage.k8s.io/v1")
    driverName: str = field(default_factory=str)
    kind: str = field(default_factory=lambda: "VolumeAttributesClass")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    parameters: dict[str, str] = {}


class VolumeAttributesClassList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 VolumeAttributesClassList."""

    apiVersion: str = field(default_factory=lambda: "storage.k8s.io/v1")
    items: tuple[VolumeAttributesClass, ...] = ()
    kind: str = field(default_factory=lambda: "VolumeAttributesClassList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class VolumeError(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 VolumeError."""

    errorCode: int | None = None
    message: str | None = None
    time: str | None = None


class VolumeNodeResources(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """storage/v1 VolumeNodeResources."""

    count: int | None = None
