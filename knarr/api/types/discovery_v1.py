"""Read-only discovery/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import core_v1, meta_v1


class Endpoint(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """discovery/v1 Endpoint."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions | None = None
    deprecatedTopology: dict[str, str] = {}
    hints: EndpointHints | None = None
    hostname: str | None = None
    nodeName: str | None = None
    targetRef: core_v1.ObjectReference | None = None
    zone: str | None = None


class EndpointConditions(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """discovery/v1 EndpointConditions."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class EndpointHints(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """discovery/v1 EndpointHints."""

    forNodes: tuple[ForNode, ...] = ()
    forZones: tuple[ForZone, ...] = ()


class EndpointPort(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """discovery/v1 EndpointPort."""

    appProtocol: str | None = None
    name: str | None = None
    port: int | None = None
    protocol: str | None = None


class EndpointSlice(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """discovery/v1 EndpointSlice."""

    addressType: str = field(default_factory=str)
    apiVersion: str = field(default_factory=lambda: "discovery.k8s.io/v1")
    endpoints: tuple[Endpoint, ...] = ()
    kind: str = field(default_factory=lambda: "EndpointSlice")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    ports: tuple[EndpointPort, ...] = ()


class EndpointSliceList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """discovery/v1 EndpointSliceList."""

    apiVersion: str = field(default_factory=lambda: "discovery.k8s.io/v1")
    items: tuple[EndpointSlice, ...] = ()
    kind: str = field(default_factory=lambda: "EndpointSliceList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class ForNode(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """discovery/v1 ForNode."""

    name: str = field(default_factory=str)


class ForZone(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """discovery/v1 ForZone."""

    name: str = field(default_factory=str)
