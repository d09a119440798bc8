"""Defaults of role bindings. Source: kube pkg/apis/rbac/v1/defaults.go."""

from __future__ import annotations

from typing import Any, Final

GROUP: Final = "rbac.authorization.k8s.io"


def binding(obj: dict[str, Any]) -> None:
    """Fill the API groups of the role and of users and groups; service accounts are in the core group."""
    role = obj.setdefault("roleRef", {})
    role["apiGroup"] = role.get("apiGroup") or GROUP
    role.setdefault("kind", "")
    role.setdefault("name", "")
    for subject in obj.get("subjects", ()):
        if subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = subject.get("apiGroup") or GROUP
