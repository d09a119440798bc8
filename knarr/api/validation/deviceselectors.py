"""Compile the expressions that choose devices. Brings CEL in: imported with the first of them.

Source: kube dynamic-resource-allocation/cel/compile.go; resource/v1 types.go for the sizes and the cost.
"""

from __future__ import annotations

from typing import Final

from knarr.api import expressions
from knarr.api.cel import CelError, types
from knarr.api.cel.cost import estimate
from knarr.api.cel.library.quantities import QUANTITY
from knarr.api.cel.types import Type
from knarr.api.validation.spot import Spot

COST_MAX: Final = 1_000_000  # of one evaluation
ENTRIES_MAX: Final = 32  # attributes and capacities of a device, together
DOMAIN, NAME, VALUE = Type("string", size_max=63), Type("string", size_max=32), Type("dyn", size_max=64)


def by_domain_and_name(value: Type) -> Type:
    """Return the type of what devices tell of themselves."""
    return Type("map", (DOMAIN, Type("map", (NAME, value), size_max=ENTRIES_MAX)), size_max=ENTRIES_MAX)


DEVICE: Final = expressions.struct("DRADevice", {
    "driver": DOMAIN, "allowMultipleAllocations": types.BOOL,
    "attributes": by_domain_and_name(VALUE), "capacity": by_domain_and_name(types.read(QUANTITY)),
})


def check(spot: Spot, expression: str) -> None:
    """Refuse an expression that cannot choose devices, or takes too long for it."""
    try:
        found = expressions.checked(expression, {"device": DEVICE})
    except CelError as fault:
        spot.invalid(expression, f"compilation failed: {fault}")
        return
    result = found.result
    if not (result.dynamic or str(result) == "bool"):
        spot.invalid(expression, f"must evaluate to bool or the unknown type, not {result}")
    elif estimate(found) > COST_MAX:
        spot.forbidden("too complex, exceeds cost limit")
