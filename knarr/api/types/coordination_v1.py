"""Read-only coordination/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import meta_v1


class Lease(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """coordination/v1 Lease."""

    apiVersion: str = field(default_factory=lambda: "coordination.k8s.io/v1")
    kind: str = field(default_factory=lambda: "Lease")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: LeaseSpec = field(default_factory=lambda: LeaseSpec())


class LeaseList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """coordination/v1 LeaseList."""

    apiVersion: str = field(default_factory=lambda: "coordination.k8s.io/v1")
    items: tuple[Lease, ...] = ()
    kind: str = field(default_factory=lambda: "LeaseList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class LeaseSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """coordination/v1 LeaseSpec."""

    acquireTime: str | None = None
    holderIdentity: str | None = None
    leaseDurationSeconds: int | None = None
    leaseTransitions: int | None = None
    preferredHolder: str | None = None
    renewTime: str | None = None
    strategy: str | None = None
