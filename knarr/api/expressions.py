"""Check the expressions of webhooks and admission policies against what they may look at.

    scope(params=…)                the variables that every policy has
    checked(text, variables)       the tree with its types; CelError
    object_type(kind)              the type of a kind's objects, where a policy names the kind

Source: kube apiserver admission/plugin/cel/{compile,composition}.go; pkg/cel/mutation;
admission/plugin/policy/validating/typechecking.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from knarr.api import cel, schema
from knarr.api.cel import types
from knarr.api.cel.check import Checked, check
from knarr.api.cel.types import DYN, Type
from knarr.api.custom import declared
from knarr.api.kinds import Kind

Variables = Mapping[str, Type]
BUILT: Final = frozenset({"Object", "JSONPatch"})
NONE: Final[frozenset[str]] = frozenset()
SCALARS: Final = {
    "string": types.STRING, "byte": types.BYTES, "int32": types.INT, "int64": types.INT, "boolean": types.BOOL,
    "double": types.DOUBLE, "date-time": types.MOMENT, "microtime": types.MOMENT, "time": types.MOMENT,
}
TEXTS: Final = types.list_of(types.STRING)


def struct(name: str, members: Mapping[str, Type]) -> Type:
    """Return the type of objects with these members."""
    def find(member: str) -> Type | None:
        return members.get(member)

    return Type(name, fields=find)


def texts(name: str, *members: str) -> Type:
    """Return the type of objects whose members are all texts."""
    return struct(name, dict.fromkeys(members, types.STRING))


GVK: Final = texts("kubernetes.GroupVersionKind", "group", "version", "kind")
GVR: Final = texts("kubernetes.GroupVersionResource", "group", "version", "resource")
USER: Final = struct("kubernetes.UserInfo", {
    "username": types.STRING, "uid": types.STRING, "groups": TEXTS, "extra": types.map_of(types.STRING, TEXTS)})
REQUEST: Final = struct("kubernetes.AdmissionRequest", {
    "kind": GVK, "resource": GVR, "subResource": types.STRING, "requestKind": GVK, "requestResource": GVR,
    "requestSubResource": types.STRING, "name": types.STRING, "namespace": types.STRING, "operation": types.STRING,
    "userInfo": USER, "dryRun": types.BOOL, "options": DYN})


def scope(*, params: bool = False, authorizer: bool = True, of: Type = DYN) -> dict[str, Type]:
    """Return the variables of an expression. of: the type of the object."""
    found = {"object": of, "oldObject": of, "request": REQUEST, "namespaceObject": DYN}
    if params:
        found["params"] = DYN
    if authorizer:
        found["authorizer"] = types.map_of(types.STRING, DYN)
    return found


def with_variables(variables: Variables, defined: Mapping[str, Type]) -> dict[str, Type]:
    """Return a scope with a policy's own variables."""
    return {**variables, "variables": struct("kubernetes.variables", defined)}


def checked(text: str, variables: Variables, *, objects: bool = False) -> Checked:
    """Return what an expression deals with; CelError. objects: it may build `Object{}` and `JSONPatch{}`."""
    return check(text, cel.tree(text), variables, messages=BUILT if objects else NONE)


def object_type(kind: Kind) -> Type:
    """Return the type of a kind's objects; dynamic where nothing is known of them."""
    if kind.rules is not None:
        return declared.type_of(kind.rules.schema, root=True) or DYN
    return _definition(kind.definition)


@lru_cache(maxsize=1024)
def _definition(name: str) -> Type:
    rows = schema.fields_of(name)
    if not rows:
        return DYN
    return Type("object", fields=lambda member: _of(rows[member].type) if member in rows else None)


def _of(said: str) -> Type:
    if said.startswith("[]"):
        return types.list_of(_of(said[2:]))
    if said.startswith("{}"):
        return types.map_of(types.STRING, _of(said[2:]))
    return SCALARS.get(said) or (_definition(said) if "." in said else DYN)
