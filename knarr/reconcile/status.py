"""Write a status: only what changed, only if something did. Pure."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from msgspec import structs, to_builtins

from knarr.reconcile.actions import Patch


class Condition(Protocol):
    """What conditions of all kinds have in common."""

    @property
    def type(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def lastTransitionTime(self) -> str | None: ...


C = TypeVar("C", bound=Condition)


def write_status(
    obj: Any, status: Any, *, annotations: dict[str, str] | None = None, spacing_s: float = 0.0,
) -> list[Patch]:
    """Return the patch that makes an object's status `status`, or nothing when it is that already.

    A status has one writer, so the uid is precondition enough: a change of the spec meanwhile is no conflict.
    annotations: written along, where a kind's status may carry them. spacing_s: as `Patch` has it.
    """
    patch = difference(to_builtins(obj.status), to_builtins(status))
    fresh = {name: text for name, text in (annotations or {}).items() if obj.metadata.annotations.get(name) != text}
    if not patch and not fresh:
        return []
    metadata: dict[str, Any] = {"uid": obj.metadata.uid}
    if fresh:
        metadata["annotations"] = fresh
    return [Patch(obj, {"metadata": metadata, "status": patch}, subresource="status", spacing_s=spacing_s)]


def difference(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the merge patch that makes `new` of `old`: lists whole, what is gone as None."""
    patch: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            inner = difference(before, value)
            if inner:
                patch[name] = inner
        elif name not in old or before != value:
            patch[name] = value
    return patch


def set_condition(conditions: tuple[C, ...], fresh: C) -> tuple[C, ...]:
    """Put a condition in at the end; it keeps its place and times while status and reason stay.

    A condition whose status stays keeps its lastTransitionTime.
    Source: kube deployment_util.go, SetDeploymentCondition.
    """
    held = get_condition(conditions, fresh.type)
    if held is not None and held.status == fresh.status and held.reason == fresh.reason:
        return conditions
    if held is not None and held.status == fresh.status:
        fresh = structs.replace(fresh, lastTransitionTime=held.lastTransitionTime)  # type: ignore[type-var]
    return (*without_condition(conditions, fresh.type), fresh)


def get_condition(conditions: tuple[C, ...], type: str) -> C | None:
    """Return the condition of a type, or None."""
    return next((held for held in conditions if held.type == type), None)


def without_condition(conditions: tuple[C, ...], type: str) -> tuple[C, ...]:
    """Return the conditions without that of a type."""
    return tuple(held for held in conditions if held.type != type)
