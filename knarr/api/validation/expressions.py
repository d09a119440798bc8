"""Check that an expression compiles, names what there is, and has the right type.

Source: kube pkg/apis/admissionregistration/validation/validation.go.
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api import expressions
from knarr.api.cel import CelError
from knarr.api.cel.types import DYN, Type
from knarr.api.expressions import Variables
from knarr.api.validation import formats
from knarr.api.validation.spot import Spot

Obj = dict[str, Any]
CONDITIONS_MAX: Final = 64  # of one webhook or policy
SHOWN: Final = {"null": "null_type"}


def fault_of(text: str, variables: Variables, *, wanted: tuple[str, ...] = (), objects: bool = False) -> str:
    """Return why an expression cannot be used, empty if it can. wanted: the types its value may have, any if none."""
    try:
        found = str(expressions.checked(text, variables, objects=objects).result)
    except CelError as fault:
        return f"compilation failed: {fault}"
    if not wanted or found in wanted:
        return ""
    listed = [SHOWN.get(one, one) for one in wanted]
    return f"must evaluate to {listed[0]}" if len(listed) == 1 else f"must evaluate to one of [{' '.join(listed)}]"


def type_of(text: str, variables: Variables, *, objects: bool = False) -> Type:
    """Return the type of an expression's value; dynamic if it has a fault."""
    try:
        return expressions.checked(text, variables, objects=objects).result
    except CelError:
        return DYN


def hook_conditions(spot: Spot, conditions: list[Obj]) -> None:
    """Check the match conditions of a webhook."""
    match_conditions(spot, conditions, expressions.scope())


def match_conditions(spot: Spot, conditions: list[Obj], variables: Variables) -> None:
    """Check the match conditions of a webhook or a policy."""
    if len(conditions) > CONDITIONS_MAX:
        spot.too_many(len(conditions), CONDITIONS_MAX)
    seen: set[str] = set()
    for number, one in enumerate(conditions):
        here, name, text = spot.index(number), str(one.get("name") or ""), str(one.get("expression") or "")
        if not text.strip():
            here.at("expression").required()
        else:
            fault = fault_of(text, variables, wanted=("bool",))
            if fault:
                here.at("expression").invalid(text, fault)
        if not name:
            here.at("name").required()
            continue
        here.at("name").each(name, formats.qualified_name(name))
        if name in seen:
            here.at("name").duplicate(name)
        seen.add(name)
