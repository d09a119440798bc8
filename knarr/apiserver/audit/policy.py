"""Read an audit policy and say how much of a request it wants to know. Pure.

Source: kube apiserver audit/policy/reader.go and checker.go; apis/audit/validation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from knarr.api.yamldoc import YamlError, read_yaml
from knarr.apiserver.security import Attributes

LEVELS = ("None", "Metadata", "Request", "RequestResponse")
STAGES = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")
BOTH = "rules cannot apply to both regular resources and non-resource URLs"
NO_SLASH = "non-resource URL rules must begin with a '/' character"
STAR_WITHIN = "non-resource URL wildcards '*' must be the final character of the rule"
NAMES_ALONE = "using resourceNames requires at least one resource"
API_VERSION = "audit.k8s.io/v1"


class BadPolicy(Exception):
    """The file is no policy; the text says why, with the path of the field."""


class Resources(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"names": "resourceNames"}):
    """Which resources of one group a rule is about; none named: all of the group."""

    group: str = ""
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def match(self, wanted: Attributes) -> bool:
        """Tell whether a request's resource is one of them. Source: checker.go, ruleMatchesResource."""
        if self.group != wanted.group:
            return False
        if not self.resources:
            return True
        return (not self.names or wanted.name in self.names) and any(self._is(one, wanted) for one in self.resources)

    @staticmethod
    def _is(pattern: str, wanted: Attributes) -> bool:
        whole = f"{wanted.resource}/{wanted.subresource}" if wanted.subresource else wanted.resource
        if pattern in ("*", whole):
            return True
        if pattern.startswith("*/"):
            return bool(wanted.subresource) and pattern[2:] == wanted.subresource
        return pattern.endswith("/*") and pattern[:-2] == wanted.resource


class Rule(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"groups": "userGroups", "urls": "nonResourceURLs"}
):
    """One rule; what it leaves empty does not narrow it."""

    level: str = ""
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    resources: tuple[Resources, ...] = ()
    namespaces: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    omitStages: tuple[str, ...] = ()
    omitManagedFields: bool | None = None

    def matches(self, wanted: Attributes) -> bool:
        """Tell whether this rule decides about a request."""
        user = wanted.user
        if self.users and user.name not in self.users:
            return False
        if self.groups and not any(group in self.groups for group in user.groups):
            return False
        if self.verbs and wanted.verb not in self.verbs:
            return False
        if self.namespaces or self.resources:
            return bool(wanted.resource) and self._covers(wanted)
        return not self.urls or (not wanted.resource and any(_url_is(url, wanted.path) for url in self.urls))

    def _covers(self, wanted: Attributes) -> bool:
        if self.namespaces and wanted.namespace not in self.namespaces:
            return False
        return not self.resources or any(one.match(wanted) for one in self.resources)


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole policy."""

    apiVersion: str = ""
    kind: str = ""
    metadata: dict[str, Any] = {}
    rules: tuple[Rule, ...] = ()
    omitStages: tuple[str, ...] = ()
    omitManagedFields: bool = False

    def verdict(self, wanted: Attributes) -> Verdict:
        """Say how much of a request is written down; the first rule that matches decides, none means nothing."""
        for rule in self.rules:
            if rule.matches(wanted):
                omit = self.omitManagedFields if rule.omitManagedFields is None else rule.omitManagedFields
                return Verdict(rule.level, frozenset(self.omitStages + rule.omitStages), omit)
        return Verdict("None", frozenset(self.omitStages), self.omitManagedFields)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How much is written down. silent: stages that are not. omit_managed: leave managedFields out of objects."""

    level: str
    silent: frozenset[str]
    omit_managed: bool

    @property
    def bodies(self) -> bool:
        """Say whether the object that was sent belongs to it."""
        return self.level in ("Request", "RequestResponse")


def read(text: bytes) -> Policy:
    """Read a file, YAML or JSON; raises BadPolicy."""
    try:
        raw, twice = read_yaml(text)
        policy = msgspec.convert({} if raw is None else raw, Policy)
    except (YamlError, msgspec.ValidationError) as fault:
        raise BadPolicy(f"failed decoding: {fault}") from fault
    if twice:
        raise BadPolicy(f"failed decoding: key {twice[0]!r} already set")
    if (policy.apiVersion, policy.kind) != (API_VERSION, "Policy"):
        raise BadPolicy(f"must be a Policy of {API_VERSION} (got {policy.kind or 'nothing'} of {policy.apiVersion!r})")
    if not policy.rules:
        raise BadPolicy("loaded illegal policy with 0 rules")
    faults = [*_stage_faults("omitStages", policy.omitStages)]
    for at, rule in enumerate(policy.rules):
        faults.extend(_faults(f"rules[{at}]", rule))
    if faults:
        raise BadPolicy(", ".join(faults))
    return policy


def _faults(path: str, rule: Rule) -> Iterator[str]:
    if not rule.level:
        yield f"{path}.level: Required value"
    elif rule.level not in LEVELS:
        yield f'{path}.level: Unsupported value: "{rule.level}": supported values: {_quoted(LEVELS)}'
    if rule.urls and (rule.resources or rule.namespaces):
        yield f"{path}.nonResourceURLs: Invalid value: {BOTH}"
    for at, url in enumerate(rule.urls):
        if url != "*" and not url.startswith("/"):
            yield f'{path}.nonResourceURLs[{at}]: Invalid value: "{url}": {NO_SLASH}'
        elif "*" in url[:-1]:
            yield f'{path}.nonResourceURLs[{at}]: Invalid value: "{url}": {STAR_WITHIN}'
    for at, one in enumerate(rule.resources):
        if one.names and not one.resources:
            yield f"{path}.resources[{at}].resourceNames: Invalid value: {NAMES_ALONE}"
    yield from _stage_faults(f"{path}.omitStages", rule.omitStages)


def _stage_faults(path: str, stages: tuple[str, ...]) -> Iterator[str]:
    for at, stage in enumerate(stages):
        if stage not in STAGES:
            yield f'{path}[{at}]: Invalid value: "{stage}": allowed stages are {_quoted(STAGES)}'


def _quoted(words: tuple[str, ...]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def _url_is(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))

