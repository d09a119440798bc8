"""Check a change of a pod's resources in place.

Source: kube pkg/apis/core/validation/validation.go, ValidatePodResize.
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api.strategy.pod import QOS_RESOURCES, qos_class
from knarr.api.validation.goview import difference
from knarr.api.validation.pod import pod_spec
from knarr.api.validation.spot import Spot

Obj = dict[str, Any]
MIRROR: Final = "kubernetes.io/config.mirror"
SIDES: Final = ("limits", "requests")


def resize_update(root: Spot, new: Obj, old: Obj) -> None:
    """Check a resize: only processor and memory change, and the class of service stays."""
    spot, now, was = root.at("spec"), new["spec"], old["spec"]
    pod_spec(spot, now)
    if MIRROR in (old["metadata"].get("annotations") or {}):
        root.forbidden("static pods cannot be resized")
        return
    if not _same_containers(spot, now, was):
        return
    for group in ("containers", "initContainers"):
        for number, (item, before) in enumerate(zip(now.get(group) or (), was.get(group) or (), strict=True)):
            _container(spot.at(group).index(number).at("resources"), item, before,
                       fixed=group == "initContainers" and item.get("restartPolicy") != "Always")
    _container(spot.at("resources"), now, was, fixed=False)
    before_class, after_class = (old.get("status") or {}).get("qosClass") or qos_class(was), qos_class(now)
    if before_class != after_class:
        spot.invalid(after_class, "Pod QOS Class may not change as a result of resizing")
    kept = _without_amounts(now, was)
    if kept != was:
        spot.forbidden(f"only cpu and memory resources are mutable\n{difference('PodSpec', was, kept)}")


def _same_containers(spot: Spot, now: Obj, was: Obj) -> bool:
    for group in ("containers", "initContainers"):
        names, before = ([item.get("name") for item in spec.get(group) or ()] for spec in (now, was))
        if len(names) != len(before):
            spot.forbidden(f"{group} may not be added or removed")
            return False
        if names != before:
            spot.forbidden(f"{group} may not be renamed or reordered")
            return False
    return True


def _container(spot: Spot, now: Obj, was: Obj, *, fixed: bool) -> None:
    after, before = now.get("resources") or {}, was.get("resources") or {}
    if fixed:
        if after != before:
            spot.forbidden("resources for non-sidecar init containers are immutable")
        return
    for side in SIDES:
        had, has = before.get(side) or {}, after.get(side) or {}
        if any(name in had and name not in has for name in QOS_RESOURCES):
            spot.at(side).forbidden(f"resource {side} cannot be removed")


def _without_amounts(now: Obj, was: Obj) -> Obj:
    """Return the new spec with the amounts that may change put back: what differs now may not."""
    kept = _put_back(now, was, names=("resources",))
    for group in ("containers", "initContainers"):
        if group in now:
            pairs = zip(now[group], was[group], strict=True)
            kept[group] = [_put_back(item, before) for item, before in pairs]
    return kept


def _put_back(item: Obj, before: Obj, names: tuple[str, ...] = ("resources", "resizePolicy")) -> Obj:
    put = dict(item)
    resources, had = dict(item.get("resources") or {}), before.get("resources") or {}
    for side in SIDES:
        amounts = {name: value for name, value in (resources.get(side) or {}).items() if name not in QOS_RESOURCES}
        amounts |= {name: value for name, value in (had.get(side) or {}).items() if name in QOS_RESOURCES}
        resources.pop(side, None)
        if amounts:
            resources[side] = amounts
    for name in names:
        value = resources if name == "resources" else before.get(name)
        put.pop(name, None)
        if value is not None and (name != "resources" or "resources" in before or value):
            put[name] = value
    return put
