"""Accept the names of a CustomResourceDefinition: first come, first served, within a group.

Source: kube apiextensions pkg/controller/status/naming_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from knarr.api.strategy.definition import set_condition

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Taken:
    """The names that one definition has. settled: it has all it wants."""

    group: str
    resources: frozenset[str]
    kinds: frozenset[str]
    settled: bool

    @classmethod
    def of(cls, definition: Obj) -> Taken:
        """Read them from its status."""
        status = definition.get("status") or {}
        names = status.get("acceptedNames") or {}
        resources = {names.get("plural"), names.get("singular"), *(names.get("shortNames") or ())}
        conditions = status.get("conditions") or ()
        settled = any(row["type"] == "NamesAccepted" and row["status"] == "True" for row in conditions)
        kinds = {names.get("kind"), names.get("listKind")}
        return cls(definition["spec"]["group"], _texts(resources), _texts(kinds), settled)


def accept(definition: Obj, others: Iterable[Taken], *, now: str) -> None:
    """Write into the status which names are accepted, and whether objects are served. now: as the API writes times."""
    spec, status = definition["spec"], definition.setdefault("status", {})
    near = [one for one in others if one.group == spec["group"]]
    resources = frozenset[str]().union(*(one.resources for one in near))
    kinds = frozenset[str]().union(*(one.kinds for one in near))
    names, faults = _chosen(spec["names"], status.get("acceptedNames") or {}, resources=resources, kinds=kinds)
    status["acceptedNames"] = names
    if faults:
        reason, name = faults[-1]  # each check writes over the one before
        message = f'"{name}" is already in use'
        set_condition(status, "NamesAccepted", "False", reason, message, now=now)
    else:
        set_condition(status, "NamesAccepted", "True", "NoConflicts", "no conflicts found", now=now)
    if any(row["type"] == "Established" and row["status"] == "True" for row in status["conditions"]):
        return  # once served, always served
    if faults:
        set_condition(status, "Established", "False", "NotAccepted", "not all names are accepted", now=now)
    else:
        set_condition(status, "Established", "True", "InitialNamesAccepted",
                      "the initial names have been accepted", now=now)


def _chosen(wanted: Obj, had: Obj, *, resources: frozenset[str], kinds: frozenset[str],
            ) -> tuple[Obj, list[tuple[str, str]]]:
    """Return the names a definition gets, and the conflicts, as (reason, name)."""
    names, faults = dict(had), list[tuple[str, str]]()
    for field, taken, reason in (
        ("plural", resources, "PluralConflict"), ("singular", resources, "SingularConflict"),
        ("shortNames", resources, "ShortNamesConflict"), ("kind", kinds, "KindConflict"),
        ("listKind", kinds, "ListKindConflict"),
    ):
        value = wanted.get(field) or ""
        clash = [one for one in ([value] if isinstance(value, str) else value) if one in taken]
        if clash:
            faults.append((reason, clash[0]))
        else:
            names[field] = value
    names["categories"] = wanted.get("categories")
    kept = {field: names.get(field) for field in ("plural", "singular", "shortNames", "kind", "listKind", "categories")}
    always = ("plural", "kind")
    return {field: value for field, value in kept.items() if value or field in always}, faults


def _texts(values: Iterable[str | None]) -> frozenset[str]:
    return frozenset(value for value in values if value)
