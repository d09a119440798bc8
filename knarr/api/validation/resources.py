"""Check requests, limits and resource names.

Source: kube pkg/apis/core/validation/validation.go (ValidateContainerResourceRequirements, validateResourceName).
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api import quantity as quantities
from knarr.api.validation import formats
from knarr.api.validation.spot import NOT_NEGATIVE, Spot

CONTAINER: Final = frozenset({"cpu", "memory", "ephemeral-storage"})
QUOTA: Final = frozenset({
    "cpu", "memory", "ephemeral-storage", "storage", "requests.cpu", "requests.memory", "requests.storage",
    "requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage", "pods", "resourcequotas",
    "services", "replicationcontrollers", "secrets", "configmaps", "persistentvolumeclaims", "services.nodeports",
    "services.loadbalancers",
})
WHOLE: Final = frozenset({
    "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps", "persistentvolumeclaims",
    "services.nodeports", "services.loadbalancers",
})
UNIT: Final = 10**9   # billionths in one
NOT_STANDARD: Final = "must be a standard resource type or fully qualified"


def requirements(spot: Spot, resources: dict[str, Any], *, claims: tuple[str, ...]) -> None:
    """Check requests against limits. claims: the names of the pod's resource claims."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for name, value in limits.items():
        _amount(spot.at("limits"), name, value)
    for name, value in requests.items():
        _amount(spot.at("requests"), name, value)
        _against_limit(spot, name, value, limit=limits.get(name))
    huge = any(name.startswith("hugepages-") for name in (*limits, *requests))
    if huge and not {"cpu", "memory"} & {*limits, *requests}:
        spot.forbidden("HugePages require cpu or memory")
    for number, claim in enumerate(resources.get("claims") or ()):
        if claim.get("name") not in claims:
            spot.at("claims").index(number).not_found(claim.get("name") or "")


def resource_name(spot: Spot, name: str, standard: frozenset[str]) -> None:
    """Check the name of a resource: one of the known ones, or qualified."""
    faults = formats.qualified_name(name)
    if faults:
        spot.each(name, faults)
    elif "/" not in name and name not in standard and not name.startswith("hugepages-"):
        spot.invalid(name, NOT_STANDARD)


def amount(value: str) -> int:
    """Return a quantity in billionths, for comparison."""
    return quantities.parse(value).nano


def quantity(spot: Spot, name: str, value: Any) -> None:
    """Check an amount: not negative, and whole where things are counted."""
    billionths = amount(value)
    if billionths < 0:
        spot.invalid(value, NOT_NEGATIVE)
    if billionths % UNIT and (extended(name) or name in WHOLE):
        spot.invalid(value, "must be an integer")


def extended(name: str) -> bool:
    """Whether the resource is a device or the like, counted in whole pieces."""
    return "/" in name and "kubernetes.io/" not in name


def _amount(spot: Spot, name: str, value: Any) -> None:
    inner = spot.key(name)
    if name not in CONTAINER:
        resource_name(inner, name, QUOTA)
        if "/" not in name and not name.startswith("hugepages-"):
            inner.invalid(name, "must be a standard resource for containers")
    quantity(inner, name, value)


def _against_limit(spot: Spot, name: str, value: Any, *, limit: Any) -> None:
    exact = extended(name) or name.startswith("hugepages-")
    if limit is None:
        if exact:
            spot.at("limits").required("Limit must be set for non overcommitable resources")
    elif limit == value:
        return
    elif exact and amount(value) != amount(limit):
        spot.at("requests").invalid(value, f"must be equal to {name} limit of {limit}")
    elif amount(value) > amount(limit):
        spot.at("requests").invalid(value, f"must be less than or equal to {name} limit of {limit}")
