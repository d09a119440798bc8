"""What the server owns in a Pod. Source: kube pkg/registry/core/pod/strategy.go, apis/core/helper/qos."""

from __future__ import annotations

from typing import Any, Final

from knarr.api import quantity

QOS_RESOURCES: Final = ("cpu", "memory")


def create(draft: dict[str, Any]) -> None:
    """Start pending, in the quality-of-service class that the resources give; a gated pod says so."""
    spec = draft["spec"]
    status: dict[str, Any] = {"phase": "Pending", "qosClass": qos_class(spec)}
    if spec.get("schedulingGates"):
        status["conditions"] = [_gated()]
    draft["status"] = status


def update(draft: dict[str, Any], old: dict[str, Any]) -> None:
    """Keep the priority that admission gave, and the class that never changes."""
    spec, was = draft["spec"], old["spec"]
    for name in ("priority", "preemptionPolicy", "ephemeralContainers"):
        if name in was:
            spec.setdefault(name, was[name])


def update_status(draft: dict[str, Any], old: dict[str, Any]) -> None:
    """Keep the spec and the owners; the class is decided once."""
    draft["spec"] = old["spec"]
    if "ownerReferences" in old["metadata"]:
        draft["metadata"]["ownerReferences"] = old["metadata"]["ownerReferences"]
    else:
        draft["metadata"].pop("ownerReferences", None)
    status = draft.setdefault("status", {})
    was = old.get("status", {}).get("qosClass")
    if was and not status.get("qosClass"):
        status["qosClass"] = was
    _agree_on_addresses(status)


def _agree_on_addresses(status: dict[str, Any]) -> None:
    """Let `podIPs` begin with `podIP`, which counts where they differ. Source: kube core/v1/conversion.go."""
    first, every = status.get("podIP"), status.get("podIPs") or []
    if first and (not every or every[0].get("ip") != first):
        status["podIPs"] = [{"ip": first}]
    elif every and not first:
        status["podIP"] = every[0].get("ip")


def ephemeral_containers(draft: dict[str, Any], old: dict[str, Any]) -> None:
    """Take only the ephemeral containers from the draft."""
    added = draft["spec"].get("ephemeralContainers")
    draft["spec"] = dict(old["spec"])
    draft["spec"].pop("ephemeralContainers", None)
    if added:
        draft["spec"]["ephemeralContainers"] = added
    _keep_rest(draft, old)


def resize(draft: dict[str, Any], old: dict[str, Any]) -> None:
    """Take only the resources of the pod and its containers from the draft."""
    spec = _resized_whole(old["spec"], draft["spec"])
    for group in ("containers", "initContainers"):
        now, was = draft["spec"].get(group) or [], spec.get(group) or []
        if [item.get("name") for item in now] != [item.get("name") for item in was]:
            break  # left as it is, so that validation can say what is wrong
        if group in spec:
            spec[group] = [_resized(item, wanted) for item, wanted in zip(was, now, strict=True)]
    else:
        draft["spec"] = spec
    _keep_rest(draft, old)


def grace_s(obj: dict[str, Any], options: dict[str, Any]) -> int:
    """Return how long the pod may take to stop, seconds; 0 if nothing runs. Source: strategy.CheckGracefulDelete."""
    spec = obj.get("spec", {})
    wanted = options.get("gracePeriodSeconds")
    if wanted is None:
        wanted = spec.get("terminationGracePeriodSeconds", 0)
    if not spec.get("nodeName") or obj.get("status", {}).get("phase") in ("Failed", "Succeeded"):
        return 0
    return int(wanted) if wanted >= 0 else 1


def qos_class(spec: dict[str, Any]) -> str:
    """Return Guaranteed, Burstable or BestEffort.

    Guaranteed: every container limits processor and memory and requests as much. BestEffort: none asks for anything.
    """
    if "resources" in spec:
        parts = [spec["resources"]]
    else:
        containers = (*spec.get("containers", ()), *spec.get("initContainers", ()))
        parts = [item.get("resources") or {} for item in containers]
    asks = limited = False
    guaranteed = True
    for resources in parts:
        requests, limits = _positive(resources.get("requests")), _positive(resources.get("limits"))
        asks = asks or bool(requests)
        limited = limited or bool(limits)
        guaranteed = guaranteed and len(limits) == len(QOS_RESOURCES) and requests == limits
    if not asks and not limited:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _positive(amounts: dict[str, Any] | None) -> dict[str, Any]:
    if not amounts:
        return {}
    parsed = {name: quantity.parse(amounts[name]).nano for name in QOS_RESOURCES if name in amounts}
    return {name: value for name, value in parsed.items() if value > 0}


def _resized(item: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    changed = dict(item)
    for name in ("resources", "resizePolicy"):
        changed.pop(name, None)
        if name in wanted:
            changed[name] = wanted[name]
    return changed


def _resized_whole(spec: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in spec.items() if name != "resources"}
    return {**rest, "resources": wanted["resources"]} if wanted.get("resources") else rest


def _keep_rest(draft: dict[str, Any], old: dict[str, Any]) -> None:
    draft["status"] = old.get("status", {})
    for name in ("labels", "annotations", "finalizers", "ownerReferences"):
        if name in old["metadata"]:
            draft["metadata"][name] = old["metadata"][name]
        else:
            draft["metadata"].pop(name, None)


def _gated() -> dict[str, Any]:
    return {
        "type": "PodScheduled", "status": "False", "lastProbeTime": None, "lastTransitionTime": None,
        "reason": "SchedulingGated", "message": "Scheduling is blocked due to non-empty scheduling gates",
    }
