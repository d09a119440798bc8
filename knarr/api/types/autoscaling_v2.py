"""Read-only autoscaling/v2 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import meta_v1


class ContainerResourceMetricSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 ContainerResourceMetricSource."""

    container: str = field(default_factory=str)
    name: str = field(default_factory=str)
    target: MetricTarget = field(default_factory=lambda: MetricTarget())


class ContainerResourceMetricStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 ContainerResourceMetricStatus."""

    container: str = field(default_factory=str)
    current: MetricValueStatus = field(default_factory=lambda: MetricValueStatus())
    name: str = field(default_factory=str)


class CrossVersionObjectReference(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 CrossVersionObjectReference."""

    apiVersion: str | None = None
    kind: str = field(default_factory=str)
    name: str = field(default_factory=str)


class ExternalMetricSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 ExternalMetricSource."""

    metric: MetricIdentifier = field(default_factory=lambda: MetricIdentifier())
    target: MetricTarget = field(default_factory=lambda: MetricTarget())


class ExternalMetricStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 ExternalMetricStatus."""

    current: MetricValueStatus = field(default_factory=lambda: MetricValueStatus())
    metric: MetricIdentifier = field(default_factory=lambda: MetricIdentifier())


class HPAScalingPolicy(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 HPAScalingPolicy."""

    periodSeconds: int = field(default_factory=int)
    type: str = field(default_factory=str)
    value: int = field(default_factory=int)


class HPAScalingRules(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 HPAScalingRules."""

    policies: tuple[HPAScalingPolicy, ...] = ()
    selectPolicy: str | None = None
    stabilizationWindowSeconds: int | None = None
    tolerance: str | None = None


class HorizontalPodAutoscaler(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 HorizontalPodAutoscaler."""

    apiVersion: str = field(default_factory=lambda: "autoscaling/v2")
    kind: str = field(default_factory=lambda: "HorizontalPodAutoscaler")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: HorizontalPodAutoscalerSpec = field(default_factory=lambda: HorizontalPodAutoscalerSpec())
    status: HorizontalPodAutoscalerStatus = field(default_factory=lambda: HorizontalPodAutoscalerStatus())


class HorizontalPodAutoscalerBehavior(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 HorizontalPodAutoscalerBehavior."""

    scaleDown: HPAScalingRules | None = None
    scaleUp: HPAScalingRules | None = None


class HorizontalPodAutoscalerCondition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 HorizontalPodAutoscalerCondition."""

    lastTransitionTime: str | None = None
    message: str | None = None
    reason: str | None = None
    status: str = field(default_factory=str)
    type: str = field(default_factory=str)


class HorizontalPodAutoscalerList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 HorizontalPodAutoscalerList."""

    apiVersion: str = field(default_factory=lambda: "autoscaling/v2")
    items: tuple[HorizontalPodAutoscaler, ...] = ()
    kind: str = field(default_factory=lambda: "HorizontalPodAutoscalerList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class HorizontalPodAutoscalerSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 HorizontalPodAutoscalerSpec."""

    behavior: HorizontalPodAutoscalerBehavior | None = None
    maxReplicas: int = field(default_factory=int)
    metrics: tuple[MetricSpec, ...] = ()
    minReplicas: int | None = None
    scaleTargetRef: CrossVersionObjectReference = field(default_factory=lambda: CrossVersionObjectReference())


class HorizontalPodAutoscalerStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 HorizontalPodAutoscalerStatus."""

    conditions: tuple[HorizontalPodAutoscalerCondition, ...] = ()
    currentMetrics: tuple[MetricStatus, ...] = ()
    currentReplicas: int | None = None
    desiredReplicas: int = field(default_factory=int)
    lastScaleTime: str | None = None
    observedGeneration: int | None = None


class MetricIdentifier(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 MetricIdentifier."""

    name: str = field(default_factory=str)
    selector: meta_v1.LabelSelector | None = None


class MetricSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 MetricSpec."""

    containerResource: ContainerResourceMetricSource | None = None
    external: ExternalMetricSource | None = None
    object_: ObjectMetricSource | None = field(default=None, name="object")
    pods: PodsMetricSource | None = None
    resource: ResourceMetricSource | None = None
    type: str = field(default_factory=str)


class MetricStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 MetricStatus."""

    containerResource: ContainerResourceMetricStatus | None = None
    external: ExternalMetricStatus | None = None
    object_: ObjectMetricStatus | None = field(default=None, name="object")
    pods: PodsMetricStatus | None = None
    resource: ResourceMetricStatus | None = None
    type: str = field(default_factory=str)


class MetricTarget(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 MetricTarget."""

    averageUtilization: int | None = None
    averageValue: str | None = None
    type: str = field(default_factory=str)
    value: str | None = None


class MetricValueStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 MetricValueStatus."""

    averageUtilization: int | None = None
    averageValue: str | None = None
    value: str | None = None


class ObjectMetricSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 ObjectMetricSource."""

    describedObject: CrossVersionObjectReference = field(default_factory=lambda: CrossVersionObjectReference())
    metric: MetricIdentifier = field(default_factory=lambda: MetricIdentifier())
    target: MetricTarget = field(default_factory=lambda: MetricTarget())


class ObjectMetricStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 ObjectMetricStatus."""

    current: MetricValueStatus = field(default_factory=lambda: MetricValueStatus())
    describedObject: CrossVersionObjectReference = field(default_factory=lambda: CrossVersionObjectReference())
    metric: MetricIdentifier = field(default_factory=lambda: MetricIdentifier())


class PodsMetricSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 PodsMetricSource."""

    metric: MetricIdentifier = field(default_factory=lambda: MetricIdentifier())
    target: MetricTarget = field(default_factory=lambda: MetricTarget())


class PodsMetricStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 PodsMetricStatus."""

    current: MetricValueStatus = field(default_factory=lambda: MetricValueStatus())
    metric: MetricIdentifier = field(default_factory=lambda: MetricIdentifier())


class ResourceMetricSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 ResourceMetricSource."""

    name: str = field(default_factory=str)
    target: MetricTarget = field(default_factory=lambda: MetricTarget())


class ResourceMetricStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v2 ResourceMetricStatus."""

    current: MetricValueStatus = field(default_factory=lambda: MetricValueStatus())
    name: str = field(default_factory=str)
