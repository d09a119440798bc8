"""Turn a request's bytes into an object of a kind: JSON or YAML, strictly or with warnings.

Refuses with the texts of Kubernetes' decoder. Source: kube apiserver endpoints/handlers/rest.go, transformDecodeError,
and apimachinery runtime/serializer/json.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NoReturn

import orjson

from knarr.api import kinds, schema
from knarr.api.errors import BadRequest, Cause, invalid
from knarr.api.gojson import TOO_DEEP, load
from knarr.api.kinds import Kind

DUPLICATES_MAX = 100  # told of one object. Source: sigs.k8s.io/json strict decoding
SUMMARY_MAX = 30  # bytes of a body that cannot be read, shown in the refusal. Source: kube rest.go, summarizeData
BODY_SHOWN_MAX = 1024  # bytes of a body that says no kind
SCHEME = "pkg/api/legacyscheme/scheme.go:30"  # what Kubernetes calls its registry of kinds


@dataclass(slots=True)
class Draft:
    """An object as decoded, and what the client should be told."""

    obj: dict[str, Any]
    warnings: list[str] = field(default_factory=list)


def decode(body: bytes, content_type: str, kind: Kind, *, validation: str = "Warn") -> Draft:
    """Decode, check and settle an object that should be of `kind`.

    validation: the query's fieldValidation: Ignore, Warn or Strict. Raises BadRequest.
    """
    try:
        obj, duplicates = parse(body, content_type)
    except ValueError as fault:
        raise unrecognized(kind, body, f"couldn't get version/kind; json parse error: {fault}") from fault
    if not isinstance(obj, dict):
        fault_text = f"json: cannot unmarshal {_json_name(obj)} into Go value of type struct " \
                     '{ APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
        raise unrecognized(kind, body, f"couldn't get version/kind; json parse error: {fault_text}")
    if kind.rules is not None and not obj.get("kind"):
        shown = body[:BODY_SHOWN_MAX].decode(errors="replace")
        raise unrecognized(kind, body, f"Object 'Kind' is missing in '{shown}'")
    return settle(obj, kind, validation=validation, duplicates=duplicates)


def settle(obj: dict[str, Any], kind: Kind, *, validation: str = "Warn", duplicates: list[str] | None = None) -> Draft:
    """Check an object that is parsed already (a patched one, say) and settle it in place. Raises BadRequest."""
    _accept_kind(obj, kind)
    findings = schema.check(kind, obj)
    if findings.wrong:
        raise unhandled(kind, obj, findings.wrong)
    faults = [f'unknown field "{path}"' for path in findings.unknown]
    faults += [f'duplicate field "{path}"' for path in duplicates or ()]
    if faults and validation == "Strict":
        raise unhandled(kind, obj, "strict decoding error: " + ", ".join(faults))
    obj["apiVersion"], obj["kind"] = kind.api_version, kind.kind
    return Draft(obj, faults if validation == "Warn" else [])


def parse(body: bytes, content_type: str) -> tuple[Any, list[str]]:
    """Return what the bytes say, and the paths of keys that stand twice. Raises ValueError with the decoder's text."""
    media = content_type.partition(";")[0].strip().lower()
    if media.endswith("yaml"):
        from knarr.api.yamldoc import YamlError, read_yaml  # most clients send JSON

        try:
            return read_yaml(body)
        except YamlError as fault:
            raise ValueError(str(fault)) from fault
    obj = load(body)
    return obj, _duplicates(body, obj)


def unhandled(kind: Kind, obj: dict[str, Any], why: str) -> BadRequest:
    """Say that an object cannot be taken for the kind."""
    said_kind = obj.get("kind") or kind.kind
    version = str(obj.get("apiVersion") or kind.api_version).rpartition("/")[2]
    return BadRequest(f'{said_kind} in version "{version}" cannot be handled as a {kind.kind}: {why}')


def unrecognized(kind: Kind, body: bytes, why: str) -> BadRequest:
    """Say that a body is no object at all."""
    return BadRequest(f"the object provided is unrecognized (must be of type {kind.kind}): {why} ({_summary(body)})")


