"""Say which writes a webhook or a policy concerns: rules, namespace selector, object selector.

Source: kube apiserver admission/plugin/webhook: generic/webhook.go, predicates/rules, predicates/namespace;
admission/plugin/policy/matching/matching.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from knarr.api.kinds import Kind
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.configured import GROUP, Scope

Obj = dict[str, Any]
NAMESPACES: Final = ("", "namespaces")
REVIEWS: Final = frozenset({  # what policies never see. Source: kube apiserver server/options, DefaultExclusions
    ("authentication.k8s.io", "selfsubjectreviews"), ("authentication.k8s.io", "tokenreviews"),
    ("authorization.k8s.io", "localsubjectaccessreviews"), ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"), ("authorization.k8s.io", "subjectaccessreviews"),
})


def wanted_form(a: Admission, scope: Scope) -> Kind | None:
    """Return the kind in whose form a write is to be shown; None if it is not concerned."""
    if a.kind.group == GROUP or not _selected(a, scope):
        return None
    rows = forms(a)
    if any(_rule_matches(a, row, rule) for rule in scope.excluded for row in (rows[:1] if scope.exact else rows)):
        return None
    if scope.no_rules:
        return rows[0]
    for row in rows[:1] if scope.exact else rows:
        if any(_rule_matches(a, row, rule) for rule in scope.rules):
            return row
    return None


def forms(a: Admission) -> Sequence[Kind]:
    """Return the kinds in whose form an object can be shown, the one that the client used first."""
    asked = a.requested or a.kind
    if not asked.stored:
        return [asked]
    others = [row for row in a.core.registry.kinds
              if row.prefix == asked.prefix and row.stored and (row.group, row.version) != (asked.group, asked.version)]
    return [asked, *others]


def _rule_matches(a: Admission, row: Kind, rule: Obj) -> bool:
    scope = rule.get("scope", "*")
    if scope != "*" and (scope == "Namespaced") != row.namespaced:
        return False
    pairs = ((a.operation.upper(), "operations"), (row.group, "apiGroups"), (row.version, "apiVersions"))
    if not all(value in rule[member] or "*" in rule[member] for value, member in pairs):
        return False
    names = rule.get("resourceNames")
    if names and a.name not in names:
        return False
    return any(_resource_matches(word, row.plural, a.subresource) for word in rule["resources"])


def _resource_matches(word: str, plural: str, subresource: str) -> bool:
    resource, _, below = word.partition("/")
    return resource in ("*", plural) and below in ("*", subresource)


def _selected(a: Admission, scope: Scope) -> bool:
    objects, namespaces = scope.objects, scope.namespaces
    if objects.requirements and not any(objects.matches(labels(one)) for one in (a.obj, a.old) if one is not None):
        return False
    if not namespaces.requirements:
        return True
    if (a.kind.group, a.kind.plural) == NAMESPACES:
        return namespaces.matches(labels(a.obj))
    return not a.namespace or namespaces.matches(labels(namespace_object(a) or {}))


def namespace_object(a: Admission) -> Obj | None:
    """Return the namespace that a write goes to, None for cluster-wide kinds."""
    if (a.kind.group, a.kind.plural) == NAMESPACES or not a.namespace:
        return None
    return a.find("", "namespaces", a.namespace)


def labels(obj: Obj) -> dict[str, str]:
    """Return an object's labels."""
    return (obj.get("metadata") or {}).get("labels") or {}
