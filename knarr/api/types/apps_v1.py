"""Read-only apps/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from knarr.api.types import core_v1, meta_v1


class ControllerRevision(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 ControllerRevision."""

    apiVersion: str = field(default_factory=lambda: "apps/v1")
    data: Any = None
    kind: str = field(default_factory=lambda: "ControllerRevision")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    revision: int = field(default_factory=int)


class ControllerRevisionList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 ControllerRevisionList."""

    apiVersion: str = field(default_factory=lambda: "apps/v1")
    items: tuple[ControllerRevision, ...] = ()
    kind: str = field(default_factory=lambda: "ControllerRevisionList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class DaemonSet(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 DaemonSet."""

    apiVersion: str = field(default_factory=lambda: "apps/v1")
    kind: str = field(default_factory=lambda: "DaemonSet")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: DaemonSetSpec = field(default_factory=lambda: DaemonSetSpec())
    status: DaemonSetStatus = field(default_factory=lambda: DaemonSetStatus())


class DaemonSetCondition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 DaemonSetCondition."""

    lastTransitionTime: str | None = None
    message: str | None = None
    reason: str | None = None
    status: str = field(default_factory=str)
    type: str = field(default_factory=str)


class DaemonSetList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 DaemonSetList."""

    apiVersion: str = field(default_factory=lambda: "apps/v1")
    items: tuple[DaemonSet, ...] = ()
    kind: str = field(default_factory=lambda: "DaemonSetList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class DaemonSetSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 DaemonSetSpec."""

    minReadySeconds: int | None = None
    revisionHistoryLimit: int | None = None
    selector: meta_v1.LabelSelector = field(default_factory=lambda: meta_v1.LabelSelector())
    template: core_v1.PodTemplateSpec = field(default_factory=lambda: core_v1.PodTemplateSpec())
    updateStrategy: DaemonSetUpdateStrategy | None = None


class DaemonSetStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 DaemonSetStatus."""

    collisionCount: int | None = None
    conditions: tuple[DaemonSetCondition, ...] = ()
    currentNumberScheduled: int = field(default_factory=int)
    desiredNumberScheduled: int = field(default_factory=int)
    numberAvailable: int | None = None
    numberMisscheduled: int = field(default_factory=int)
    numberReady: int = field(default_factory=int)
    numberUnavailable: int | None = None
    observedGeneration: int | None = None
    updatedNumberScheduled: int | None = None


class DaemonSetUpdateStrategy(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 DaemonSetUpdateStrategy."""

    rollingUpdate: RollingUpdateDaemonSet | None = None
    type: str | None = None


class Deployment(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 Deployment."""

    apiVersion: str = field(default_factory=lambda: "apps/v1")
    kind: str = field(default_factory=lambda: "Deployment")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: DeploymentSpec = field(default_factory=lambda: DeploymentSpec())
    status: DeploymentStatus = field(default_factory=lambda: DeploymentStatus())


class DeploymentCondition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 DeploymentCondition."""

    lastTransitionTime: str | None = None
    lastUpdateTime: str | None = None
    message: str | None = None
    reason: str | None = None
    status: str = field(default_factory=str)
    type: str = field(default_factory=str)


class DeploymentList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 DeploymentList."""

    apiVersion: str = field(default_factory=lambda: "apps/v1")
    items: tuple[Deployment, ...] = ()
    kind: str = field(default_factory=lambda: "DeploymentList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class DeploymentSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 DeploymentSpec."""

    minReadySeconds: int | None = None
    paused: bool | None = None
    progressDeadlineSeconds: int | None = None
    replicas: int | None = None
    revisionHistoryLimit: int | None = None
    selector: meta_v1.LabelSelector = field(default_factory=lambda: meta_v1.LabelSelector())
    strategy: DeploymentStrategy | None = None
    template: core_v1.PodTemplateSpec = field(default_factory=lambda: core_v1.PodTemplateSpec())


class DeploymentStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 DeploymentStatus."""

    availableReplicas: int | None = None
    collisionCount: int | None = None
    conditions: tuple[DeploymentCondition, ...] = ()
    observedGeneration: int | None = None
    readyReplicas: int | None = None
    replicas: int | None = None
    terminatingReplicas: int | None = None
    unavailableReplicas: int | None = None
    updatedReplicas: int | None = None


class DeploymentStrategy(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 DeploymentStrategy."""

    rollingUpdate: RollingUpdateDeployment | None = None
    type: str | None = None


class ReplicaSet(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 ReplicaSet."""

    apiVersion: str = field(default_factory=lambda: "apps/v1")
    kind: str = field(default_factory=lambda: "ReplicaSet")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: ReplicaSetSpec = field(default_factory=lambda: ReplicaSetSpec())
    status: ReplicaSetStatus = field(default_factory=lambda: ReplicaSetStatus())


class ReplicaSetCondition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 ReplicaSetCondition."""

    lastTransitionTime: str | None = None
    message: str | None = None
    reason: str | None = None
    status: str = field(default_factory=str)
    type: str = field(default_factory=str)


class ReplicaSetList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 ReplicaSetList."""

    apiVersion: str = field(default_factory=lambda: "apps/v1")
    items: tuple[ReplicaSet, ...] = ()
    kind: str = field(default_factory=lambda: "ReplicaSetList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class ReplicaSetSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 ReplicaSetSpec."""

    minReadySeconds: int | None = None
    replicas: int | None = None
    selector: meta_v1.LabelSelector = field(default_factory=lambda: meta_v1.LabelSelector())
    template: core_v1.PodTemplateSpec | None = None


class ReplicaSetStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 ReplicaSetStatus."""

    availableReplicas: int | None = None
    conditions: tuple[ReplicaSetCondition, ...] = ()
    fullyLabeledReplicas: int | None = None
    observedGeneration: int | None = None
    readyReplicas: int | None = None
    replicas: int = field(default_factory=int)
    terminatingReplicas: int | None = None


class RollingUpdateDaemonSet(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 RollingUpdateDaemonSet."""

    maxSurge: int | str | None = None
    maxUnavailable: int | str | None = None


class RollingUpdateDeployment(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 RollingUpdateDeployment."""

    maxSurge: int | str | None = None
    maxUnavailable: int | str | None = None


class RollingUpdateStatefulSetStrategy(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 RollingUpdateStatefulSetStrategy."""

    maxUnavailable: int | str | None = None
    partition: int | None = None


class StatefulSet(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 StatefulSet."""

    apiVersion: str = field(default_factory=lambda: "apps/v1")
    kind: str = field(default_factory=lambda: "StatefulSet")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: StatefulSetSpec = field(default_factory=lambda: StatefulSetSpec())
    status: StatefulSetStatus = field(default_factory=lambda: StatefulSetStatus())


class StatefulSetCondition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 StatefulSetCondition."""

    lastTransitionTime: str | None = None
    message: str | None = None
    reason: str | None = None
    status: str = field(default_factory=str)
    type: str = field(default_factory=str)


class StatefulSetList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 StatefulSetList."""

    apiVersion: str = field(default_factory=lambda: "apps/v1")
    items: tuple[StatefulSet, ...] = ()
    kind: str = field(default_factory=lambda: "StatefulSetList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class StatefulSetOrdinals(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 StatefulSetOrdinals."""

    start: int | None = None


class StatefulSetPersistentVolumeClaimRetentionPolicy(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 StatefulSetPersistentVolumeClaimRetentionPolicy."""

    whenDeleted: str | None = None
    whenScaled: str | None = None


class StatefulSetSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 StatefulSetSpec."""

    minReadySeconds: int | None = None
    ordinals: StatefulSetOrdinals | None = None
    persistentVolumeClaimRetentionPolicy: StatefulSetPersistentVolumeClaimRetentionPolicy | None = None
    podManagementPolicy: str | None = None
    replicas: int | None = None
    revisionHistoryLimit: int | None = None
    selector: meta_v1.LabelSelector = field(default_factory=lambda: meta_v1.LabelSelector())
    serviceName: str | None = None
    template: core_v1.PodTemplateSpec = field(default_factory=lambda: core_v1.PodTemplateSpec())
    updateStrategy: StatefulSetUpdateStrategy | None = None
    volumeClaimTemplates: tuple[core_v1.PersistentVolumeClaim, ...] = ()


class StatefulSetStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 StatefulSetStatus."""

    availableReplicas: int | None = None
    collisionCount: int | None = None
    conditions: tuple[StatefulSetCondition, ...] = ()
    currentReplicas: int | None = None
    currentRevision: str | None = None
    observedGeneration: int | None = None
    readyReplicas: int | None = None
    replicas: int = field(default_factory=int)
    updateRevision: str | None = None
    updatedReplicas: int | None = None


class StatefulSetUpdateStrategy(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apps/v1 StatefulSetUpdateStrategy."""

    rollingUpdate: RollingUpdateStatefulSetStrategy | None = None
    type: str | None = None
