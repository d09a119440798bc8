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
    running = add_all(of_container(one, side) for one in spec.get("containers") or ())
    sidecars: Amounts = {}
    starting: Amounts = {}
    for one in spec.get("initContainers") or ():
        asked = of_container(one, side)
        if one.get("restartPolicy") == "Always":
            sidecars = asked = add(sidecars, asked)
        else:
            asked = add(sidecars, asked)
        starting = most(starting, asked)
    found = most(add(running, sidecars), starting)
    whole = amounts((spec.get("resources") or {}).get(side))
    found.update({name: amount for name, amount in whole.items() if name.startswith(POD_LEVEL)})
    overhead = amounts(spec.get("overhead"))
    if side == "limits":  # overhead raises a limit, it does not make one
        overhead = {name: amount for name, amount in overhead.items() if name in found}
    return add(found, overhead)


def of_container(container: Obj, side: str) -> Amounts:
    """Return a container's own requests or limits."""
    return amounts((container.get("resources") or {}).get(side))


def amounts(found: Mapping[str, str] | None) -> Amounts:
    """Read a resource list."""
    return {name: quantity.parse(text) for name, text in (found or {}).items()}


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
