"""Speak of a HorizontalPodAutoscaler in autoscaling/v1, which old clients write; the store keeps autoscaling/v2.

Version 1 knows one number, the CPU target. All else that version 2 says rides in annotations, so that a client of
version 1 loses nothing by reading and writing back. An annotation that cannot be read counts as none.
Source: kube pkg/apis/autoscaling/v1/conversion.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import orjson

from knarr.api import schema

Obj: TypeAlias = dict[str, Any]
Words: TypeAlias = tuple[tuple[str, str], ...]

METRICS: Final = "autoscaling.alpha.kubernetes.io/metrics"
CURRENT: Final = "autoscaling.alpha.kubernetes.io/current-metrics"
BEHAVIOR: Final = "autoscaling.alpha.kubernetes.io/behavior"
CONDITIONS: Final = "autoscaling.alpha.kubernetes.io/conditions"
RIDERS: Final = (METRICS, CURRENT, BEHAVIOR, CONDITIONS)
CPU_TARGET, CPU_CURRENT = "targetCPUUtilizationPercentage", "currentCPUUtilizationPercentage"

RESOURCE: Final[Words] = (
    ("name", "name"), ("container", "container"),
    ("target.averageUtilization", "targetAverageUtilization"), ("target.averageValue", "targetAverageValue"),
)
SOURCES: Final[Mapping[str, tuple[str, Words]]] = {  # type → its field, then each place in version 2 and 1
    "Resource": ("resource", RESOURCE),
    "ContainerResource": ("containerResource", RESOURCE),
    "Pods": ("pods", (
        ("metric.name", "metricName"), ("metric.selector", "selector"), ("target.averageValue", "targetAverageValue"),
    )),
    "Object": ("object", (
        ("describedObject", "target"), ("metric.name", "metricName"), ("metric.selector", "selector"),
        ("target.value", "targetValue"), ("target.averageValue", "averageValue"),
    )),
    "External": ("external", (
        ("metric.name", "metricName"), ("metric.selector", "metricSelector"),
        ("target.value", "targetValue"), ("target.averageValue", "targetAverageValue"),
    )),
}


def to_v1(obj: Obj) -> Obj:
    """Return a version 2 object's body in version 1. The argument stays as it is."""
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    metrics = spec.pop("metrics", None) or []
    cpu = next((one for one in metrics if _cpu_percent(one) is not None), None)
    others = [_shown(one, status=False) for one in metrics if one is not cpu]
    if cpu is not None:
        spec[CPU_TARGET] = _cpu_percent(cpu)
    current = status.pop("currentMetrics", None) or []
    percent = next((one["resource"]["current"]["averageUtilization"] for one in current if _is_cpu_status(one)), None)
    if percent is not None:
        status[CPU_CURRENT] = percent
    riders = {METRICS: others, CURRENT: [_shown(one, status=True) for one in current],
              BEHAVIOR: spec.pop("behavior", None), CONDITIONS: status.pop("conditions", None)}
    texts = {name: orjson.dumps(value).decode() for name, value in riders.items() if value}
    meta = dict(obj["metadata"])
    annotations = {name: text for name, text in (meta.pop("annotations", None) or {}).items() if name not in RIDERS}
    if annotations or texts:
        meta["annotations"] = annotations | texts
    return {**obj, "metadata": meta, "spec": spec, "status": {"currentReplicas": 0, "desiredReplicas": 0, **status}}


def to_v2(obj: Obj) -> Obj:
    """Return a version 1 object's body in version 2. The argument stays as it is."""
    meta, spec, status = dict(obj["metadata"]), dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    annotations = dict(meta.pop("annotations", None) or {})
    texts = {name: annotations.pop(name, "") for name in RIDERS}
    metrics = _list(texts[METRICS], "MetricSpec", lambda one: _stored(one, status=False))
    percent = spec.pop(CPU_TARGET, None)
    if percent is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    current = _list(texts[CURRENT], "MetricStatus", lambda one: _stored(one, status=True))
    status.pop(CPU_CURRENT, None)  # version 2 has it among the metrics
    behavior = _checked("HorizontalPodAutoscalerBehavior", _read(texts[BEHAVIOR]))
    conditions = _list(texts[CONDITIONS], "HorizontalPodAutoscalerCondition", lambda one: one)
    for part, name, value in ((spec, "metrics", metrics), (spec, "behavior", behavior),
                              (status, "currentMetrics", current), (status, "conditions", conditions)):
        if value:
            part[name] = value
    if annotations:
        meta["annotations"] = annotations
    return {**obj, "metadata": meta, "spec": spec, **({"status": status} if "status" in obj else {})}


def _read(text: str) -> Any:
    try:
        return orjson.loads(text) if text else None
    except orjson.JSONDecodeError:
        return None


def _list(text: str, definition: str, rewrite: Callable[[Obj], Obj | None]) -> list[Obj]:
    """Read a list of objects of one definition of version 2; nothing where any of them is none."""
    found = _read(text)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        return []
    checked = [_checked(definition, rewrite(one)) for one in found]
    return [] if None in checked else [one for one in checked if one is not None]


def _checked(definition: str, found: Any) -> Obj | None:
    """Return an object as its definition has it; None where it has other types."""
    if not isinstance(found, dict) or schema.check_as(f"autoscaling_v2.{definition}", found).wrong:
        return None
    return found


def _cpu_percent(metric: Obj) -> int | None:
    source = metric.get("resource") or {}
    if metric.get("type") != "Resource" or source.get("name") != "cpu":
        return None
    percent: int | None = (source.get("target") or {}).get("averageUtilization")
    return percent


def _is_cpu_status(metric: Obj) -> bool:
    source = metric.get("resource") or {}
    return source.get("name") == "cpu" and (source.get("current") or {}).get("averageUtilization") is not None


def _shown(metric: Obj, *, status: bool) -> Obj:
    """Rewrite one metric, or its status, for version 1."""
    field, words = _words(metric, status=status)
    source, made = metric.get(field) or {}, {}
    for path, key in words:
        outer, _, inner = path.partition(".")
        value = (source.get(outer) or {}).get(inner) if inner else source.get(outer)
        if value is not None:
            made[key] = value
    return {"type": metric.get("type"), **({field: made} if field else {})}


def _stored(metric: Obj, *, status: bool) -> Obj | None:
    """Rewrite one metric, or its status, for version 2; None for what is none."""
    field, words = _words(metric, status=status)
    source, made = metric.get(field) or {}, dict[str, Any]()
    if not isinstance(source, dict):
        return None
    for path, key in words:
        outer, _, inner = path.partition(".")
        if key not in source:
            continue
        if inner:
            made.setdefault(outer, {})[inner] = source[key]
        else:
            made[outer] = source[key]
    if "target" in made:
        made["target"] = {"type": _target_type(made["target"]), **made["target"]}
    return {"type": metric.get("type"), **({field: made} if field else {})}


def _target_type(target: Obj) -> str:
    if "averageUtilization" in target:
        return "Utilization"
    return "AverageValue" if "averageValue" in target else "Value"


def _words(metric: Obj, *, status: bool) -> tuple[str, Words]:
    """Return a metric's field and where its parts lie in both versions; no field for a type that nobody knows."""
    field, words = SOURCES.get(str(metric.get("type")), ("", ()))
    if not status:
        return field, words
    return field, tuple(
        (path.replace("target.", "current."), key.replace("target", "current") if "." in path else key)
        for path, key in words)
