"""Check roles and role bindings. Source: kube pkg/apis/rbac/validation/validation.go."""

from __future__ import annotations

from typing import Any, Final

from knarr.api.validation import formats
from knarr.api.validation.goview import show
from knarr.api.validation.spot import Spot

GROUP: Final = "rbac.authorization.k8s.io"
SUBJECTS: Final = ("ServiceAccount", "User", "Group")


def role(root: Spot, obj: dict[str, Any]) -> None:
    """Check a Role."""
    for number, rule in enumerate(obj.get("rules") or ()):
        _rule(root.at("rules").index(number), rule, namespaced=True)


def cluster_role(root: Spot, obj: dict[str, Any]) -> None:
    """Check a ClusterRole."""
    for number, rule in enumerate(obj.get("rules") or ()):
        _rule(root.at("rules").index(number), rule, namespaced=False)


def role_binding(root: Spot, obj: dict[str, Any]) -> None:
    """Check a RoleBinding."""
    _binding(root, obj, roles=("Role", "ClusterRole"))


def cluster_role_binding(root: Spot, obj: dict[str, Any]) -> None:
    """Check a ClusterRoleBinding."""
    _binding(root, obj, roles=("ClusterRole",))


def binding_update(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check that a binding keeps its role: who may bind it was decided for that one."""
    if new.get("roleRef") != old.get("roleRef"):
        root.at("roleRef").invalid(show("RoleRef", new.get("roleRef") or {}), "cannot change roleRef")


def _rule(spot: Spot, rule: dict[str, Any], *, namespaced: bool) -> None:
    if not rule.get("verbs"):
        spot.at("verbs").required("verbs must contain at least one value")
    urls = rule.get("nonResourceURLs")
    if urls:
        if namespaced:
            spot.at("nonResourceURLs").invalid(urls, "namespaced rules cannot apply to non-resource URLs")
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            spot.at("nonResourceURLs").invalid(
                urls, "rules cannot apply to both regular resources and non-resource URLs")
        return
    if not rule.get("apiGroups"):
        spot.at("apiGroups").required("resource rules must supply at least one api group")
    if not rule.get("resources"):
        spot.at("resources").required("resource rules must supply at least one resource")


def _binding(root: Spot, obj: dict[str, Any], *, roles: tuple[str, ...]) -> None:
    reference = obj.get("roleRef") or {}
    spot = root.at("roleRef")
    if reference.get("apiGroup") != GROUP:
        spot.at("apiGroup").unsupported(reference.get("apiGroup") or "", (GROUP,))
    if reference.get("kind") not in roles:
        spot.at("kind").unsupported(reference.get("kind") or "", roles)
    name = reference.get("name")
    if not name:
        spot.at("name").required()
    else:
        spot.at("name").each(name, formats.path_segment(name))
    for number, subject in enumerate(obj.get("subjects") or ()):
        _subject(root.at("subjects").index(number), subject, namespaced="Role" in roles)


def _subject(spot: Spot, subject: dict[str, Any], *, namespaced: bool) -> None:
    name, group = subject.get("name") or "", subject.get("apiGroup") or ""
    if not name:
        spot.at("name").required()
    kind = subject.get("kind") or ""
    if kind == "ServiceAccount":
        if name:
            spot.at("name").each(name, formats.dns_subdomain(name))
        if group:
            spot.at("apiGroup").unsupported(group, ("",))
        if not namespaced and not subject.get("namespace"):
            spot.at("namespace").required()
    elif kind in ("User", "Group"):
        if group != GROUP:
            spot.at("apiGroup").unsupported(group, (GROUP,))
    else:
        spot.at("kind").unsupported(kind, SUBJECTS)
