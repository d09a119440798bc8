"""Read a pod's state as controllers do. Pure. Source: kube pkg/api/v1/pod/util.go and controller_utils.go."""

from __future__ import annotations

from knarr.api.types.core_v1 import Pod, PodCondition, PodTemplateSpec
from knarr.api.types.meta_v1 import ObjectMeta, OwnerReference
from knarr.base.times import seconds


def condition(pod: Pod, type: str) -> PodCondition | None:
    """Return one of a pod's conditions, or None."""
    return next((held for held in pod.status.conditions if held.type == type), None)


def is_ready(pod: Pod) -> bool:
    """Tell whether the pod's Ready condition is True."""
    held = condition(pod, "Ready")
    return held is not None and held.status == "True"


def is_finished(pod: Pod) -> bool:
    """Tell whether the pod has ended for good."""
    return pod.status.phase in ("Succeeded", "Failed")


def is_terminating(pod: Pod) -> bool:
    """Tell whether the pod is being deleted."""
    return pod.metadata.deletionTimestamp is not None


def is_active(pod: Pod) -> bool:
    """Tell whether the pod counts as a replica: it has not ended, and is not being deleted."""
    return not is_finished(pod) and not is_terminating(pod)


def available_in_s(pod: Pod, min_ready_s: int, *, now_s: float) -> float | None:
    """Return the seconds until the pod counts as available: 0 when it does, None while it is not ready."""
    held = condition(pod, "Ready")
    if held is None or held.status != "True":
        return None
    if min_ready_s == 0 or held.lastTransitionTime is None:
        return 0.0 if min_ready_s == 0 else None
    return max(0.0, seconds(held.lastTransitionTime) + min_ready_s - now_s)


def is_available(pod: Pod, min_ready_s: int, *, now_s: float) -> bool:
    """Tell whether the pod has been ready for `min_ready_s`."""
    return available_in_s(pod, min_ready_s, now_s=now_s) == 0.0


def from_template(template: PodTemplateSpec, meta: ObjectMeta, *, owner: OwnerReference) -> Pod:
    """Return the pod a template makes; `meta` brings name and namespace."""
    made = ObjectMeta(
        name=meta.name, generateName=meta.generateName, namespace=meta.namespace, ownerReferences=(owner,),
        labels=dict(template.metadata.labels), annotations=dict(template.metadata.annotations),
        finalizers=template.metadata.finalizers,
    )
    return Pod(metadata=made, spec=template.spec)
