"""Print objects as `kubectl get` shows them: columns and cells per kind, `meta.k8s.io/v1` tables.

The cells are wide ones (priority 1 columns included); clients leave out what they do not want.
Source: kube pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from typing import Any

from knarr.api.columns import cluster, devices, flowcontrol, network, pods, policy, storage, workloads
from knarr.api.columns.view import CREATED, Column, View, created_cells
from knarr.api.kinds import Kind

DEFAULT = View((Column("Name", format="name"), CREATED), created_cells)
VIEWS: dict[tuple[str, str], View] = {
    **pods.VIEWS, **cluster.VIEWS, **workloads.VIEWS, **network.VIEWS, **storage.VIEWS, **policy.VIEWS,
    **devices.VIEWS, **flowcontrol.VIEWS,
}


def table(kind: Kind, objects: list[dict[str, Any]], now_s: float, *, include_object: str = "Metadata",
          ) -> dict[str, Any]:
    """Return the Table of some objects; the caller sets its `metadata`.

    now_s: wall seconds, ages count from it. include_object: None, Metadata or Object.
    """
    view = view_of(kind)
    rows = []
    for obj in objects:
        row: dict[str, Any] = {"cells": view.cells(obj, now_s)}
        conditions = view.conditions(obj)
        if conditions:
            row["conditions"] = conditions
        row["object"] = _included(obj, include_object)
        rows.append(row)
    return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": definitions(kind),
            "rows": rows}


def definitions(kind: Kind) -> list[dict[str, Any]]:
    """Return a kind's column definitions."""
    return [{"name": column.name, "type": column.type, "format": column.format, "description": column.description,
             "priority": column.priority} for column in view_of(kind).columns]


def view_of(kind: Kind) -> View:
    """Return how a kind is printed: its name and when it was created, unless there is more to say."""
    if kind.rules is not None:
        custom: View = kind.rules.view
        return custom
    return VIEWS.get((kind.group, kind.kind), DEFAULT)


def _included(obj: dict[str, Any], include: str) -> dict[str, Any] | None:
    if include == "None":
        return None
    if include == "Object":
        return obj
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
