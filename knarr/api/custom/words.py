"""Word the faults of custom objects as Kubernetes does.

Source: kube apiextensions pkg/apiserver/validation/validation.go; kube-openapi pkg/validation/errors.
"""

from __future__ import annotations

import json
from typing import Any

from knarr.api.errors import Cause

NOWHERE = "<nil>"  # the path of faults that Kubernetes finds without one
TYPES: dict[type, str] = {
    bool: "boolean", str: "string", int: "integer", float: "number", list: "array", dict: "object", type(None): "null",
}


def type_of(value: Any) -> str:
    """Return JSON schema's word for a value's type."""
    return TYPES[type(value)]


def invalid(path: str, value: Any, message: str) -> Cause:
    """Say that a value is wrong."""
    return Cause("FieldValueInvalid", path or NOWHERE, f"Invalid value: {shown(value)}: {message}")


def wrong_type(path: str, value: Any, wanted: str) -> Cause:
    """Say that a value is of another type or format than `wanted`."""
    text = f"Invalid value: {shown(value)}: {path} in body must be of type {wanted}: {quoted(str(value))}"
    return Cause("FieldValueTypeInvalid", path or NOWHERE, text)


def required(path: str) -> Cause:
    """Say that a field is missing."""
    return Cause("FieldValueRequired", path, "Required value")


def unsupported(path: str, value: Any, supported: list[Any]) -> Cause:
    """Say that a value is none of a closed list."""
    listed = ", ".join(quoted(one if isinstance(one, str) else compact(one)) for one in supported)
    text = f"Unsupported value: {shown(value)}: supported values: {listed}"
    return Cause("FieldValueNotSupported", path or NOWHERE, text)


def too_long(path: str, bytes_max: int) -> Cause:
    """Say that a text is too long."""
    return Cause("FieldValueTooLong", path or NOWHERE, f"Too long: may not be more than {bytes_max} bytes")


def too_many(path: str, count: int, count_max: int) -> Cause:
    """Say that a list or map has too many members."""
    return Cause("FieldValueTooMany", path or NOWHERE, f"Too many: {count}: must have at most {count_max} items")


def duplicate(path: str, value: Any) -> Cause:
    """Say that a value stands twice."""
    return Cause("FieldValueDuplicate", path, f"Duplicate value: {shown(value)}")


def shown(value: Any) -> str:
    """Write a value as Go's field errors do."""
    return quoted(value) if isinstance(value, str) else compact(value)


def quoted(text: str) -> str:
    """Put a text into quotes."""
    return json.dumps(text, ensure_ascii=False)


def compact(value: Any) -> str:
    """Write JSON as Go does, keys sorted."""
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
