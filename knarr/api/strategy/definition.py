"""Decide what the server owns in CustomResourceDefinitions.

Source: kube apiextensions registry/customresourcedefinition/{strategy,etcd}.go.
"""

from __future__ import annotations

from typing import Any

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"  # the finalizer that stays until the last object is gone
ENDING = ("Terminating", "True", "InstanceDeletionPending",
          "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon")
Obj = dict[str, Any]


def create(draft: Obj) -> None:
    """Begin a status: nothing is accepted yet."""
    status: Obj = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}}
    draft["status"] = status
    _remember_stored(draft)


def update(draft: Obj, _: Obj) -> None:
    """Note a new storage version: objects may be stored in it from now on."""
    _remember_stored(draft)


def begin_end(definition: Obj, now: str) -> None:
    """Mark a definition whose deletion begins: its objects go first. now: as the API writes times."""
    meta = definition["metadata"]
    if meta.get("deletionTimestamp"):
        return
    meta["deletionTimestamp"] = now
    if CLEANUP not in (meta.get("finalizers") or ()):
        meta["finalizers"] = [*(meta.get("finalizers") or ()), CLEANUP]
    set_condition(definition.setdefault("status", {}), *ENDING, now=now)


def set_condition(status: Obj, sort: str, value: str, reason: str, message: str, *, now: str) -> None:  # noqa: PLR0913
    """Write a condition; its time stays while its value does."""
    rows = status.get("conditions") or []
    known = next((row for row in rows if row["type"] == sort), None)
    since = known["lastTransitionTime"] if known and known["status"] == value else now
    fresh = {"type": sort, "status": value, "lastTransitionTime": since, "reason": reason, "message": message}
    status["conditions"] = [fresh if row is known else row for row in rows] + ([] if known else [fresh])


def _remember_stored(draft: Obj) -> None:
    status = draft.setdefault("status", {})
    stored = list(status.get("storedVersions") or ())
    for version in draft["spec"].get("versions") or ():
        if version.get("storage") and version.get("name") and version["name"] not in stored:
            stored.append(version["name"])
    if stored:
        status["storedVersions"] = stored
