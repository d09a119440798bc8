"""Read request bodies: bytes to a settled draft of the right kind, or Kubernetes' refusal.

Unknown and repeated fields are dropped, warned of or refused, as `fieldValidation` asks.
Source: kube endpoints/handlers/create.go, patch.go and fieldvalidation.go.
"""

from __future__ import annotations

from typing import Any

import orjson

from knarr.api import schema, schema_decode
from knarr.api.errors import BadRequest, Cause, Invalid, invalid
from knarr.api.kinds import Kind
from knarr.apiserver.core import Request
from knarr.apiserver.negotiate import body_media

VALIDATIONS = ("Ignore", "Strict", "Warn")  # Source: kube meta/v1/types.go, FieldValidation
OPTIONS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}
SHOWN_CHARS_MAX = 4096  # of an object inside an error's text
Obj = dict[str, Any]


def read(request: Request, kind: Kind) -> Obj:
    """Decode the body as `kind` and settle it. Warnings go into the request."""
    media = body_media(request.call.headers.get("content-type", ""))
    draft = schema_decode.decode(request.call.body, media, kind, validation=field_validation(request))
    request.warnings.extend(draft.warnings)
    return _with_metadata(draft.obj)


def read_options(request: Request, kind: Kind) -> Obj:
    """Decode an optional body (DeleteOptions, Eviction); an empty one is an empty object."""
    if not request.call.body.strip():
        return {}
    media = body_media(request.call.headers.get("content-type", ""))
    return schema_decode.decode(request.call.body, media, kind, validation="Ignore").obj


def settle_patched(request: Request, kind: Kind, obj: Obj) -> Obj:
    """Settle what a patch has made of an object; the same refusals, in a patch's words."""
    validation = field_validation(request)
    if obj.get("kind") != kind.kind or obj.get("apiVersion") != kind.api_version:
        raise BadRequest(f"the patched object must stay a {kind.kind} of {kind.api_version}")
    text = orjson.dumps(obj)
    found = schema.check(kind, obj)
    faults = [f'unknown field "{path}"' for path in found.unknown]
    if found.wrong:
        raise patch_invalid(text, found.wrong)
    if faults and validation == "Strict":
        raise patch_invalid(text, f"strict decoding error: {', '.join(faults)}")
    if validation == "Warn":
        request.warnings.extend(faults)
    return _with_metadata(obj)


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


def _with_metadata(obj: Obj) -> Obj:
    obj.setdefault("metadata", {})
    return obj
