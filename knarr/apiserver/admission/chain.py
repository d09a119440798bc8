"""Run the rules that concern a write, in order. Which those are is a table."""

from __future__ import annotations

from knarr.apiserver.admission import (
    namespace_lifecycle,
    nodes,
    priority,
    runtime_class,
    service_account,
    tolerations,
    volumes,
)
from knarr.apiserver.admission.words import Admission, Step

POD_CREATE: tuple[Step, ...] = (
    service_account.admit,
    nodes.restrict,
    priority.admit,
    tolerations.admit,
    runtime_class.admit,
)
STEPS: dict[tuple[str, str, str], tuple[Step, ...]] = {
    ("", "pods", "create"): POD_CREATE,
    ("", "pods", "update"): (nodes.restrict, tolerations.admit),
    ("", "pods", "delete"): (nodes.restrict,),
    ("", "nodes", "create"): (nodes.restrict, nodes.taint),
    ("", "nodes", "update"): (nodes.restrict,),
    ("", "nodes", "delete"): (nodes.restrict,),
    ("coordination.k8s.io", "leases", "create"): (nodes.restrict,),
    ("coordination.k8s.io", "leases", "update"): (nodes.restrict,),
    ("coordination.k8s.io", "leases", "delete"): (nodes.restrict,),
    ("", "persistentvolumeclaims", "create"): (volumes.default_class, volumes.protect),
    ("", "persistentvolumes", "create"): (volumes.protect,),
}


async def admit(admission: Admission) -> None:
    """Complete the object in place, or raise the refusal of the first rule that objects."""
    await namespace_lifecycle.admit(admission)
    key = (admission.kind.group, admission.kind.plural, admission.operation)
    for step in (*STEPS.get(key, ()), *admission.core.checks.get(key, ())):
        await step(admission)
