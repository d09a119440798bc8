"""Add up what a pod's containers ask for, as quotas and limits count it. Pure; objects are plain dicts.

Source: kube component-helpers resource/helpers.go, PodRequests and PodLimits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from knarr.api import quantity
from knarr.api.quantity import Quantity

Obj: TypeAlias = Mapping[str, Any]
Amounts: TypeAlias = dict[str, Quantity]
POD_LEVEL: Final = ("cpu", "memory", "hugepages-")  # what `spec.resources` may set for the whole pod


def total(spec: Obj, side: str) -> Amounts:
    """Return a pod's requests or limits by resource name. side: `requests` or `limits`."""
    found = add_all(of_container(one, side) for one in spec.get("containers") or ())
    if spec.get("initContainers"):
        found = _started(found, spec["initContainers"], side)
    if spec.get("resources"):
        whole = amounts(spec["resources"].get(side))
        found.update({name: amount for name, amount in whole.items() if name.startswith(POD_LEVEL)})
    if spec.get("overhead"):
        overhead = amounts(spec["overhead"])
        if side == "limits":  # overhead raises a limit, it does not make one
            overhead = {name: amount for name, amount in overhead.items() if name in found}
        found = add(found, overhead)
    return found


def _started(running: Amounts, containers: Iterable[Obj], side: str) -> Amounts:
    """Return what a pod needs at its hungriest, while it starts or when it runs. containers: those that start it."""
    sidecars: Amounts = {}
    starting: Amounts = {}
    for one in containers:
        asked = add(sidecars, of_container(one, side))
        if one.get("restartPolicy") == "Always":
            sidecars = asked
        starting = most(starting, asked)
    return most(add(running, sidecars), starting)


def of_container(container: Obj, side: str) -> Amounts:
    """Return a container's own requests or limits."""
    return amounts((container.get("resources") or {}).get(side))


def amounts(found: Mapping[str, str] | None) -> Amounts:
    """Read a resource list."""
    return {name: quantity.parse(text) for name, text in found.items()} if found else {}


def add(left: Amounts, right: Mapping[str, Quantity]) -> Amounts:
    """Add two lists; what stands in one alone counts as it is."""
    found = dict(left)
    for name, amount in right.items():
        found[name] = found[name] + amount if name in found else amount
    return found


def add_all(parts: Iterable[Amounts]) -> Amounts:
    """Add many lists."""
    found: Amounts = {}
    for part in parts:
        found = add(found, part)
    return found


def most(left: Amounts, right: Amounts) -> Amounts:
    """Return the greater amount of each resource."""
    found = dict(left)
    for name, amount in right.items():
        if name not in found or found[name] < amount:
            found[name] = amount
    return found
