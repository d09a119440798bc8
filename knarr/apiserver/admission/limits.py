"""Give containers the default amounts of their namespace's LimitRanges, and refuse what lies outside of their bounds.

Source: kube plugin/pkg/admission/limitranger/admission.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from knarr.api import podresources
from knarr.api.podresources import Amounts, amounts
from knarr.api.quantity import NANO, Quantity
from knarr.apiserver.admission.words import Admission

Obj = dict[str, Any]
NOTE: Final = "kubernetes.io/limit-ranger"
ZERO: Final = Quantity(0)


async def fill(a: Admission) -> None:
    """Complete a new pod's containers, and note in the pod what was done."""
    for limit_range in a.siblings("", "limitranges"):
        _fill(a.obj, limit_range)


async def check_pod(a: Admission) -> None:
    """Refuse a pod that lies outside of any LimitRange. Changes other than of size are not looked at."""
    if a.operation == "update" and a.subresource != "resize":
        return
    for limit_range in a.siblings("", "limitranges"):
        faults = [fault for item in _items(limit_range) for fault in _pod_faults(item, a.obj["spec"])]
        _refuse(a, faults)


async def check_claim(a: Admission) -> None:
    """Refuse a claim that asks for too little or too much."""
    if a.subresource:
        return
    for limit_range in a.siblings("", "limitranges"):
        items = [item for item in _items(limit_range) if item.get("type") == "PersistentVolumeClaim"]
        asked = amounts((a.obj["spec"].get("resources") or {}).get("requests"))
        _refuse(a, [fault for item in items for fault in _claim_faults(item, asked)])


def _items(limit_range: Obj) -> list[Obj]:
    return list((limit_range.get("spec") or {}).get("limits") or ())


def _refuse(a: Admission, faults: list[str]) -> None:
    distinct = list(dict.fromkeys(faults))
    if distinct:
        raise a.refuse(distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]")


def _fill(pod: Obj, limit_range: Obj) -> None:
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}
    for item in _items(limit_range):
        if item.get("type") == "Container":
            requests.update(item.get("defaultRequest") or {})
            limits.update(item.get("default") or {})
    every = [("container", one) for one in pod["spec"].get("containers") or ()]
    every += [("init container", one) for one in pod["spec"].get("initContainers") or ()]
    notes = []
    for word, container in every:
        for side, wanted in (("requests", requests), ("limits", limits)):
            added = _add(container, side, wanted)
            if added:
                notes.append(f"{', '.join(added)} {side[:-1]} for {word} {container['name']}")
    if notes:
        pod["metadata"].setdefault("annotations", {})[NOTE] = f"LimitRanger plugin set: {'; '.join(notes)}"


def _add(container: Obj, side: str, wanted: Mapping[str, str]) -> list[str]:
    """Add amounts a container does not name; return their names, sorted."""
    present = (container.get("resources") or {}).get(side) or {}
    missing = sorted(name for name in wanted if name not in present)
    if missing:
        resources = container.setdefault("resources", {})
        resources[side] = {**present, **{name: wanted[name] for name in missing}}
    return missing


def _pod_faults(item: Obj, spec: Obj) -> Iterator[str]:
    if item.get("type") == "Container":
        for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
            requests, limits = (podresources.of_container(container, side) for side in ("requests", "limits"))
            yield from _bounds(item, requests, limits)
    elif item.get("type") == "Pod":
        yield from _bounds(item, podresources.total(spec, "requests"), podresources.total(spec, "limits"))


def _bounds(item: Obj, requests: Amounts, limits: Amounts) -> Iterator[str]:
    kind = item["type"]
    for name, least in sorted(amounts(item.get("min")).items()):
        said = f"minimum {name} usage per {kind} is {least}"
        yield from _too_little(said, least, requests.get(name), limits.get(name))
    for name, greatest in sorted(amounts(item.get("max")).items()):
        said = f"maximum {name} usage per {kind} is {greatest}"
        yield from _too_much(said, greatest, requests.get(name), limits.get(name))
    for name, ratio in sorted(amounts(item.get("maxLimitRequestRatio")).items()):
        said = f"{name} max limit to request ratio per {kind} is {ratio}"
        yield from _too_far_apart(said, ratio, requests.get(name), limits.get(name))


def _too_little(said: str, least: Quantity, request: Quantity | None, limit: Quantity | None) -> Iterator[str]:
    if request is None:
        yield f"{said}.  No request is specified"
    elif request < least:
        yield f"{said}, but request is {request}"
    elif limit is not None and limit < least:
        yield f"{said}, but limit is {limit}"


def _too_much(said: str, greatest: Quantity, request: Quantity | None, limit: Quantity | None) -> Iterator[str]:
    if limit is None:
        yield f"{said}.  No limit is specified"
    elif limit > greatest:
        yield f"{said}, but limit is {limit}"
    elif request is not None and request > greatest:
        yield f"{said}, but request is {request}"


def _too_far_apart(said: str, most: Quantity, request: Quantity | None, limit: Quantity | None) -> Iterator[str]:
    if request is None or request == ZERO:
        yield f"{said}, but no request is specified or request is 0"
    elif limit is None or limit == ZERO:
        yield f"{said}, but no limit is specified or limit is 0"
    elif limit.nano * NANO > most.nano * request.nano:
        yield f"{said}, but provided ratio is {limit.nano / request.nano:f}"


def _claim_faults(item: Obj, asked: Amounts) -> Iterator[str]:
    for name, least in sorted(amounts(item.get("min")).items()):
        said = f"minimum {name} usage per PersistentVolumeClaim is {least}"
        if name not in asked:
            yield f"{said}.  No request is specified"
        elif asked[name] < least:
            yield f"{said}, but request is {asked[name]}"
    for name, greatest in sorted(amounts(item.get("max")).items()):
        said = f"maximum {name} usage per PersistentVolumeClaim is {greatest}"
        if name not in asked:
            yield f"{said}.  No request is specified"
        elif asked[name] > greatest:
            yield f"{said}, but request is {asked[name]}"
