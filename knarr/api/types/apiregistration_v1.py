"""Read-only apiregistration/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import meta_v1


class APIService(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiregistration/v1 APIService."""

    apiVersion: str = field(default_factory=lambda: "apiregistration.k8s.io/v1")
    kind: str = field(default_factory=lambda: "APIService")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: APIServiceSpec = field(default_factory=lambda: APIServiceSpec())
    status: APIServiceStatus = field(default_factory=lambda: APIServiceStatus())


class APIServiceCondition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiregistration/v1 APIServiceCondition."""

    lastTransitionTime: str | None = None
    message: str | None = None
    reason: str | None = None
    status: str = field(default_factory=str)
    type: str = field(default_factory=str)


class APIServiceList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiregistration/v1 APIServiceList."""

    apiVersion: str = field(default_factory=lambda: "apiregistration.k8s.io/v1")
    items: tuple[APIService, ...] = ()
    kind: str = field(default_factory=lambda: "APIServiceList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class APIServiceSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiregistration/v1 APIServiceSpec."""

    caBundle: str | None = None
    group: str | None = None
    groupPriorityMinimum: int = field(default_factory=int)
    insecureSkipTLSVerify: bool | None = None
    service: ServiceReference | None = None
    version: str | None = None
    versionPriority: int = field(default_factory=int)


class APIServiceStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiregistration/v1 APIServiceStatus."""

    conditions: tuple[APIServiceCondition, ...] = ()


class ServiceReference(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiregistration/v1 ServiceReference."""

    name: str | None = None
    namespace: str | None = None
    port: int | None = None
