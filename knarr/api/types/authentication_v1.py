"""Read-only authentication/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import meta_v1


class BoundObjectReference(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authentication/v1 BoundObjectReference."""

    apiVersion: str | None = None
    kind: str | None = None
    name: str | None = None
    uid: str | None = None


class SelfSubjectReview(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authentication/v1 SelfSubjectReview."""

    apiVersion: str = field(default_factory=lambda: "authentication.k8s.io/v1")
    kind: str = field(default_factory=lambda: "SelfSubjectReview")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    status: SelfSubjectReviewStatus = field(default_factory=lambda: SelfSubjectReviewStatus())


class SelfSubjectReviewStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authentication/v1 SelfSubjectReviewStatus."""

    userInfo: UserInfo | None = None


class TokenRequest(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authentication/v1 TokenRequest."""

    apiVersion: str = field(default_factory=lambda: "authentication.k8s.io/v1")
    kind: str = field(default_factory=lambda: "TokenRequest")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: TokenRequestSpec = field(default_factory=lambda: TokenRequestSpec())
    status: TokenRequestStatus = field(default_factory=lambda: TokenRequestStatus())


class TokenRequestSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authentication/v1 TokenRequestSpec."""

    audiences: tuple[str, ...] = ()
    boundObjectRef: BoundObjectReference | None = None
    expirationSeconds: int | None = None


class TokenRequestStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authentication/v1 TokenRequestStatus."""

    expirationTimestamp: str | None = None
    token: str | None = None


class TokenReview(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authentication/v1 TokenReview."""

    apiVersion: str = field(default_factory=lambda: "authentication.k8s.io/v1")
    kind: str = field(default_factory=lambda: "TokenReview")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: TokenReviewSpec = field(default_factory=lambda: TokenReviewSpec())
    status: TokenReviewStatus = field(default_factory=lambda: TokenReviewStatus())


class TokenReviewSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authentication/v1 TokenReviewSpec."""

    audiences: tuple[str, ...] = ()
    token: str = field(default_factory=str)


class TokenReviewStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authentication/v1 TokenReviewStatus."""

    audiences: tuple[str, ...] = ()
    authenticated: bool | None = None
    error: str | None = None
    user: UserInfo | None = None


class UserInfo(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authentication/v1 UserInfo."""

    extra: dict[str, tuple[str, ...]] = {}
    groups: tuple[str, ...] = ()
    uid: str | None = None
    username: str | None = None
