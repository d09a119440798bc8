"""Keep the flows that every server needs as they are: `exempt` and `catch-all`.

Only what the exempt level lends and weighs may change. Source: kube pkg/apis/flowcontrol/validation/validation.go.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from knarr.api.errors import Cause, invalid
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.flowcontrol import defaults

Obj = dict[str, Any]


async def fixed(a: Admission) -> None:
    """Refuse a mandatory object whose spec is another."""
    wanted = _mandatory().get((a.kind.kind, a.name))
    if wanted is None or a.subresource or _compared(a.obj["spec"]) == _compared(wanted):
        return
    why = f"Invalid value: \"{a.name}\": spec of '{a.name}' must equal the fixed value"
    raise invalid(a.kind.kind, a.kind.group, a.name, [Cause("FieldValueInvalid", "spec", why)])


@cache
def _mandatory() -> dict[tuple[str, str], Obj]:
    found = [obj for obj in (*defaults.schemas(), *defaults.levels()) if obj["metadata"]["name"] in defaults.MANDATORY]
    return {(obj["kind"], obj["metadata"]["name"]): obj["spec"] for obj in found}


def _compared(spec: Obj) -> Obj:
    return {key: value for key, value in spec.items() if key != "exempt"}
