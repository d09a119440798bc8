"""Keep roles and bindings in memory, indexed by subject, and answer from there.

Follows the store by a watch: a change of a role or binding counts as soon as its writer could send another request.
Source: kube plugin/pkg/auth/authorizer/rbac/rbac.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from knarr.api.http import User
from knarr.apiserver.authz.following import Following
from knarr.apiserver.authz.rules import Rule, parse
from knarr.apiserver.security import MASTERS, Attributes, Decision
from knarr.store.face import Entry, Store

ACCOUNT = "system:serviceaccount:"
Subject = tuple[str, str]       # ("User" | "Group", name); service accounts are users


@dataclass(frozen=True, slots=True)
class Grant:
    """One binding as one subject sees it. namespace: where it counts, empty: everywhere. role: namespace and name."""

    binding: str
    namespace: str
    role: tuple[str, str]
    subject: str

    def reason(self) -> str:
        """Say by what this was allowed, in kube's words."""
        place = f"{self.binding}/{self.namespace}" if self.namespace else self.binding
        kind = "RoleBinding" if self.namespace else "ClusterRoleBinding"
        role = "Role" if self.role[0] else "ClusterRole"
        return f'RBAC: allowed by {kind} "{place}" of {role} "{self.role[1]}" to {self.subject}'

    def role_missing(self) -> str:
        """Say that the role is not there, in kube's words."""
        kind = "role" if self.role[0] else "clusterrole"
        return f'{kind}.rbac.authorization.k8s.io "{self.role[1]}" not found'


def aggregate(faults: list[str]) -> str:
    """Join faults as kube does: one stands alone, several in brackets, none twice."""
    distinct = list(dict.fromkeys(faults))
    return distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]"


class Rbac(Following):
    """The authorizer."""

    prefix = "/rbac.authorization.k8s.io/"

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._rules: dict[tuple[str, str], tuple[Rule, ...]] = {}
        self._grants: dict[Subject, dict[str, tuple[Grant, ...]]] = {}     # by subject, then by binding key
        self._subjects: dict[str, tuple[Subject, ...]] = {}                # of each binding key

    def _clear(self) -> None:
        self._rules, self._grants, self._subjects = {}, {}, {}

    def authorize(self, attributes: Attributes) -> Decision:
        """Answer from memory. Roles only grant: a no has no reason but that bindings name roles that are not there."""
        user = attributes.user
        if MASTERS in user.groups:
            return Decision(True)
        absent: list[str] = []
        for grant in self.grants(user, attributes.namespace):
            rules = self._rules.get(grant.role)
            if rules is None:
                absent.append(grant.role_missing())
            elif any(rule.allows(attributes) for rule in rules):
                return Decision(True, grant.reason())
        return Decision(False, f"RBAC: {aggregate(absent)}" if absent else "")

    def grants(self, user: User, namespace: str) -> Iterator[Grant]:
        """Yield the bindings that count for a user in a namespace (empty: cluster-wide ones only)."""
        for subject in (("User", user.name), *(("Group", group) for group in user.groups)):
            for grants in self._grants.get(subject, {}).values():
                yield from (grant for grant in grants if not grant.namespace or grant.namespace == namespace)

    def absent_roles(self, user: User, namespace: str) -> str:
        """Name the roles that bindings give a user in a namespace and that are not there; empty where all are."""
        faults = [grant.role_missing() for grant in self.grants(user, namespace) if grant.role not in self._rules]
        return aggregate(faults) if faults else ""

    def rules_of(self, user: User, namespace: str) -> list[Rule]:
        """Return every rule a user holds in a namespace."""
        if MASTERS in user.groups:
            return [Rule(("*",), ("*",), ("*",)), Rule(("*",), urls=("*",))]
        return [rule for grant in self.grants(user, namespace) for rule in self._rules.get(grant.role, ())]

    def role(self, namespace: str, name: str) -> tuple[Rule, ...] | None:
        """Return a role's rules; None when there is no such role. namespace empty: a ClusterRole."""
        return self._rules.get((namespace, name))

    def _put(self, entry: Entry) -> None:
        _, _, plural, namespace, name = entry.key.split("/", 4)
        namespace = "" if namespace == "-" else namespace
        obj = entry.obj
        if plural in ("roles", "clusterroles"):
            self._rules[namespace, name] = tuple(parse(rule) for rule in obj.get("rules") or ())
        else:
            self._bind(entry.key, namespace, obj)

    def _bind(self, key: str, namespace: str, obj: Mapping[str, Any]) -> None:
        ref = obj["roleRef"]
        role = (namespace if ref["kind"] == "Role" else "", ref["name"])
        subjects = []
        for raw in obj.get("subjects") or ():
            subject, shown = subject_of(raw, namespace)
            grant = Grant(obj["metadata"]["name"], namespace, role, shown)
            known = self._grants.setdefault(subject, {})
            known[key] = (*known.get(key, ()), grant)
            subjects.append(subject)
        self._subjects[key] = tuple(subjects)

    def _drop(self, key: str) -> None:
        _, _, plural, namespace, name = key.split("/", 4)
        if plural in ("roles", "clusterroles"):
            self._rules.pop(("" if namespace == "-" else namespace, name), None)
        for subject in self._subjects.pop(key, ()):
            grants = self._grants.get(subject, {})
            grants.pop(key, None)
            if not grants:
                self._grants.pop(subject, None)


def subject_of(raw: Mapping[str, Any], namespace: str) -> tuple[Subject, str]:
    """Return the key of a binding's subject, and how refusals show it."""
    kind, name = raw["kind"], raw["name"]
    if kind != "ServiceAccount":
        return (kind, name), f'{kind} "{name}"'
    place = raw.get("namespace") or namespace
    return ("User", f"{ACCOUNT}{place}:{name}"), f'{kind} "{name}/{place}"'
