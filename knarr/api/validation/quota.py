"""Check ResourceQuotas: what may be counted, and in which scopes.

Source: kube pkg/apis/core/validation/validation.go, ValidateResourceQuota; core/helper/helpers.go,
IsResourceQuotaScopeValidForResource.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from knarr.api.validation.resources import QUOTA, quantity, resource_name
from knarr.api.validation.spot import Raw, Spot, compact

Obj = dict[str, Any]
OF_PODS: Final = frozenset({"pods", "cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"})
SCOPES: Final = {
    "BestEffort": frozenset({"pods"}), "CrossNamespacePodAffinity": OF_PODS, "NotBestEffort": OF_PODS,
    "NotTerminating": OF_PODS, "PriorityClass": OF_PODS, "Terminating": OF_PODS,
    "VolumeAttributesClass": frozenset({"persistentvolumeclaims", "requests.storage"}),
}  # and what can be counted in each, of the resources that have a name of their own
OPPOSITES: Final = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
NAMED: Final = frozenset({"PriorityClass", "VolumeAttributesClass"})  # scopes that may be narrowed to some values
ONLY_EXISTS: Final = (
    "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)
MISPLACED: Final = "unsupported scope applied to resource"


def resource_quota(root: Spot, obj: Obj) -> None:
    """Check a ResourceQuota."""
    spot, spec = root.at("spec"), obj["spec"]
    hard = spec.get("hard") or {}
    _amounts(spot.at("hard"), hard)
    _scopes(spot.at("scopes"), spec.get("scopes") or [], hard)
    selector = spec.get("scopeSelector")
    if selector is not None:
        _selector(spot.at("scopeSelector").at("matchExpressions"), spec, selector)


def resource_quota_update(root: Spot, new: Obj, old: Obj) -> None:
    """Check that a quota keeps its scopes."""
    now, was = (sorted((side.get("spec") or {}).get("scopes") or ()) for side in (new, old))
    if now != was:
        root.at("spec").at("scopes").unchanged(now, was)


def resource_quota_status(root: Spot, new: Obj, old: Obj) -> None:
    """Check a change of a quota's count."""
    for name in ("hard", "used"):
        _amounts(root.at("status").at(name), (new.get("status") or {}).get(name) or {})


def _amounts(spot: Spot, found: Obj) -> None:
    for name, value in found.items():
        if not name.startswith(("count/", "requests.", "limits.")) and ".storageclass.storage.k8s.io/" not in name:
            resource_name(spot.key(name), name, QUOTA)
        quantity(spot.key(name), name, value)


def _scopes(spot: Spot, scopes: list[str], hard: Obj) -> None:
    for scope in scopes:
        if scope not in SCOPES:
            spot.invalid(scopes, "unsupported scope")
        for _ in _misplaced(scope, hard):
            spot.invalid(scopes, MISPLACED)
    _conflicts(spot, scopes, scopes)


def _selector(spot: Spot, spec: Obj, selector: Obj) -> None:
    hard, wanted = spec.get("hard") or {}, selector.get("matchExpressions") or []
    for one in wanted:
        scope, operator, values = one.get("scopeName") or "", one.get("operator") or "", one.get("values") or []
        if scope not in SCOPES:
            spot.at("scopeName").invalid(scope, "unsupported scope")
        for _ in _misplaced(scope, hard):
            spot.invalid(_shown(wanted), MISPLACED)
        if scope in SCOPES and scope not in NAMED and operator != "Exists":
            spot.at("operator").invalid(operator, ONLY_EXISTS)
        if operator in ("In", "NotIn"):
            if not values:
                why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
                spot.at("values").required(why)
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
                spot.at("values").invalid(values, why)
        else:
            spot.at("operator").invalid(operator, "not a valid selector operator")
    _conflicts(spot, [one.get("scopeName") or "" for one in wanted], spec.get("scopes") or [])


def _shown(wanted: list[Obj]) -> Raw:
    """Return a scope selector as a message shows it."""
    fields = (("ScopeName", "scopeName"), ("Operator", "operator"), ("Values", "values"))
    return Raw(compact({"MatchExpressions": [{shown: one.get(name) for shown, name in fields} for one in wanted]}))


def _misplaced(scope: str, hard: Iterable[str]) -> list[str]:
    """Return the resources that cannot be counted in a scope, as far as they have a name of their own."""
    countable = SCOPES.get(scope)
    return [] if countable is None else [name for name in sorted(hard) if name in QUOTA and name not in countable]


def _conflicts(spot: Spot, scopes: Iterable[str], shown: list[str]) -> None:
    for pair in OPPOSITES:
        if set(pair) <= set(scopes):
            spot.invalid(shown, "conflicting scopes")
