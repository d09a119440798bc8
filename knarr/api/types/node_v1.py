"""Read-only node/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import core_v1, meta_v1


class Overhead(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """node/v1 Overhead."""

    podFixed: dict[str, str] = {}


class RuntimeClass(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """node/v1 RuntimeClass."""

    apiVersion: str = field(default_factory=lambda: "node.k8s.io/v1")
    handler: str = field(default_factory=str)
    kind: str = field(default_factory=lambda: "RuntimeClass")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    overhead: Overhead | None = None
    scheduling: Scheduling | None = None


class RuntimeClassList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """node/v1 RuntimeClassList."""

    apiVersion: str = field(default_factory=lambda: "node.k8s.io/v1")
    items: tuple[RuntimeClass, ...] = ()
    kind: str = field(default_factory=lambda: "RuntimeClassList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class Scheduling(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """node/v1 Scheduling."""

    nodeSelector: dict[str, str] = {}
    tolerations: tuple[core_v1.Toleration, ...] = ()
