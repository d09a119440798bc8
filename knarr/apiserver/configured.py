"""Know which webhooks and admission policies are configured now. A server without any asks one attribute.

The index is made anew within the very request that writes a configuration, so that whoever was told of it may count
on it, and no other request looks into the store for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from knarr.api import kinds, selectors
from knarr.api.selectors import Selector
from knarr.store.face import Store

Obj = dict[str, Any]
GROUP: Final = "admissionregistration.k8s.io"  # its kinds are past all webhooks: none can shut the door for good
ALL: Final = selectors.of_object({})


@dataclass(frozen=True, slots=True)
class Scope:
    """Which writes something concerns. exact: only as the rules name them. no_rules: a binding's, all match."""

    rules: tuple[Obj, ...] = ()
    excluded: tuple[Obj, ...] = ()
    exact: bool = False
    namespaces: Selector = ALL
    objects: Selector = ALL
    no_rules: bool = False


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook of a configuration. key: tells it from those of the same name elsewhere."""

    key: str
    raw: Obj
    scope: Scope
    conditions: tuple[Obj, ...]

    @property
    def name(self) -> str:
        """Return the webhook's name."""
        return str(self.raw["name"])

    @property
    def fails(self) -> bool:
        """Say whether a fault of the webhook refuses the write."""
        return self.raw.get("failurePolicy") != "Ignore"


@dataclass(frozen=True, slots=True)
class Binding:
    """Where a policy counts, and with which parameters."""

    name: str
    spec: Obj
    scope: Scope


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy with its bindings, in the order of their names."""

    name: str
    spec: Obj
    scope: Scope
    bindings: tuple[Binding, ...]

    @property
    def fails(self) -> bool:
        """Say whether a fault of the policy refuses the write."""
        return self.spec.get("failurePolicy") != "Ignore"


class Configured:
    """The configuration of one server. active: there is any."""

    def __init__(self) -> None:
        self.active = False
        self.mutating_hooks: tuple[Hook, ...] = ()
        self.validating_hooks: tuple[Hook, ...] = ()
        self.mutating_policies: tuple[Policy, ...] = ()
        self.validating_policies: tuple[Policy, ...] = ()

    def refresh(self, store: Store) -> None:
        """Read everything anew."""
        self.mutating_hooks = hooks(_all(store, "mutatingwebhookconfigurations"))
        self.validating_hooks = hooks(_all(store, "validatingwebhookconfigurations"))
        self.mutating_policies = policies(
            _all(store, "mutatingadmissionpolicies"), _all(store, "mutatingadmissionpolicybindings"))
        self.validating_policies = policies(
            _all(store, "validatingadmissionpolicies"), _all(store, "validatingadmissionpolicybindings"))
        self.active = bool(self.mutating_hooks or self.validating_hooks
                           or self.mutating_policies or self.validating_policies)


def _all(store: Store, plural: str) -> list[Obj]:
    kind = kinds.by_resource(GROUP, "v1", plural)
    assert kind is not None, plural
    return [entry.obj for entry in store.list(kind.namespace_prefix("")).entries]


def hooks(configurations: list[Obj]) -> tuple[Hook, ...]:
    """Return the webhooks of configurations, by configuration's name, then in their order."""
    return tuple(
        Hook(f"{one['metadata']['name']}/{number}", raw, _hook_scope(raw), tuple(raw.get("matchConditions") or ()))
        for one in configurations for number, raw in enumerate(one.get("webhooks") or ())
    )


def policies(found: list[Obj], bindings: list[Obj]) -> tuple[Policy, ...]:
    """Return the policies that are bound; a policy without a binding does nothing."""
    by_policy: dict[str, list[Binding]] = {}
    for one in bindings:
        spec = one["spec"]
        resources = spec.get("matchResources")
        binding = Binding(one["metadata"]["name"], spec, scope(resources or {}, optional=True))
        by_policy.setdefault(spec.get("policyName", ""), []).append(binding)
    return tuple(
        Policy(one["metadata"]["name"], one["spec"], scope(one["spec"].get("matchConstraints") or {}), tuple(bound))
        for one in found if (bound := by_policy.get(one["metadata"]["name"]))
    )


def scope(resources: Obj, *, optional: bool = False) -> Scope:
    """Return what MatchResources say. optional: no rules means that all match."""
    rules = tuple(resources.get("resourceRules") or ())
    return Scope(
        rules, tuple(resources.get("excludeResourceRules") or ()), resources.get("matchPolicy") == "Exact",
        selectors.of_object(resources.get("namespaceSelector") or {}),
        selectors.of_object(resources.get("objectSelector") or {}),
        no_rules=optional and not rules,
    )


def _hook_scope(raw: Obj) -> Scope:
    return scope({**raw, "resourceRules": raw.get("rules"), "excludeResourceRules": ()})
