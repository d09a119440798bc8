"""Decide what rules an aggregated role holds: those of all roles that its selectors choose, each once.

Source: kube controller/clusterroleaggregation/clusterroleaggregation_controller.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from knarr.api import selectors
from knarr.api.types.rbac_v1 import ClusterRole, PolicyRule
from knarr.reconcile.actions import Action, Update


@dataclass(frozen=True, slots=True)
class View:
    """One aggregated role, and every role there is."""

    role: ClusterRole
    roles: tuple[ClusterRole, ...]


def plan(view: View) -> list[Action]:
    """Write the rules that the chosen roles have now."""
    rules = aggregated(view)
    if view.role.metadata.deletionTimestamp is not None or rules == view.role.rules:
        return []
    return [Update(replace(view.role, rules=rules))]


def aggregated(view: View) -> tuple[PolicyRule, ...]:
    """Return the rules of the chosen roles, selector by selector, roles by name."""
    rule = view.role.aggregationRule
    assert rule is not None, view.role
    found: list[PolicyRule] = []
    others = sorted((role for role in view.roles if role.metadata.name != view.role.metadata.name),
                    key=lambda role: role.metadata.name or "")
    for chosen in map(selectors.of, rule.clusterRoleSelectors):
        for role in others:
            if chosen.matches(role.metadata.labels):
                found += [one for one in role.rules if one not in found]
    return tuple(found)
