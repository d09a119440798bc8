"""Let MutatingAdmissionPolicies change a write, by objects that are laid over it or by JSON patches.

Each mutation sees what the one before has made. Objects are merged as server-side apply merges them.
Source: kube apiserver admission/plugin/policy/mutating/{dispatcher,plugin}.go, patch/{smd,json_patch}.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson

from knarr.api import apply_shapes, defaults, patch, schema
from knarr.api.apply_merge import merge
from knarr.api.apply_shapes import ANY, Shape, Unkeyed
from knarr.api.cel import CelError
from knarr.api.cel.evaluate import plain
from knarr.api.custom.adapt import escape
from knarr.api.errors import ApiError, Forbidden
from knarr.api.kinds import Kind
from knarr.apiserver.admission import forms, params
from knarr.apiserver.admission.matching import REVIEWS, wanted_form
from knarr.apiserver.admission.params import Misconfigured
from knarr.apiserver.admission.turns import Turns
from knarr.apiserver.admission.values import Values, conditions_met, values_of
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.admission_metrics import INVALID, NONE, POLICY_SECONDS, observe
from knarr.apiserver.configured import Binding, Policy

Obj = dict[str, Any]
HEADS: Final = ("apiVersion", "kind")


class MutationFailed(Exception):
    """A mutation cannot be made; the text says why."""


def mutate(a: Admission, turns: Turns) -> None:
    """Let the policies whose turn it is change the object in place; Forbidden if one fails that may not."""
    if a.operation == "delete" or (a.kind.group, a.kind.plural) in REVIEWS:
        return
    faults: list[str] = []
    for policy in a.core.configured.mutating_policies:
        again = policy.spec.get("reinvocationPolicy") == "IfNeeded"
        row = wanted_form(a, policy.scope)
        if row is None or not turns.due(f"policy/{policy.name}", again=again):
            continue
        before = orjson.dumps(a.obj)
        faults += _asked(a, policy, row)
        turns.done(f"policy/{policy.name}", changed=orjson.dumps(a.obj) != before)
    if faults:
        base = a.refuse("admission request denied by policy")
        raise Forbidden(faults[0], {**base.details, "causes": [{"message": fault} for fault in faults]})


def _asked(a: Admission, policy: Policy, row: Kind) -> Iterator[str]:
    """Ask one policy in all its bindings; yield what refuses."""
    try:
        kind = params.kind_of(a, policy)
    except Misconfigured as fault:
        if policy.fails:
            yield f'policy "{policy.name}" denied request: failed to configure policy: {fault}'
        return
    for binding in policy.bindings:
        told = f"policy '{policy.name}' with binding '{binding.name}' denied request"
        try:
            if wanted_form(a, binding.scope) is None:
                continue
            for one in params.collect(a, kind, binding.spec.get("paramRef")):
                _timed(a, policy, binding, row=row, params=one)
        except Misconfigured as fault:
            if policy.fails:
                yield f"{told}: failed to configure binding: {fault}"
        except (CelError, MutationFailed) as fault:
            if policy.fails:
                yield f"{told}: {fault}"


def _timed(a: Admission, policy: Policy, binding: Binding, *, row: Kind, params: Obj | None) -> None:
    clock, why = a.core.clock, INVALID
    began_s = clock.monotonic_s()
    try:
        _bound(a, policy, row, params=params)
        why = NONE
    finally:
        key = (why, policy.name, binding.name)
        observe(a.core.admissions.mutations, key, clock.monotonic_s() - began_s, POLICY_SECONDS)


def _bound(a: Admission, policy: Policy, row: Kind, *, params: Obj | None) -> None:
    def values() -> Values:
        shown = forms.shown(a, row)
        return values_of(a, shown, tuple(policy.spec.get("variables") or ())).with_params(params)

    key = ("policy", policy.name, a.operation.upper(), "admit")
    if not conditions_met(values(), tuple(policy.spec.get("matchConditions") or ()), key=key):
        return
    for mutation in policy.spec.get("mutations") or ():
        _change(a, row, mutation, values())


def _change(a: Admission, row: Kind, mutation: Obj, values: Values) -> None:
    shown, spoken = values.known["object"], forms.spoken_kind(a, row)
    if not isinstance(shown, dict):
        return
    if mutation.get("patchType") == "JSONPatch":
        made = patched(shown, plain(values.ask(mutation["jsonPatch"]["expression"])))
    else:
        made = laid_over(spoken, shown, plain(values.ask(mutation["applyConfiguration"]["expression"])))
    try:
        forms.take(a, row, made)
    except ApiError as fault:
        raise MutationFailed(str(fault)) from fault
    if a.spoken is None:
        defaults.apply(a.kind, a.obj)


def patched(obj: Obj, operations: Any) -> Obj:
    """Return an object after a JSON patch, as an expression gives it; MutationFailed."""
    if not isinstance(operations, list) or not all(isinstance(one, dict) for one in operations):
        raise MutationFailed("type mismatch: JSONPatchType.expression should evaluate to array")
    try:
        made = patch.json_patch(orjson.loads(orjson.dumps(obj)), operations)
    except (ApiError, TypeError) as fault:
        raise MutationFailed(f"JSON Patch: {fault}") from fault
    if not isinstance(made, dict):
        raise MutationFailed("JSON Patch: the patch leaves no object behind")
    return made


def laid_over(kind: Kind, obj: Obj, wanted: Any) -> Obj:
    """Return an object with another laid over it; MutationFailed."""
    if not isinstance(wanted, dict):
        raise MutationFailed("unexpected output type: must be Object")
    shape = _shape(kind)
    wanted = _unescaped(shape, wanted)
    atomic = sorted(_atomics(shape, wanted, ""))
    if atomic:
        raise MutationFailed("invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: "
                             + ", ".join(atomic))
    whole = {**{name: obj[name] for name in HEADS if name in obj}, **wanted}
    unknown = schema.check(kind, orjson.loads(orjson.dumps(whole))).unknown if kind.rules is None else ()
    if unknown:
        raise MutationFailed(f"error applying patch: .{unknown[0]}: field not declared in schema")
    try:
        made: Obj = merge(shape, obj, whole)
    except Unkeyed as fault:
        raise MutationFailed(f"error applying patch: {fault}") from fault
    return made


def _shape(kind: Kind) -> Shape:
    if kind.rules is None:
        return apply_shapes.of_definition(kind.definition)
    shape: Shape = kind.rules.shape
    return shape


def _unescaped(shape: Shape, value: Any) -> Any:
    """Return a value with the names of fields as objects spell them, where an expression had to escape them."""
    if isinstance(value, list):
        return [_unescaped(shape.item, one) for one in value]
    if not isinstance(value, dict):
        return value
    if shape.sort != "struct":
        return {name: _unescaped(shape.item, one) for name, one in value.items()}
    names = {escape(name): name for name in shape.fields}
    found = {names.get(str(name)) or str(name): one for name, one in value.items()}
    return {name: _unescaped(shape.fields.get(name, ANY), one) for name, one in found.items()}


def _atomics(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Yield the paths of lists, maps and structs that have one owner and that a value would replace."""
    if shape.sort == "atomic" and isinstance(value, list | dict):
        yield path
    elif isinstance(value, dict) and shape.sort in ("struct", "map"):
        for name, item in value.items():
            part = shape.fields.get(name) if shape.sort == "struct" else shape.item
            if part is not None:
                yield from _atomics(part, item, f"{path}.{name}")
    elif isinstance(value, list) and shape.sort == "keyed":
        for item in value:
            yield from _atomics(shape.item, item, f"{path}[]")
