"""Make the registry's rows from CustomResourceDefinitions: one for each served version of an established one."""

from __future__ import annotations

from typing import Any

from knarr.api.kinds import SCALE, STATUS, Kind, Subresource

VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")  # as discovery lists them
Obj = dict[str, Any]


def of_definition(definition: Obj) -> list[Kind]:
    """Return the rows of a definition, none if it is not established."""
    if not established(definition):
        return []
    return [_row(definition, version) for version in definition["spec"]["versions"] if version.get("served")]


def established(definition: Obj) -> bool:
    """Say whether a definition's objects are served."""
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(row["type"] == "Established" and row["status"] == "True" for row in conditions)


def prefix(definition: Obj) -> str:
    """Return the store's prefix of a definition's objects."""
    spec = definition["spec"]
    return f"/{spec['group']}/{spec['names']['plural']}/"


def _row(definition: Obj, version: Obj) -> Kind:
    from knarr.api.custom.laws import Laws  # with the first definition: many clusters have none

    spec, names = definition["spec"], definition["status"]["acceptedNames"]
    stored = next(row["name"] for row in spec["versions"] if row["storage"])
    young = definition["metadata"].get("generation", 1) == 1 and len(spec["versions"]) == 1
    conversion = spec.get("conversion") or {}
    laws = Laws(version, api_version=f"{spec['group']}/{version['name']}", storage_version=stored, reshapes=not young,
                webhook=conversion.get("webhook") if conversion.get("strategy") == "Webhook" else None)
    return Kind(
        spec["group"], version["name"], names["kind"], names["plural"], tuple(names.get("shortNames") or ()),
        namespaced=spec["scope"] == "Namespaced", categories=tuple(names.get("categories") or ()),
        subresources=_subresources(version), verbs=_verbs(definition), said_singular=names.get("singular", ""),
        said_list=names.get("listKind", ""), rules=laws, deprecated=_deprecation(definition, version),
    )


def _deprecation(definition: Obj, version: Obj) -> str:
    """Return what is warned of when a version is used."""
    if not version.get("deprecated"):
        return ""
    spec = definition["spec"]
    usual = f"{spec['group']}/{version['name']} {spec['names']['kind']} is deprecated"
    return str(version.get("deprecationWarning") or usual)


def _verbs(definition: Obj) -> tuple[str, ...]:
    ending = definition["metadata"].get("deletionTimestamp")
    return tuple(verb for verb in VERBS if verb != "create") if ending else VERBS  # nothing new while all goes


def _subresources(version: Obj) -> tuple[Subresource, ...]:
    said = version.get("subresources") or {}
    status = (STATUS,) if "status" in said else ()
    return status + ((SCALE,) if "scale" in said else ())


