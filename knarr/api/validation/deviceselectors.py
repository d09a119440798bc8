"""Compile the expressions that choose devices. Brings CEL in: imported with the first of them.

Source: kube dynamic-resource-allocation/cel/compile.go.
"""

from __future__ import annotations

from typing import Final

from knarr.api import expressions
from knarr.api.cel import CelError, types
from knarr.api.cel.library.quantities import QUANTITY

DEVICE: Final = expressions.struct("DRADevice", {  # attributes and capacity: by domain, then by name
    "driver": types.STRING, "allowMultipleAllocations": types.BOOL,
    "attributes": types.map_of(types.STRING, types.map_of(types.STRING, types.DYN)),
    "capacity": types.map_of(types.STRING, types.map_of(types.STRING, types.read(QUANTITY))),
})


def fault_of(expression: str) -> str:
    """Return why an expression cannot choose devices; empty if it can."""
    try:
        found = expressions.checked(expression, {"device": DEVICE}).result
    except CelError as fault:
        return f"compilation failed: {fault}"
    known = found.dynamic or str(found) == "bool"
    return "" if known else f"must evaluate to bool or the unknown type, not {found}"
