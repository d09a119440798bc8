"""Read-only certificates/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import meta_v1


class CertificateSigningRequest(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """certificates/v1 CertificateSigningRequest."""

    apiVersion: str = field(default_factory=lambda: "certificates.k8s.io/v1")
    kind: str = field(default_factory=lambda: "CertificateSigningRequest")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: CertificateSigningRequestSpec = field(default_factory=lambda: CertificateSigningRequestSpec())
    status: CertificateSigningRequestStatus = field(default_factory=lambda: CertificateSigningRequestStatus())


class CertificateSigningRequestCondition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """certificates/v1 CertificateSigningRequestCondition."""

    lastTransitionTime: str | None = None
    lastUpdateTime: str | None = None
    message: str | None = None
    reason: str | None = None
    status: str = field(default_factory=str)
    type: str = field(default_factory=str)


class CertificateSigningRequestList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """certificates/v1 CertificateSigningRequestList."""

    apiVersion: str = field(default_factory=lambda: "certificates.k8s.io/v1")
    items: tuple[CertificateSigningRequest, ...] = ()
    kind: str = field(default_factory=lambda: "CertificateSigningRequestList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class CertificateSigningRequestSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """certificates/v1 CertificateSigningRequestSpec."""

    expirationSeconds: int | None = None
    extra: dict[str, tuple[str, ...]] = {}
    groups: tuple[str, ...] = ()
    request: str = field(default_factory=str)
    signerName: str = field(default_factory=str)
    uid: str | None = None
    usages: tuple[str, ...] = ()
    username: str | None = None


class CertificateSigningRequestStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """certificates/v1 CertificateSigningRequestStatus."""

    certificate: str | None = None
    conditions: tuple[CertificateSigningRequestCondition, ...] = ()
