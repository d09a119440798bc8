"""Read-only policy/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import meta_v1


class Eviction(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """policy/v1 Eviction."""

    apiVersion: str = field(default_factory=lambda: "policy/v1")
    deleteOptions: meta_v1.DeleteOptions | None = None
    kind: str = field(default_factory=lambda: "Eviction")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())


class PodDisruptionBudget(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """policy/v1 PodDisruptionBudget."""

    apiVersion: str = field(default_factory=lambda: "policy/v1")
    kind: str = field(default_factory=lambda: "PodDisruptionBudget")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: PodDisruptionBudgetSpec = field(default_factory=lambda: PodDisruptionBudgetSpec())
    status: PodDisruptionBudgetStatus = field(default_factory=lambda: PodDisruptionBudgetStatus())


class PodDisruptionBudgetList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """policy/v1 PodDisruptionBudgetList."""

    apiVersion: str = field(default_factory=lambda: "policy/v1")
    items: tuple[PodDisruptionBudget, ...] = ()
    kind: str = field(default_factory=lambda: "PodDisruptionBudgetList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class PodDisruptionBudgetSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """policy/v1 PodDisruptionBudgetSpec."""

    maxUnavailable: int | str | None = None
    minAvailable: int | str | None = None
    selector: meta_v1.LabelSelector | None = None
    unhealthyPodEvictionPolicy: str | None = None


class PodDisruptionBudgetStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """policy/v1 PodDisruptionBudgetStatus."""

    conditions: tuple[meta_v1.Condition, ...] = ()
    currentHealthy: int | None = None
    desiredHealthy: int | None = None
    disruptedPods: dict[str, str] = {}
    disruptionsAllowed: int | None = None
    expectedPods: int | None = None
    observedGeneration: int | None = None
