"""Show a workload as an autoscaling/v1 Scale, and write its count back.

Source: kube registry/apps/*/storage, ScaleREST.
"""

from __future__ import annotations

from typing import Any

from knarr.api import kinds, selectors
from knarr.api.custom.scale import Scale, at
from knarr.api.kinds import Kind

Obj = dict[str, Any]
META = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(workload: Obj, kind: Kind) -> Obj:
    """Return the Scale of a workload. A zero count is left out of the spec, as Kubernetes leaves it out."""
    meta = workload["metadata"]
    if kind.rules is not None:
        paths: Scale = kind.rules.scale
        replicas, shown = at(workload, paths.replicas) or 0, {"replicas": at(workload, paths.shown) or 0}
        selector = str(at(workload, paths.selector) or "") if paths.selector else ""
    else:
        replicas = at(workload, ("spec", "replicas")) or 0
        shown = {"replicas": at(workload, ("status", "replicas")) or 0}
        selector = selector_text(at(workload, ("spec", "selector")))
    if selector:
        shown["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: meta[name] for name in META if name in meta},
        "spec": {"replicas": replicas} if replicas else {},
        "status": shown,
    }


def replicas_path(kind: Kind) -> tuple[str, ...]:
    """Return where a kind keeps its wanted count."""
    path: tuple[str, ...] = kind.rules.scale.replicas if kind.rules is not None else ("spec", "replicas")
    return path


def set_replicas(workload: Obj, kind: Kind, replicas: int) -> None:
    """Write a count where the kind keeps it."""
    *steps, last = replicas_path(kind)
    for step in steps:
        workload = workload.setdefault(step, {})
    workload[last] = replicas


def selector_text(selector: Obj | None) -> str:
    """Write a workload's selector as the text that lists understand."""
    if not selector:
        return ""
    if "matchLabels" in selector or "matchExpressions" in selector:
        return str(selectors.of_object(selector))
    return str(selectors.of_labels(selector))


def _scale_kind() -> Kind:
    found = kinds.by_kind("autoscaling", "v1", "Scale")
    assert found is not None
    return found


SCALE = _scale_kind()
