"""Give a pod what its RuntimeClass brings along: overhead, and the nodes that can run it.

Source: kube plugin/pkg/admission/runtimeclass/admission.go.
"""

from __future__ import annotations

from typing import Any

from knarr.apiserver.admission.words import Admission

Obj = dict[str, Any]


async def admit(a: Admission) -> None:
    """Complete a new pod; refuse a class that does not exist, or a pod that contradicts it."""
    spec = a.obj["spec"]
    name = spec.get("runtimeClassName")
    found = a.find("node.k8s.io", "runtimeclasses", name) if name else None
    if name and found is None:
        raise a.refuse(f'pod rejected: RuntimeClass "{name}" not found')
    _overhead(a, spec, (found or {}).get("overhead"))
    if found and found.get("scheduling"):
        _schedule(a, spec, found["scheduling"])


def _overhead(a: Admission, spec: Obj, overhead: Obj | None) -> None:
    given = spec.get("overhead") or {}
    if overhead is None:
        if given:
            raise a.refuse("pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")
        return
    fixed = overhead.get("podFixed") or {}
    if given and given != fixed:
        raise a.refuse("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
    if fixed:
        spec["overhead"] = dict(fixed)


def _schedule(a: Admission, spec: Obj, scheduling: Obj) -> None:
    selector = dict(spec.get("nodeSelector") or {})
    for key, value in (scheduling.get("nodeSelector") or {}).items():
        if selector.setdefault(key, value) != value:
            raise a.refuse(
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                f"pod.spec.nodeSelector[{key}] = {selector[key]}"
            )
    if selector:
        spec["nodeSelector"] = selector
    present = spec.get("tolerations") or ()
    fresh = [dict(one) for one in scheduling.get("tolerations") or () if one not in present]
    if fresh:
        spec["tolerations"] = [*present, *fresh]