def _summary(body: bytes) -> str:
    if not body:
        return "<empty>"
    short, dots = body[:SUMMARY_MAX], " ..." if len(body) > SUMMARY_MAX else ""
    return (short.decode(errors="replace") if body[:1] == b"{" else short.hex()) + dots


def _accept_kind(obj: dict[str, Any], kind: Kind) -> None:
    """Refuse an object that says it is something else; what it leaves out is taken from the URL."""
    said_version, said_kind = obj.get("apiVersion") or kind.api_version, obj.get("kind") or kind.kind
    for name, said in (("apiVersion", said_version), ("kind", said_kind)):
        if not isinstance(said, str):
            text = f"json: cannot unmarshal {_json_name(said)} into Go struct field .{name} of type string"
            raise BadRequest(f"the object provided is unrecognized (must be of type {kind.kind}): "
                             f"couldn't get version/kind; json parse error: {text}")
    if said_kind == kind.kind and (said_version == kind.api_version or kind.group == "meta.k8s.io"):
        return  # options are known in every group
    group, _, version = said_version.rpartition("/")
    if kind.rules is not None:
        _refuse_as_custom(kind, obj, said_version, said_kind=said_kind)
    known = kinds.by_kind(group, version, said_kind)
    if known is None:
        raise unhandled(kind, obj, f'no kind "{said_kind}" is registered for version "{said_version}" '
                                   f'in scheme "{SCHEME}"')
    if known.prefix == kind.prefix:  # another version of the same thing
        raise BadRequest(f"the API version in the data ({said_version}) does not match the expected API version "
                         f"({kind.api_version})")
    source, target = f"({known.version}.{known.kind})", f"({_internal(kind)}.{kind.kind})"
    raise unhandled(kind, obj, f"converting {source} to {target}: unknown conversion")


def _refuse_as_custom(kind: Kind, obj: dict[str, Any], said_version: str, *, said_kind: str) -> NoReturn:
    """Refuse what is no object of a custom kind. Source: kube apiextensions registry/customresource/validator.go."""
    if said_version != kind.api_version:
        raise BadRequest(f"the API version in the data ({said_version}) does not match the expected API version "
                         f"({kind.api_version})")
    cause = Cause("FieldValueInvalid", "kind", f'Invalid value: "{said_kind}": must be {kind.kind}')
    name = obj["metadata"].get("name", "") if isinstance(obj.get("metadata"), dict) else ""
    raise invalid(kind.kind, kind.group, str(name), [cause])


def _internal(kind: Kind) -> str:
    return kind.group.partition(".")[0] or "core"


def _json_name(value: Any) -> str:
    names = {bool: "bool", str: "string", list: "array", dict: "object", type(None): "null"}
    return names.get(type(value), "number")


def _duplicates(body: bytes, obj: Any) -> list[str]:
    """Return the paths of keys that stand twice in a JSON text.

    A dropped key takes its colon along, so texts without duplicates (nearly all) are told by counting colons; escapes
    may hide colons, so texts that have such are read slowly.
    """
    if body.count(b":") == orjson.dumps(obj).count(b":") and b"\\u003" not in body.lower():
        return []
    found: list[str] = []
    try:
        _walk(json.loads(body, object_pairs_hook=_Pairs), "", found)
    except RecursionError as fault:  # the value that was dropped may be as deep as it likes
        raise ValueError(TOO_DEEP) from fault
    return found


class _Pairs(list[tuple[str, Any]]):
    """An object's members in order, duplicates included."""


def _walk(value: Any, path: str, found: list[str]) -> None:
    if isinstance(value, _Pairs):
        seen: set[str] = set()
        for key, item in value:
            here = f"{path}.{key}" if path else key
            if key in seen and len(found) < DUPLICATES_MAX:
                found.append(here)
            seen.add(key)
            _walk(item, here, found)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _walk(item, f"{path}[{index}]", found)
