"""Say which webhooks a write concerns: rules, namespace selector, object selector.

Source: kube apiserver admission/plugin/webhook: generic/webhook.go, predicates/rules, predicates/namespace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from knarr.api import kinds, selectors
from knarr.api.kinds import Kind
from knarr.apiserver.admission.words import Admission

Obj = dict[str, Any]
GROUP: Final = "admissionregistration.k8s.io"  # its kinds are past all webhooks: none can shut the door for good


@dataclass(frozen=True, slots=True)
class Matched:
    """A webhook to call. kind: the form in which it wants the object."""

    hook: Obj
    kind: Kind

    @property
    def name(self) -> str:
        """Return the webhook's name."""
        return str(self.hook["name"])


def matching(a: Admission, plural: str) -> Iterator[Matched]:
    """Yield the webhooks to call, by configuration's name, then in their order. plural: which sort of configuration."""
    if a.kind.group == GROUP:
        return
    for configuration in a.every(GROUP, plural):
        for hook in configuration.get("webhooks") or ():
            kind = _wanted_kind(a, hook)
            if kind is not None and _selected(a, hook):
                yield Matched(hook, kind)


def _wanted_kind(a: Admission, hook: Obj) -> Kind | None:
    rows = [a.kind]
    if hook.get("matchPolicy") != "Exact":
        rows += [row for row in kinds.KINDS if row.stored and row is not a.kind and row.prefix == a.kind.prefix]
    return next((row for row in rows if any(_rule_matches(a, row, rule) for rule in hook.get("rules") or ())), None)


def _rule_matches(a: Admission, row: Kind, rule: Obj) -> bool:
    scope = rule.get("scope", "*")
    if scope != "*" and (scope == "Namespaced") != row.namespaced:
        return False
    pairs = ((a.operation.upper(), "operations"), (row.group, "apiGroups"), (row.version, "apiVersions"))
    if not all(value in rule[member] or "*" in rule[member] for value, member in pairs):
        return False
    whole = f"{row.plural}/{a.subresource}" if a.subresource else row.plural
    wide = {"*/*", f"*/{a.subresource}", f"{row.plural}/*"} if a.subresource else {"*", "*/*", f"{row.plural}/*"}
    return bool(({whole} | wide) & set(rule["resources"]))


def _selected(a: Admission, hook: Obj) -> bool:
    wanted = selectors.of_object(hook.get("objectSelector") or {})
    if not any(wanted.matches(_labels(one)) for one in (a.obj, a.old) if one is not None):
        return False
    if not a.kind.namespaced and (a.kind.group, a.kind.plural) != ("", "namespaces"):
        return True
    namespace = a.find("", "namespaces", a.namespace) if a.kind.namespaced else a.obj
    return selectors.of_object(hook.get("namespaceSelector") or {}).matches(_labels(namespace or {}))


def _labels(obj: Obj) -> dict[str, str]:
    return (obj.get("metadata") or {}).get("labels") or {}
