"""Say which flow a request belongs to, by the rules of FlowSchemas. Pure.

Source: kube apiserver util/flowcontrol/rule.go, formatting.go; flowcontrol/v1 types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from knarr.api.http import User

ALL = "*"
ACCOUNT = "system:serviceaccount:"
BY_USER, BY_NAMESPACE = "ByUser", "ByNamespace"
Obj = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a request counts here. resource: with its subresource behind a slash; empty for other paths."""

    user: User
    verb: str
    group: str = ""
    resource: str = ""
    namespace: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Schema:
    """One FlowSchema, read. level: the priority level it leads to. distinguisher: what tells its flows apart."""

    name: str
    uid: str
    level: str
    precedence: int
    distinguisher: str
    rules: tuple[Obj, ...]

    def matches(self, asked: Asked) -> bool:
        """Tell whether a request belongs to this schema."""
        return any(_rule_matches(rule, asked) for rule in self.rules)

    def flow_of(self, asked: Asked) -> str:
        """Return which of the schema's flows a request is part of."""
        if self.distinguisher == BY_USER:
            return asked.user.name
        return asked.namespace if self.distinguisher == BY_NAMESPACE else ""


def parse(obj: Obj) -> Schema:
    """Read a FlowSchema."""
    meta, spec = obj["metadata"], obj["spec"]
    method = spec.get("distinguisherMethod") or {}
    return Schema(
        meta["name"],
        meta.get("uid", ""),
        spec["priorityLevelConfiguration"]["name"],
        int(spec.get("matchingPrecedence") or 1000),
        method.get("type", ""),
        tuple(spec.get("rules") or ()),
    )


def _rule_matches(rule: Obj, asked: Asked) -> bool:
    if not any(_subject_matches(subject, asked.user) for subject in rule.get("subjects") or ()):
        return False
    if asked.resource:
        return any(_resource_matches(one, asked) for one in rule.get("resourceRules") or ())
    return any(_path_matches(one, asked) for one in rule.get("nonResourceRules") or ())


def _subject_matches(subject: Obj, user: User) -> bool:
    kind = subject["kind"]
    if kind == "User":
        return subject["user"]["name"] in (ALL, user.name)
    if kind == "Group":
        name = subject["group"]["name"]
        return name == ALL or name in user.groups
    account = subject["serviceAccount"]
    if account["name"] == ALL:
        return user.name.startswith(f"{ACCOUNT}{account['namespace']}:")
    return user.name == f"{ACCOUNT}{account['namespace']}:{account['name']}"


def _resource_matches(rule: Obj, asked: Asked) -> bool:
    return (
        _has(rule.get("verbs"), asked.verb)
        and _has(rule.get("apiGroups"), asked.group)
        and _has(rule.get("resources"), asked.resource)
        and (_has(rule.get("namespaces"), asked.namespace) if asked.namespace else bool(rule.get("clusterScope")))
    )


def _path_matches(rule: Obj, asked: Asked) -> bool:
    urls = rule.get("nonResourceURLs") or ()
    return _has(rule.get("verbs"), asked.verb) and any(_url_matches(url, asked.path) for url in urls)


def _url_matches(pattern: str, path: str) -> bool:
    if pattern in (ALL, path):
        return True
    return pattern.endswith("/*") and path.startswith(pattern[:-1])


def _has(words: Any, word: str) -> bool:
    return bool(words) and (ALL in words or word in words)
