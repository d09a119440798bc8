"""Collect causes while walking an object: a Spot is a field path and the list that its faults go to.

The words are Kubernetes'. Source: kube apimachinery pkg/util/validation/field/errors.go.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from knarr.api.errors import Cause

IMMUTABLE: Final = "field is immutable"
NOT_NEGATIVE: Final = "must be greater than or equal to 0"


class Raw(str):
    """Text that stands in a message as it is, without quotes: a value written in Go's own form."""

    __slots__ = ()


class Spot:
    """Where we are in the object, `spec.containers[0].name`; `causes` is shared by the whole walk."""

    __slots__ = ("causes", "path")

    def __init__(self, path: str, causes: list[Cause]) -> None:
        self.path = path
        self.causes = causes

    def at(self, name: str) -> Spot:
        """Step into a member."""
        return Spot(f"{self.path}.{name}" if self.path else name, self.causes)

    def index(self, number: int) -> Spot:
        """Step into an element of a list."""
        return Spot(f"{self.path}[{number}]", self.causes)

    def key(self, name: str) -> Spot:
        """Step into an entry of a map."""
        return Spot(f"{self.path}[{name}]", self.causes)

    def invalid(self, value: Any, detail: str) -> None:
        """Say that the value is wrong."""
        self._add("FieldValueInvalid", f"Invalid value: {text(value)}: {detail}")

    def each(self, value: Any, details: Iterable[str]) -> None:
        """Say every way in which the value is wrong."""
        for detail in details:
            self.invalid(value, detail)

    def required(self, detail: str = "") -> None:
        """Say that the value is missing."""
        self._add("FieldValueRequired", f"Required value: {detail}" if detail else "Required value")

    def unsupported(self, value: Any, supported: Iterable[str]) -> None:
        """Say that the value is none of a closed list."""
        listed = ", ".join(json.dumps(item) for item in supported)
        self._add("FieldValueNotSupported", f"Unsupported value: {text(value)}: supported values: {listed}")

    def forbidden(self, detail: str) -> None:
        """Say that the field may not be set here."""
        self._add("FieldValueForbidden", f"Forbidden: {detail}")

    def duplicate(self, value: Any) -> None:
        """Say that the value stands twice where it may stand once."""
        self._add("FieldValueDuplicate", f"Duplicate value: {text(value)}")

    def not_found(self, value: Any) -> None:
        """Say that what the value names does not exist."""
        self._add("FieldValueNotFound", f"Not found: {text(value)}")

    def too_long(self, bytes_max: int) -> None:
        """Say that the value has too many bytes."""
        self._add("FieldValueTooLong", f"Too long: may not be more than {bytes_max} bytes")

    def too_many(self, count: int, count_max: int) -> None:
        """Say that the list has too many elements."""
        self._add("FieldValueTooMany", f"Too many: {count}: must have at most {count_max} items")

    def choice(self, value: Any, supported: tuple[str, ...]) -> None:
        """Check that a value is there and one of a closed list."""
        if not value:
            self.required()
        elif value not in supported:
            self.unsupported(value, supported)

    def not_negative(self, value: int | None) -> None:
        """Check that a number, if there is one, is at least 0."""
        if value is not None and value < 0:
            self.invalid(value, NOT_NEGATIVE)

    def between(self, value: int, low: int, high: int) -> None:
        """Check that a number lies in a range, both ends included."""
        if not low <= value <= high:
            self.invalid(value, f"must be between {low} and {high}, inclusive")

    def unchanged(self, new: Any, old: Any, shown: Any = None) -> None:
        """Check that an update leaves the field alone. shown: how the message spells the new value, if not as it is."""
        if new != old:
            self.invalid(new if shown is None else shown, IMMUTABLE)

    def _add(self, reason: str, message: str) -> None:
        self.causes.append(Cause(reason, self.path, message))


def text(value: Any) -> str:
    """Write a value as Go's messages do: strings quoted, structures as compact JSON with `<`, `>` and `&` escaped."""
    if value.__class__ is Raw:
        return str(value)
    if value.__class__ is str:
        return json.dumps(value, ensure_ascii=False)
    if value.__class__ is dict:
        return compact(dict(sorted(value.items())))
    return compact(value)


def compact(value: Any) -> str:
    """Write JSON as Go does."""
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
