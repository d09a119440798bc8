"""Print flow schemas and priority levels. Source: kube pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from knarr.api.columns.view import AGE, NAME, NONE, Obj, View, age, at, columns, name


def _schema_cells(obj: Obj, now_s: float) -> list[Any]:
    spec = obj.get("spec") or {}
    dangling = next((row.get("status", "") for row in at(obj, "status", "conditions") or ()
                     if row.get("type") == "Dangling"), "?")
    return [name(obj), at(spec, "priorityLevelConfiguration", "name") or "", spec.get("matchingPrecedence", 0),
            at(spec, "distinguisherMethod", "type") or NONE, age(obj, now_s), dangling]


def _level_cells(obj: Obj, now_s: float) -> list[Any]:
    spec = obj.get("spec") or {}
    limited = spec.get("limited")
    if limited is None:
        return [name(obj), spec.get("type", ""), NONE, NONE, NONE, NONE, age(obj, now_s)]
    queuing = at(limited, "limitResponse", "queuing") or {}
    queues = [queuing.get(key, NONE) for key in ("queues", "handSize", "queueLengthLimit")]
    return [name(obj), spec.get("type", ""), limited.get("nominalConcurrencyShares", 0), *queues, age(obj, now_s)]


GROUP = "flowcontrol.apiserver.k8s.io"
VIEWS = {
    (GROUP, "FlowSchema"): View(
        (NAME, *columns("PriorityLevel", "MatchingPrecedence", "DistinguisherMethod"), AGE, *columns("MissingPL")),
        _schema_cells),
    (GROUP, "PriorityLevelConfiguration"): View(
        (NAME, *columns("Type", "NominalConcurrencyShares", "Queues", "HandSize", "QueueLengthLimit"), AGE),
        _level_cells),
}
