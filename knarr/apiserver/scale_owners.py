"""Say who owns a workload's replica count after it was written as a Scale: the Scale's writer, and nobody else.

A Scale shows the count as `spec.replicas` of autoscaling/v1, the workload as its own field; owners are carried over and
back. A count of zero is no field of a Scale, so nobody owns it.
Source: kube apimachinery util/managedfields/scalehandler.go.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from knarr.api import apply_owners
from knarr.api import apply_sets as sets
from knarr.api.apply import Write
from knarr.api.apply_owners import UPDATE, Owner, Owners, with_fields
from knarr.apiserver.applying import lay

Obj = dict[str, Any]
Path = tuple[str, ...]
PATH: Final[Path] = ("f:spec", "f:replicas")
REPLICAS: Final = sets.of_path(PATH)


def tracked(write: Write, workload: Obj, before: int, after: int, *, path: Path = PATH) -> list[Obj]:
    """Return the workload's managedFields after a PUT or PATCH of its Scale. path: of the count in the workload."""
    counted = sets.of_path(path)
    owners = apply_owners.read(workload["metadata"].get("managedFields"))
    if not owners or (before == after and after):
        return apply_owners.write(owners)
    left = _without(owners, counted)
    if after:
        mine = write.owner(UPDATE, counted)
        known = left.get(mine.key)
        left[mine.key] = with_fields(mine, sets.union(known.fields, counted)) if known else mine
    return apply_owners.write(apply_owners.capped(left))


def applied(write: Write, workload: Obj, scale: Obj, wanted: Obj, *, force: bool,
            path: Path = PATH) -> tuple[Obj, list[Obj]]:
    """Apply a Scale; return it as it is then, and the workload's managedFields.

    write: about the Scale. path: of the count in the workload. Conflict and BadRequest as for every apply.
    """
    version = str(workload["apiVersion"])
    owners = apply_owners.read(workload["metadata"].get("managedFields"))
    shown = {
        owner.key: replace_version(owner, write.api_version)
        for owner in owners.values()
        if owner.api_version == version and sets.has(owner.fields, path)
    }
    merged, after = lay(replace(write, ignored={"f:status": {}}), scale, wanted, shown, force=force)
    left = {key: owner for key, owner in owners.items() if key not in shown or key in after}
    lost = {key: owner for key, owner in owners.items() if key in shown and key not in after}
    left |= _without(lost, sets.of_path(path))
    for key, owner in after.items():
        if key not in left and sets.has(owner.fields, PATH):
            left[key] = with_fields(replace_version(owner, version), sets.of_path(path))
    return (scale if merged is None else merged), apply_owners.write(left)


def replace_version(owner: Owner, version: str) -> Owner:
    """Return the owner of the replica count alone, as another version calls it."""
    return Owner(owner.manager, owner.operation, version, REPLICAS, owner.time, owner.subresource)


def _without(owners: Owners, fields: sets.FieldSet) -> Owners:
    left = {key: with_fields(owner, sets.difference(owner.fields, fields)) for key, owner in owners.items()}
    return {key: owner for key, owner in left.items() if owner.fields}
