"""Read-only authorization/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import meta_v1


class FieldSelectorAttributes(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authorization/v1 FieldSelectorAttributes."""

    rawSelector: str | None = None
    requirements: tuple[meta_v1.FieldSelectorRequirement, ...] = ()


class LabelSelectorAttributes(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authorization/v1 LabelSelectorAttributes."""

    rawSelector: str | None = None
    requirements: tuple[meta_v1.LabelSelectorRequirement, ...] = ()


class LocalSubjectAccessReview(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authorization/v1 LocalSubjectAccessReview."""

    apiVersion: str = field(default_factory=lambda: "authorization.k8s.io/v1")
    kind: str = field(default_factory=lambda: "LocalSubjectAccessReview")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: SubjectAccessReviewSpec = field(default_factory=lambda: SubjectAccessReviewSpec())
    status: SubjectAccessReviewStatus = field(default_factory=lambda: SubjectAccessReviewStatus())


class NonResourceAttributes(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authorization/v1 NonResourceAttributes."""

    path: str | None = None
    verb: str | None = None


class NonResourceRule(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authorization/v1 NonResourceRule."""

    nonResourceURLs: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()


class ResourceAttributes(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authorization/v1 ResourceAttributes."""

    fieldSelector: FieldSelectorAttributes | None = None
    group: str | None = None
    labelSelector: LabelSelectorAttributes | None = None
    name: str | None = None
    namespace: str | None = None
    resource: str | None = None
    subresource: str | None = None
    verb: str | None = None
    version: str | None = None


class ResourceRule(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authorization/v1 ResourceRule."""

    apiGroups: tuple[str, ...] = ()
    resourceNames: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()


class SelfSubjectAccessReview(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authorization/v1 SelfSubjectAccessReview."""

    apiVersion: str = field(default_factory=lambda: "authorization.k8s.io/v1")
    kind: str = field(default_factory=lambda: "SelfSubjectAccessReview")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: SelfSubjectAccessReviewSpec = field(default_factory=lambda: SelfSubjectAccessReviewSpec())
    status: SubjectAccessReviewStatus = field(default_factory=lambda: SubjectAccessReviewStatus())


class SelfSubjectAccessReviewSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authorization/v1 SelfSubjectAccessReviewSpec."""

    nonResourceAttributes: NonResourceAttributes | None = None
    resourceAttributes: ResourceAttributes | None = None


class SelfSubjectRulesReview(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authorization/v1 SelfSubjectRulesReview."""

    apiVersion: str = field(default_factory=lambda: "authorization.k8s.io/v1")
    kind: str = field(default_factory=lambda: "SelfSubjectRulesReview")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: SelfSubjectRulesReviewSpec = field(default_factory=lambda: SelfSubjectRulesReviewSpec())
    status: SubjectRulesReviewStatus = field(default_factory=lambda: SubjectRulesReviewStatus())


class SelfSubjectRulesReviewSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authorization/v1 SelfSubjectRulesReviewSpec."""

    namespace: str | None = None


class SubjectAccessReview(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authorization/v1 SubjectAccessReview."""

    apiVersion: str = field(default_factory=lambda: "authorization.k8s.io/v1")
    kind: str = field(default_factory=lambda: "SubjectAccessReview")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: SubjectAccessReviewSpec = field(default_factory=lambda: SubjectAccessReviewSpec())
    status: SubjectAccessReviewStatus = field(default_factory=lambda: SubjectAccessReviewStatus())


class SubjectAccessReviewSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authorization/v1 SubjectAccessReviewSpec."""

    extra: dict[str, tuple[str, ...]] = {}
    groups: tuple[str, ...] = ()
    nonResourceAttributes: NonResourceAttributes | None = None
    resourceAttributes: ResourceAttributes | None = None
    uid: str | None = None
    user: str | None = None


class SubjectAccessReviewStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authorization/v1 SubjectAccessReviewStatus."""

    allowed: bool = field(default_factory=bool)
    denied: bool | None = None
    evaluationError: str | None = None
    reason: str | None = None


class SubjectRulesReviewStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """authorization/v1 SubjectRulesReviewStatus."""

    evaluationError: str | None = None
    incomplete: bool = field(default_factory=bool)
    nonResourceRules: tuple[NonResourceRule, ...] = ()
    resourceRules: tuple[ResourceRule, ...] = ()
