"""Read request bodies: bytes to a settled draft of the right kind, or Kubernetes' refusal.

Unknown and repeated fields are dropped, warned of or refused, as `fieldValidation` asks.
Source: kube endpoints/handlers/create.go, patch.go and fieldvalidation.go.
"""

from __future__ import annotations

from typing import Any

import orjson

from knarr.api import alike, schema, schema_decode
from knarr.api.alike import Alike
from knarr.api.errors import BadRequest, Cause, Invalid, UnsupportedMedia, invalid
from knarr.api.kinds import Kind
from knarr.apiserver import protobuf
from knarr.apiserver.core import Request
from knarr.apiserver.negotiate import JSON, PROTOBUF, body_media

VALIDATIONS = ("Ignore", "Strict", "Warn")  # Source: kube meta/v1/types.go, FieldValidation
OPTIONS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}
SHOWN_CHARS_MAX = 4096  # of an object inside an error's text
Obj = dict[str, Any]
SETTLED: Alike[bytes] = Alike()  # what bodies come to


def read(request: Request, kind: Kind) -> Obj:
    """Decode the body as `kind` and settle it. Warnings go into the request."""
    media = body_media(request.call.headers.get("content-type", ""))
    validation = field_validation(request)
    if media == PROTOBUF and kind.rules is not None:
        raise UnsupportedMedia("custom objects are written in JSON or YAML")
    body = request.call.body
    if media == JSON and kind.rules is None and len(body) <= alike.BYTES_MAX:
        asked = (body, kind.api_version, kind.kind, validation)
        settled = SETTLED.recall(asked, lambda: _settled(body, kind, validation))
        if settled:
            return _whole(kind, orjson.loads(settled))
    if media == PROTOBUF:
        draft = schema_decode.settle(_unpacked(request.call.body, kind), kind, validation=validation)
    else:
        draft = schema_decode.decode(request.call.body, media, kind, validation=validation)
    request.warnings.extend(draft.warnings)
    return _whole(kind, draft.obj)


def read_options(request: Request, kind: Kind) -> Obj:
    """Decode an optional body (DeleteOptions); an empty one is an empty object. Any group's version of it will do."""
    body = request.call.body
    if not body.strip():
        return {}
    media = body_media(request.call.headers.get("content-type", ""))
    try:
        obj = _unpacked(body, kind) if media == PROTOBUF else schema_decode.parse(body, media)[0]
    except ValueError as fault:
        raise BadRequest(f"couldn't get version/kind; json parse error: {fault}") from fault
    if isinstance(obj, dict) and obj.get("kind") == kind.kind:
        obj["apiVersion"] = kind.api_version
    if not isinstance(obj, dict):
        raise BadRequest(f"the body must be a {kind.kind}")
    return schema_decode.settle(obj, kind, validation="Ignore").obj


def settle_patched(request: Request, kind: Kind, obj: Obj, *, members: frozenset[str] | None = None) -> Obj:
    """Settle what a patch has made of an object; the same refusals, in a patch's words.

    members: those that the patch may have changed, None for all; what is stored is settled.
    """
    validation = field_validation(request)
    if obj.get("kind") != kind.kind or obj.get("apiVersion") != kind.api_version:
        raise BadRequest(f"the patched object must stay a {kind.kind} of {kind.api_version}")
    text = orjson.dumps(obj)
    if members is None or kind.rules is not None:
        found = schema.check(kind, obj)
    else:
        part = {name: obj.pop(name) for name in list(obj) if name in members}
        found = schema.check(kind, part)
        obj.update(part)
    faults = [f'unknown field "{path}"' for path in found.unknown]
    if found.wrong:
        raise patch_invalid(text, found.wrong)
    if faults and validation == "Strict":
        raise patch_invalid(text, f"strict decoding error: {', '.join(faults)}")
    if validation == "Warn":
        request.warnings.extend(faults)
    return _whole(kind, obj)


def _settled(body: bytes, kind: Kind, validation: str) -> bytes:
    """Decode a body of a built-in kind and return what it comes to; nothing where its sender must be told something."""
    draft = schema_decode.decode(body, JSON, kind, validation=validation)
    try:
        return b"" if draft.warnings else orjson.dumps(draft.obj)
    except TypeError:
        return b""  # what JSON cannot say is refused where it is stored


def _unpacked(body: bytes, kind: Kind) -> Obj:
    try:
        return protobuf.decode(body, kind.definition)
    except protobuf.ProtobufError as fault:
        raise BadRequest(f"the object provided is unrecognized (must be of type {kind.kind}): {fault}") from fault


def patch_invalid(text: bytes, why: str) -> Invalid:
    """Say that a patch makes something impossible of an object."""
    shown = orjson.dumps(text[:SHOWN_CHARS_MAX].decode(errors="replace")).decode()
    return invalid("", "", "", [Cause("FieldValueInvalid", "patch", f"Invalid value: {shown}: {why}")])


def field_validation(request: Request) -> str:
    """Return Ignore, Warn or Strict; Warn where nothing was asked; Invalid for other words."""
    asked = request.call.query.get("fieldValidation", "") or "Warn"
    if asked not in VALIDATIONS:
        listed = ", ".join(f'"{word}"' for word in ("", *VALIDATIONS))
        cause = Cause(
            "FieldValueNotSupported", "fieldValidation", f'Unsupported value: "{asked}": supported values: {listed}'
        )
        raise invalid(OPTIONS.get(request.verb, "UpdateOptions"), "meta.k8s.io", "", [cause])
    return asked


def _whole(kind: Kind, obj: Obj) -> Obj:
    """Add the parts that every object of the kind has, be they empty."""
    obj.setdefault("metadata", {})
    if "spec" in schema.fields_of(kind.definition):
        obj.setdefault("spec", {})
    return obj
