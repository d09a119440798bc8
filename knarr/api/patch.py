"""Apply patches to objects: JSON patch, merge patch, strategic merge patch.

An original is never changed: every function returns a fresh object that shares nothing with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from knarr.api.errors import BadRequest, UnsupportedMedia
from knarr.api.gojson import load
from knarr.api.kinds import Kind
from knarr.api.patch_json import json_patch, same
from knarr.api.patch_strategic import strategic_merge, strategic_merge_into

JSON = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
TYPES = (JSON, MERGE, STRATEGIC)

__all__ = ["APPLY", "JSON", "MERGE", "STRATEGIC", "TYPES", "apply", "json_patch", "merge_into", "merge_patch", "same",
           "strategic_merge", "strategic_merge_into"]


def apply(kind: Kind, original: dict[str, Any], *, body: bytes, content_type: str) -> dict[str, Any]:
    """Apply the bytes of a PATCH request and return the new object.

    The result is neither checked nor settled yet. Raises UnsupportedMedia, BadRequest, Invalid or TooLarge.
    """
    media = content_type.partition(";")[0].strip().lower()
    if media not in TYPES:
        raise unsupported()
    document = read(body)
    if media == JSON:
        if not isinstance(document, list):
            raise BadRequest(f"error decoding patch: json: cannot unmarshal {_named(document)} into Go value of type "
                             "jsonpatch.Patch")
        return json_patch(original, document)
    if not isinstance(document, dict):
        raise BadRequest(f"error decoding patch: json: cannot unmarshal {_named(document)} into Go value of type "
                         "map[string]interface {}")
    return merge_patch(original, document) if media == MERGE else strategic_merge(kind, original, document)


def merge_patch(original: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Apply a merge patch: null deletes, objects merge, all else replaces. Source: RFC 7396.

    >>> merge_patch({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": [1]}})
    {'a': {'c': 2, 'd': [1]}}
    """
    return merge_into(orjson.loads(orjson.dumps(original)), patch)


def merge_into(original: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Do the same to an original that nobody else needs: parts of it are in the result."""
    merged = _merged(original, patch)
    assert isinstance(merged, dict)
    return merged


def read(body: bytes) -> Any:
    """Parse a patch's JSON. Raises BadRequest in the words of Kubernetes' decoder."""
    try:
        return load(body)
    except ValueError as fault:
        raise BadRequest(f"error decoding patch: {fault}") from fault


def unsupported(known: Sequence[str] = TYPES) -> UnsupportedMedia:
    """Say which kinds of patch there are."""
    return UnsupportedMedia(
        f"the body of the request was in an unknown format - accepted media types include: {', '.join(known)}")


def _merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = target if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


def _named(value: Any) -> str:
    names = {bool: "bool", str: "string", list: "array", dict: "object", type(None): "null"}
    return names.get(type(value), "number")
