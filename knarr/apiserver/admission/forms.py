"""Show a write to webhooks and policies, in the form that each asked for, and take the changed form back.

Source: kube apiserver admission/plugin/webhook/request/admissionreview.go; admission/conversion.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from knarr.api import schema_decode
from knarr.api.errors import BadRequest, Internal
from knarr.api.kinds import Kind
from knarr.apiserver import conversion, convert
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.scale_forms import SCALE, scale_of, set_replicas

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """One write in one form. spoken: the kind of the object. obj, old: None where there is none."""

    row: Kind
    spoken: Kind
    obj: Obj | None
    old: Obj | None


def shown(a: Admission, row: Kind) -> Shown:
    """Return a write in the form of a kind."""
    new, old = (None, a.obj) if a.operation == "delete" else (a.obj, a.old)
    spoken = spoken_kind(a, row)
    return Shown(row, spoken, _form(a, spoken, new), _form(a, spoken, old))


def spoken_kind(a: Admission, row: Kind) -> Kind:
    """Return the kind of the object that a write to a resource speaks."""
    return a.spoken or (SCALE if a.subresource == "scale" else row)


def take(a: Admission, row: Kind, made: Any) -> None:
    """Put a changed form in the object's place; ApiError if it is none of its kind."""
    spoken = spoken_kind(a, row)
    if not isinstance(made, dict) or (made.get("kind"), made.get("apiVersion")) != (spoken.kind, spoken.api_version):
        raise BadRequest(f"the object must stay a {spoken.kind} of {spoken.api_version}")
    if not isinstance(made.get("metadata", {}), dict) or ("metadata" in a.obj and "metadata" not in made):
        raise BadRequest("the object must keep its metadata")
    made = schema_decode.settle(orjson.loads(orjson.dumps(made)), spoken, validation="Ignore").obj
    if spoken is SCALE:
        set_replicas(a.obj, a.kind, int((made.get("spec") or {}).get("replicas") or 0))
        return
    if spoken.rules is not None and a.spoken is None and made["apiVersion"] != a.obj["apiVersion"]:
        if spoken.rules.webhook is not None:
            why = f"a change in {made['apiVersion']} is not converted back: name {a.obj['apiVersion']} in the rules"
            raise BadRequest(why)
        made["apiVersion"] = a.obj["apiVersion"]
    fresh = convert.stored(spoken, made) if a.spoken is None else made
    a.obj.clear()
    a.obj.update(fresh)


def request_of(a: Admission, view: Shown) -> Obj:
    """Return the request of an AdmissionReview, without its uid and its objects."""
    asked = a.requested or a.kind
    user = {"username": a.user.name, "uid": a.user.uid, "groups": list(a.user.groups),
            "extra": {key: list(values) for key, values in a.user.extra.items()}}
    below = {"subResource": a.subresource, "requestSubResource": a.subresource} if a.subresource else {}
    namespace = a.namespace or (a.name if (a.kind.group, a.kind.plural) == ("", "namespaces") else "")
    return {
        "kind": _gvk(view.spoken), "resource": _gvr(view.row),
        "requestKind": _gvk(spoken_kind(a, asked)), "requestResource": _gvr(asked), **below,
        **({"name": a.name} if a.name else {}), **({"namespace": namespace} if namespace else {}),
        "operation": a.operation.upper(), "userInfo": {key: value for key, value in user.items() if value},
        "dryRun": a.dry_run, "options": a.options or None,
    }


def _form(a: Admission, spoken: Kind, obj: Obj | None) -> Obj | None:
    if obj is None or a.spoken is not None:
        return obj
    if spoken is SCALE:
        return scale_of(obj, a.kind)
    return convert.served(spoken, obj) if spoken.rules is None else _custom_form(a, spoken, obj)


def _custom_form(a: Admission, spoken: Kind, obj: Obj) -> Obj:
    assert spoken.rules is not None
    if obj["apiVersion"] == spoken.api_version:
        return obj
    if spoken.rules.webhook is None:
        return spoken.rules.show(orjson.loads(orjson.dumps(obj)))
    found = a.converted.get((spoken.api_version, orjson.dumps(obj)))
    if found is None:
        why = (f"the object has changed since it was converted to {spoken.api_version}: "
               f"name {obj['apiVersion']} in the rules")
        raise Internal(f"Internal error occurred: {why}", {"causes": [{"message": why}]})
    return found


async def convert_ahead(a: Admission, rows: Iterable[Kind]) -> None:
    """Let a conversion webhook make the forms that will be shown; Internal if it fails."""
    for row in rows:
        if a.spoken is not None or row.rules is None or row.rules.webhook is None:
            continue
        for obj in (a.obj, a.old):
            if obj is not None and obj["apiVersion"] != row.api_version:
                key = row.api_version, orjson.dumps(obj)
                a.converted[key] = await conversion.shown(a.core, row, orjson.loads(key[1]))


def _gvk(kind: Kind) -> Obj:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}


def _gvr(kind: Kind) -> Obj:
    return {"group": kind.group, "version": kind.version, "resource": kind.plural}
