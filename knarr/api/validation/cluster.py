"""Check Namespaces, Nodes, Events, Leases, LimitRanges, ResourceQuotas and ServiceAccounts.

Source: kube pkg/apis/core/validation/validation.go, events.go, pkg/apis/coordination/validation.
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api.validation import formats
from knarr.api.validation.metadata import finalizers
from knarr.api.validation.resources import amount
from knarr.api.validation.spot import Spot

EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")
LIMIT_TYPES: Final = ("Container", "PersistentVolumeClaim", "Pod")


def namespace(root: Spot, obj: dict[str, Any]) -> None:
    """Check a Namespace."""
    held = (obj.get("spec") or {}).get("finalizers") or []
    finalizers(root.at("spec").at("finalizers"), held)


def namespace_update(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Accept what the strategy left: finalizers of a spec change only through their subresource."""
    namespace(root, new)


def node(root: Spot, obj: dict[str, Any]) -> None:
    """Check a Node: its taints and pod networks."""
    spot, spec = root.at("spec"), obj.get("spec") or {}
    seen: set[tuple[str, str]] = set()
    for number, taint in enumerate(spec.get("taints") or ()):
        _taint(spot.at("taints").index(number), taint, seen)
    for number, block in enumerate(spec.get("podCIDRs") or ()):
        spot.at("podCIDRs").index(number).each(block, formats.cidr(block))


def node_update(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check that a node keeps its pod network and its provider's id once given."""
    now, was = new.get("spec") or {}, old.get("spec") or {}
    if was.get("podCIDRs") and now.get("podCIDRs") != was["podCIDRs"]:
        root.at("spec").at("podCIDRs").forbidden('node updates may not change podCIDR except from "" to valid')
    if was.get("providerID") and now.get("providerID") != was["providerID"]:
        root.at("spec").at("providerID").forbidden('node updates may not change providerID except from "" to valid')
    node(root, new)


def lease(root: Spot, obj: dict[str, Any]) -> None:
    """Check a Lease."""
    spot, spec = root.at("spec"), obj.get("spec") or {}
    seconds = spec.get("leaseDurationSeconds")
    if seconds is not None and seconds <= 0:
        spot.at("leaseDurationSeconds").invalid(seconds, "must be greater than 0")
    spot.at("leaseTransitions").not_negative(spec.get("leaseTransitions"))


def limit_range(root: Spot, obj: dict[str, Any]) -> None:
    """Check a LimitRange."""
    seen: set[str] = set()
    for number, item in enumerate(obj["spec"].get("limits") or ()):
        spot, kind = root.at("spec").at("limits").index(number), item.get("type") or ""
        if kind not in LIMIT_TYPES and "/" not in kind:
            spot.at("type").invalid(kind, "must be a standard limit type or fully qualified")
        if kind in seen:
            spot.at("type").duplicate(kind)
        seen.add(kind)
        _limits(spot, item)


def _limits(spot: Spot, item: dict[str, Any]) -> None:
    least, most = item.get("min") or {}, item.get("max") or {}
    limit, request = item.get("default") or {}, item.get("defaultRequest") or {}
    for name in dict.fromkeys((*most, *least, *limit, *request)):
        _at_most(spot.at("min").key(name), ("min", least.get(name)), ("max", most.get(name)))
        if name in least and name in request and amount(least[name]) > amount(request[name]):
            spot.at("defaultRequest").key(name).invalid(
                request[name], f"min value {least[name]} is greater than default request value {request[name]}")
        _at_most(spot.at("defaultRequest").key(name), ("default request", request.get(name)), ("max", most.get(name)))
        _at_most(spot.at("defaultRequest").key(name),
                 ("default request", request.get(name)), ("default limit", limit.get(name)))
        _at_most(spot.at("default").key(name), ("min", least.get(name)), ("default", limit.get(name)))
        _at_most(spot.at("default").key(name), ("default", limit.get(name)), ("max", most.get(name)))


def _at_most(spot: Spot, low: tuple[str, Any], high: tuple[str, Any]) -> None:
    if low[1] is not None and high[1] is not None and amount(low[1]) > amount(high[1]):
        spot.invalid(low[1], f"{low[0]} value {low[1]} is greater than {high[0]} value {high[1]}")


def _taint(spot: Spot, taint: dict[str, Any], seen: set[tuple[str, str]]) -> None:
    key, effect = taint.get("key") or "", taint.get("effect") or ""
    spot.at("key").each(key, formats.qualified_name(key))
    spot.at("value").each(taint.get("value") or "", formats.label_value(taint.get("value") or ""))
    spot.at("effect").choice(effect, EFFECTS)
    if (key, effect) in seen:
        spot.duplicate(taint)
    seen.add((key, effect))
