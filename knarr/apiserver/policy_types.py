"""Find what a policy's expressions name or compare that the objects it is asked about cannot have.

Only rules that name their groups, versions and resources say what the objects are. Source: kube apiserver
admission/plugin/policy/validating/typechecking.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from knarr.api import expressions
from knarr.api.cel import CelError
from knarr.api.cel.types import Type
from knarr.api.kinds import Kind
from knarr.api.validation.expressions import type_of

Obj = dict[str, Any]
KINDS_MAX: Final = 10  # Source: typechecking.go, maxTypesToCheck


def warnings(spec: Obj, rows: Iterable[Kind]) -> list[Obj]:
    """Return the warnings of a policy's status, `fieldRef` and `warning`."""
    scopes = {_gvk(kind): _scope(spec, kind) for kind in checked_kinds(spec, rows)}
    found = []
    for path, text in _expressions(spec):
        said = [f"{gvk}: {fault}" for gvk, scope in scopes.items() if (fault := _fault(text, scope))]
        if said:
            found.append({"fieldRef": path, "warning": "\n".join(said)})
    return found


def checked_kinds(spec: Obj, rows: Iterable[Kind]) -> list[Kind]:
    """Return the kinds that a policy's rules name, at most ten."""
    rules = (spec.get("matchConstraints") or {}).get("resourceRules") or ()
    named = {(group, version, resource) for rule in rules if not _is_wide(rule)
             for group in rule["apiGroups"] for version in rule["apiVersions"] for resource in rule["resources"]}
    found = {_gvk(row): row for row in rows if (row.group, row.version, row.plural) in named}
    return [found[key] for key in sorted(found)][:KINDS_MAX]


def _scope(spec: Obj, kind: Kind) -> dict[str, Type]:
    names = expressions.scope(params=spec.get("paramKind") is not None, of=expressions.object_type(kind))
    known: dict[str, Type] = {}
    for one in spec.get("variables") or ():
        known[one["name"]] = type_of(one["expression"], expressions.with_variables(names, dict(known)))
    return expressions.with_variables(names, known)


def _fault(text: str, scope: dict[str, Type]) -> str:
    try:
        expressions.checked(text, scope)
    except CelError as fault:
        return str(fault)
    return ""


def _expressions(spec: Obj) -> Iterator[tuple[str, str]]:
    for number, one in enumerate(spec.get("validations") or ()):
        for member in ("expression", "messageExpression"):
            if one.get(member):
                yield f"spec.validations[{number}].{member}", one[member]


def _is_wide(rule: Obj) -> bool:
    return any("*" in word for member in ("apiGroups", "apiVersions", "resources") for word in rule.get(member) or ())


def _gvk(kind: Kind) -> str:
    return f"{kind.api_version}, Kind={kind.kind}"
