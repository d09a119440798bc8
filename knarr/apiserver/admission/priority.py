"""Turn a pod's priority class into numbers. Source: kube plugin/pkg/admission/priority/admission.go."""

from __future__ import annotations

from knarr.apiserver.admission.words import Admission, Obj

ORDINARY = 0
POLICY = "PreemptLowerPriority"


async def admit(a: Admission) -> None:
    """Set priority and preemption policy of a new pod; refuse an unknown class or a number of the client's own."""
    spec = a.obj["spec"]
    found = chosen(a, spec)
    value = found["value"] if found else ORDINARY
    policy = (found.get("preemptionPolicy") if found else None) or POLICY
    if spec.get("priority") is not None and spec["priority"] != value:
        raise a.refuse(
            f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; "
            f"priority admission controller computed {value} from the given PriorityClass name"
        )
    if spec.get("preemptionPolicy") is not None and spec["preemptionPolicy"] != policy:
        raise a.refuse(
            f"the string value of PreemptionPolicy ({spec['preemptionPolicy']}) must not be provided in pod spec; "
            f"priority admission controller computed {policy} from the given PriorityClass name"
        )
    spec["priority"], spec["preemptionPolicy"] = value, policy


async def one_default(a: Admission) -> None:
    """Refuse a second class that is everybody's default."""
    if not a.obj.get("globalDefault"):
        return
    others = [one for one in a.every("scheduling.k8s.io", "priorityclasses") if one["metadata"]["name"] != a.name]
    present = next((one["metadata"]["name"] for one in others if one.get("globalDefault")), None)
    if present is not None:
        raise a.refuse(f"PriorityClass {present} is already marked as default. Only one default can exist")


def chosen(a: Admission, spec: Obj) -> Obj | None:
    """Return the pod's class, or the cluster's default one, or None."""
    name = spec.get("priorityClassName")
    if name:
        found = a.find("scheduling.k8s.io", "priorityclasses", name)
        if found is None:
            raise a.refuse(f"no PriorityClass with name {name} was found")
        return found
    defaults = [one for one in a.every("scheduling.k8s.io", "priorityclasses") if one.get("globalDefault")]
    if not defaults:
        return None
    lowest = min(defaults, key=lambda one: int(one["value"]))
    spec["priorityClassName"] = lowest["metadata"]["name"]
    return lowest
