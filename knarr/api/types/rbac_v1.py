"""Read-only rbac/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import meta_v1


class AggregationRule(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """rbac/v1 AggregationRule."""

    clusterRoleSelectors: tuple[meta_v1.LabelSelector, ...] = ()


class ClusterRole(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """rbac/v1 ClusterRole."""

    aggregationRule: AggregationRule | None = None
    apiVersion: str = field(default_factory=lambda: "rbac.authorization.k8s.io/v1")
    kind: str = field(default_factory=lambda: "ClusterRole")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    rules: tuple[PolicyRule, ...] = ()


class ClusterRoleBinding(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """rbac/v1 ClusterRoleBinding."""

    apiVersion: str = field(default_factory=lambda: "rbac.authorization.k8s.io/v1")
    kind: str = field(default_factory=lambda: "ClusterRoleBinding")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    roleRef: RoleRef = field(default_factory=lambda: RoleRef())
    subjects: tuple[Subject, ...] = ()


class ClusterRoleBindingList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """rbac/v1 ClusterRoleBindingList."""

    apiVersion: str = field(default_factory=lambda: "rbac.authorization.k8s.io/v1")
    items: tuple[ClusterRoleBinding, ...] = ()
    kind: str = field(default_factory=lambda: "ClusterRoleBindingList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class ClusterRoleList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """rbac/v1 ClusterRoleList."""

    apiVersion: str = field(default_factory=lambda: "rbac.authorization.k8s.io/v1")
    items: tuple[ClusterRole, ...] = ()
    kind: str = field(default_factory=lambda: "ClusterRoleList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class PolicyRule(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """rbac/v1 PolicyRule."""

    apiGroups: tuple[str, ...] = ()
    nonResourceURLs: tuple[str, ...] = ()
    resourceNames: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()


class Role(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """rbac/v1 Role."""

    apiVersion: str = field(default_factory=lambda: "rbac.authorization.k8s.io/v1")
    kind: str = field(default_factory=lambda: "Role")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    rules: tuple[PolicyRule, ...] = ()


class RoleBinding(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """rbac/v1 RoleBinding."""

    apiVersion: str = field(default_factory=lambda: "rbac.authorization.k8s.io/v1")
    kind: str = field(default_factory=lambda: "RoleBinding")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    roleRef: RoleRef = field(default_factory=lambda: RoleRef())
    subjects: tuple[Subject, ...] = ()


class RoleBindingList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """rbac/v1 RoleBindingList."""

    apiVersion: str = field(default_factory=lambda: "rbac.authorization.k8s.io/v1")
    items: tuple[RoleBinding, ...] = ()
    kind: str = field(default_factory=lambda: "RoleBindingList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class RoleList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """rbac/v1 RoleList."""

    apiVersion: str = field(default_factory=lambda: "rbac.authorization.k8s.io/v1")
    items: tuple[Role, ...] = ()
    kind: str = field(default_factory=lambda: "RoleList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class RoleRef(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """rbac/v1 RoleRef."""

    apiGroup: str | None = None
    kind: str = field(default_factory=str)
    name: str = field(default_factory=str)


class Subject(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """rbac/v1 Subject."""

    apiGroup: str | None = None
    kind: str = field(default_factory=str)
    name: str = field(default_factory=str)
    namespace: str | None = None
