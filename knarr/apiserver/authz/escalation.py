"""Keep people from granting what they do not hold themselves.

Writing a role needs every permission in it, or the verb `escalate`; binding one needs every permission of the role, or
the verb `bind`. Source: kube registry/rbac/role/policybased, registry/rbac/escalation_check.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from knarr.api.errors import NotFound, not_found
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.authz.access import Access
from knarr.apiserver.authz.rules import Rule, describe, missing, parse
from knarr.apiserver.security import MASTERS, Attributes

GROUP = "rbac.authorization.k8s.io"
EVERYTHING = (Rule(("*",), ("*",), ("*",)), Rule(("*",), urls=("*",)))


@dataclass(frozen=True, slots=True)
class Escalation:
    """The admission step for roles and bindings."""

    access: Access

    async def roles(self, a: Admission) -> None:
        """Check a role's rules."""
        if MASTERS in a.user.groups or self._may(a, "escalate", a.kind.plural, a.name):
            return
        if a.old is not None and all(a.old.get(part) == a.obj.get(part) for part in ("rules", "aggregationRule")):
            return
        if a.obj.get("aggregationRule") and missing(EVERYTHING, self.access.rbac.rules_of(a.user, "")):
            raise a.refuse("must have cluster-admin privileges to use the aggregationRule")
        self._check(a, [parse(raw) for raw in a.obj.get("rules") or ()])

    async def bindings(self, a: Admission) -> None:
        """Check the rules of the role that a binding refers to."""
        ref = a.obj.get("roleRef") or {}
        plural = "roles" if ref.get("kind") == "Role" else "clusterroles"
        if MASTERS in a.user.groups or self._may(a, "bind", plural, str(ref.get("name", ""))):
            return
        if a.old is not None and all(a.old.get(part) == a.obj.get(part) for part in ("roleRef", "subjects")):
            return
        rules = self.access.rbac.role(a.namespace if plural == "roles" else "", str(ref.get("name", "")))
        if rules is None:
            raise self._no_role(plural, str(ref.get("name", "")))
        self._check(a, list(rules))

    def _check(self, a: Admission, wanted: list[Rule]) -> None:
        lacking = missing(wanted, self.access.rbac.rules_of(a.user, a.namespace))
        if lacking:
            groups = " ".join(f'"{group}"' for group in a.user.groups)
            absent = self.access.rbac.absent_roles(a.user, a.namespace)
            tail = f"; resolution errors: [{absent}]" if absent else ""
            raise a.refuse(
                f'user "{a.user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not '
                "currently held:\n" + "\n".join(map(describe, lacking)) + tail
            )

    def _may(self, a: Admission, verb: str, plural: str, name: str) -> bool:
        asked = Attributes(a.user, verb, "", GROUP, "v1", plural, "", a.namespace, name)
        return self.access.authorize(asked).allowed

    def _no_role(self, plural: str, name: str) -> NotFound:
        return not_found(plural, GROUP, name)


def steps(access: Access) -> dict[tuple[str, str, str], tuple[Any, ...]]:
    """Return the admission steps to add, by group, plural and operation."""
    check = Escalation(access)
    table: dict[tuple[str, str, str], tuple[Any, ...]] = {}
    for operation in ("create", "update"):
        for plural in ("roles", "clusterroles"):
            table[GROUP, plural, operation] = (check.roles,)
        for plural in ("rolebindings", "clusterrolebindings"):
            table[GROUP, plural, operation] = (check.bindings,)
    return table
