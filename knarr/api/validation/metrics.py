"""Check what a HorizontalPodAutoscaler measures: each metric's source, what it is about, and its target.

Source: kube pkg/apis/autoscaling/validation/validation.go.
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api.quantity import Quantity, parse
from knarr.api.validation import formats
from knarr.api.validation.spot import Spot

FIELDS: Final = {
    "ContainerResource": "containerResource", "External": "external", "Object": "object", "Pods": "pods",
    "Resource": "resource",
}
TARGETS: Final = ("Utilization", "Value", "AverageValue")
PATH_PARTS_MAX: Final = 2  # of a version: its group and itself
ZERO: Final = Quantity(0)
Obj = dict[str, Any]


def metric(spot: Spot, found: Obj) -> None:
    """Check one metric; of several sources only the first is looked into, as Kubernetes does."""
    kind = found.get("type") or ""
    if not kind:
        spot.at("type").required("must specify a metric source type")
    if kind not in FIELDS:
        spot.at("type").unsupported(kind, FIELDS)
    present = [name for name in CHECKS if found.get(name) is not None]
    if present:
        CHECKS[present[0]](spot.at(present[0]), found[present[0]])
    wanted = FIELDS.get(kind)
    if wanted is None:
        if kind:  # Kubernetes says it twice
            spot.at("type").unsupported(kind, FIELDS)
    elif wanted not in present:
        spot.at(wanted).required("must populate information for the given metric source")
    for other in present:
        if other != wanted and present != [wanted]:
            spot.at(other).forbidden("must populate the given metric source only")


def reference(spot: Spot, found: Obj, *, grouped: bool) -> None:
    """Check a reference to another object. grouped: its version must name a group, as that of what is scaled does."""
    kind, name, version = (found.get(part) or "" for part in ("kind", "name", "apiVersion"))
    for part, value in (("kind", kind), ("name", name)):
        if not value:
            spot.at(part).required()
        else:
            spot.at(part).each(value, formats.path_segment(value))
    if len(version.split("/")) > PATH_PARTS_MAX:
        spot.at("apiVersion").invalid(version, f"unexpected GroupVersion string: {version}")
    elif grouped and "/" not in version and (version, kind) != ("v1", "ReplicationController"):
        spot.at("apiVersion").invalid(version, "apiVersion must specify API group")


def _object(spot: Spot, found: Obj) -> None:
    reference(spot.at("describedObject"), found.get("describedObject") or {}, grouped=False)
    target = _measured(spot, found)
    if target.get("value") is None and target.get("averageValue") is None:
        spot.at("target").at("averageValue").required("must set either a target value or averageValue")


def _external(spot: Spot, found: Obj) -> None:
    target = _measured(spot, found)
    total, each = target.get("value") is not None, target.get("averageValue") is not None
    if not total and not each:
        spot.at("target").at("averageValue").required("must set either a target value for metric or a per-pod target")
    if total and each:
        spot.at("target").at("value").forbidden("may not set both a target value for metric and a per-pod target")


def _pods(spot: Spot, found: Obj) -> None:
    target = _measured(spot, found)
    if target.get("averageValue") is None or not _positive(target["averageValue"]):
        spot.at("target").at("averageValue").required("must specify a positive target averageValue")


def _resource(spot: Spot, found: Obj) -> None:
    if not found.get("name"):
        spot.at("name").required("must specify a resource name")
    _share(spot, found)


def _container_resource(spot: Spot, found: Obj) -> None:
    if not found.get("name"):
        spot.at("name").required("must specify a resource name")
    if not found.get("container"):
        spot.at("container").required("must specify a container")
    _share(spot, found)


CHECKS: Final = {
    "object": _object, "external": _external, "pods": _pods, "resource": _resource,
    "containerResource": _container_resource,
}  # in the order in which Kubernetes looks at them


def _share(spot: Spot, found: Obj) -> None:
    target = found.get("target") or {}
    _target(spot.at("target"), target)
    percent, amount = target.get("averageUtilization") is not None, target.get("averageValue") is not None
    if not percent and not amount:
        why = "must set either a target raw value or a target utilization"
        spot.at("target").at("averageUtilization").required(why)
    if percent and amount:
        spot.at("target").at("averageValue").forbidden(
            "may not set both a target raw value and a target utilization")


def _measured(spot: Spot, found: Obj) -> Obj:
    """Check a metric's name and its target; return the latter."""
    name = (found.get("metric") or {}).get("name") or ""
    if not name:
        spot.at("metric").at("name").required("must specify a metric name")
    else:
        spot.at("metric").at("name").each(name, formats.path_segment(name))
    target: Obj = found.get("target") or {}
    _target(spot.at("target"), target)
    return target


def _target(spot: Spot, target: Obj) -> None:
    kind = target.get("type") or ""
    if not kind:
        spot.at("type").required("must specify a metric target type")
    if kind not in TARGETS:
        spot.at("type").invalid(kind, "must be either Utilization, Value, or AverageValue")
    for name in ("value", "averageValue"):
        if target.get(name) is not None and not _positive(target[name]):
            spot.at(name).invalid(target[name], "must be positive")
    percent = target.get("averageUtilization")
    if percent is not None and percent < 1:
        spot.at("averageUtilization").invalid(percent, "must be greater than 0")


def _positive(text: str) -> bool:
    return parse(text) > ZERO
