"""Match one RBAC rule against one request, and compare rules with each other. Pure.

Source: kube pkg/apis/rbac/v1/evaluation_helpers.go; component-helpers auth/rbac/validation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

from knarr.apiserver.security import Attributes

ALL = "*"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a role grants: verbs on resources, or on paths that are no resource."""

    verbs: tuple[str, ...]
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    def allows(self, attributes: Attributes) -> bool:
        """Tell whether this rule grants a request."""
        if attributes.verb not in self.verbs and ALL not in self.verbs:
            return False
        if not attributes.resource:
            return any(url_matches(url, attributes.path) for url in self.urls)
        if attributes.group not in self.groups and ALL not in self.groups:
            return False
        if self.names and attributes.name not in self.names:
            return False
        return self._has_resource(attributes.resource, attributes.subresource)

    def _has_resource(self, resource: str, subresource: str) -> bool:
        if ALL in self.resources:
            return True
        whole = f"{resource}/{subresource}" if subresource else resource
        return whole in self.resources or (bool(subresource) and f"*/{subresource}" in self.resources)


def url_matches(pattern: str, path: str) -> bool:
    """Tell whether a non-resource URL grants a path; `*` may stand at the end."""
    return pattern in (ALL, path) or (pattern.endswith(ALL) and path.startswith(pattern[:-1]))


def parse(raw: dict[str, Any]) -> Rule:
    """Read a PolicyRule."""
    def words(key: str) -> tuple[str, ...]:
        return tuple(raw.get(key) or ())

    names, urls = words("resourceNames"), words("nonResourceURLs")
    return Rule(words("verbs"), words("apiGroups"), words("resources"), names, urls)


def atoms(rule: Rule) -> Iterable[Rule]:
    """Break a rule into the smallest rules that together grant the same."""
    for verb, url in product(rule.verbs, rule.urls):
        yield Rule((verb,), urls=(url,))
    for verb, group, resource, name in product(rule.verbs, rule.groups, rule.resources, rule.names or ("",)):
        yield Rule((verb,), (group,), (resource,), (name,) if name else ())


def covers(owner: Rule, atom: Rule) -> bool:
    """Tell whether `owner` grants everything that an atom grants."""
    if ALL not in owner.verbs and atom.verbs[0] not in owner.verbs:
        return False
    if atom.urls:
        return any(url_matches(url, atom.urls[0]) for url in owner.urls)
    if ALL not in owner.groups and atom.groups[0] not in owner.groups:
        return False
    if owner.names and not (atom.names and atom.names[0] in owner.names):
        return False
    resource = atom.resources[0]
    _, _, subresource = resource.partition("/")
    return ALL in owner.resources or resource in owner.resources or (
        bool(subresource) and f"*/{subresource}" in owner.resources)


def missing(wanted: Iterable[Rule], owned: Iterable[Rule]) -> list[Rule]:
    """Return what of `wanted` is not granted by `owned`, one rule for each resource, verbs joined, sorted."""
    held = tuple(owned)
    joined: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for rule in wanted:
        for atom in atoms(rule):
            if not any(covers(one, atom) for one in held):
                verbs = joined.setdefault((atom.groups, atom.resources, atom.names, atom.urls), [])
                verbs.extend(verb for verb in atom.verbs if verb not in verbs)
    return [Rule(tuple(verbs), *key) for key, verbs in sorted(joined.items())]


def describe(rule: Rule) -> str:
    """Word a rule as kube's escalation refusal does: `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`."""
    parts = {"APIGroups": rule.groups, "Resources": rule.resources, "ResourceNames": rule.names,
             "NonResourceURLs": rule.urls, "Verbs": rule.verbs}
    shown = []
    for name, words in parts.items():
        if words:
            quoted = " ".join(f'"{word}"' for word in words)
            shown.append(f"{name}:[{quoted}]")
    return "{" + ", ".join(shown) + "}"
