"""Read-only autoscaling/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import meta_v1


class CrossVersionObjectReference(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v1 CrossVersionObjectReference."""

    apiVersion: str | None = None
    kind: str = field(default_factory=str)
    name: str = field(default_factory=str)


class HorizontalPodAutoscaler(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v1 HorizontalPodAutoscaler."""

    apiVersion: str = field(default_factory=lambda: "autoscaling/v1")
    kind: str = field(default_factory=lambda: "HorizontalPodAutoscaler")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: HorizontalPodAutoscalerSpec = field(default_factory=lambda: HorizontalPodAutoscalerSpec())
    status: HorizontalPodAutoscalerStatus = field(default_factory=lambda: HorizontalPodAutoscalerStatus())


class HorizontalPodAutoscalerList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v1 HorizontalPodAutoscalerList."""

    apiVersion: str = field(default_factory=lambda: "autoscaling/v1")
    items: tuple[HorizontalPodAutoscaler, ...] = ()
    kind: str = field(default_factory=lambda: "HorizontalPodAutoscalerList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class HorizontalPodAutoscalerSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v1 HorizontalPodAutoscalerSpec."""

    maxReplicas: int = field(default_factory=int)
    minReplicas: int | None = None
    scaleTargetRef: CrossVersionObjectReference = field(default_factory=lambda: CrossVersionObjectReference())
    targetCPUUtilizationPercentage: int | None = None


class HorizontalPodAutoscalerStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v1 HorizontalPodAutoscalerStatus."""

    currentCPUUtilizationPercentage: int | None = None
    currentReplicas: int = field(default_factory=int)
    desiredReplicas: int = field(default_factory=int)
    lastScaleTime: str | None = None
    observedGeneration: int | None = None


class Scale(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v1 Scale."""

    apiVersion: str = field(default_factory=lambda: "autoscaling/v1")
    kind: str = field(default_factory=lambda: "Scale")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: ScaleSpec = field(default_factory=lambda: ScaleSpec())
    status: ScaleStatus = field(default_factory=lambda: ScaleStatus())


class ScaleSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v1 ScaleSpec."""

    replicas: int | None = None


class ScaleStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """autoscaling/v1 ScaleStatus."""

    replicas: int = field(default_factory=int)
    selector: str | None = None
