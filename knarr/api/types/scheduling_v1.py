"""Read-only scheduling/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import meta_v1


class PriorityClass(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """scheduling/v1 PriorityClass."""

    apiVersion: str = field(default_factory=lambda: "scheduling.k8s.io/v1")
    description: str | None = None
    globalDefault: bool | None = None
    kind: str = field(default_factory=lambda: "PriorityClass")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    preemptionPolicy: str | None = None
    value: int | None = None


class PriorityClassList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """scheduling/v1 PriorityClassList."""

    apiVersion: str = field(default_factory=lambda: "scheduling.k8s.io/v1")
    items: tuple[PriorityClass, ...] = ()
    kind: str = field(default_factory=lambda: "PriorityClassList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())
