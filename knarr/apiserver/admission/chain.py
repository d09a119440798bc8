"""Run the rules that concern a write, in order. Which those are is a table.

    admit(admission)     before validation: completes the object, or refuses it
    checked(admission)   after validation: refuses what is whole but not allowed, and says where to store the rest
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

from knarr.apiserver.admission import (
    certificates,
    flows,
    ingress_class,
    limits,
    namespace_lifecycle,
    node_restriction,
    nodes,
    pod_security,
    priority,
    quota,
    runtime_class,
    service_account,
    tolerations,
    topology,
    volumes,
)
from knarr.apiserver.admission.judges import judges
from knarr.apiserver.admission.words import Admission, Step
from knarr.store.face import Draft, Entry

Table: TypeAlias = dict[tuple[str, str, str], tuple[Step, ...]]

POD_CREATE: tuple[Step, ...] = (
    node_restriction.restrict,
    limits.fill,
    service_account.admit,
    priority.admit,
    tolerations.admit,
    runtime_class.admit,
    topology.label,
)
ONLY_OWN: tuple[Step, ...] = (node_restriction.restrict,)
STEPS: Table = {
    ("", "pods", "create"): POD_CREATE,
    ("", "pods", "update"): (node_restriction.restrict, tolerations.admit),
    ("", "pods", "delete"): (node_restriction.restrict,),
    ("", "nodes", "create"): (node_restriction.restrict, nodes.taint),
    ("", "nodes", "update"): (node_restriction.restrict,),
    ("", "nodes", "delete"): (node_restriction.restrict,),
    ("coordination.k8s.io", "leases", "create"): (node_restriction.restrict,),
    ("coordination.k8s.io", "leases", "update"): (node_restriction.restrict,),
    ("coordination.k8s.io", "leases", "delete"): (node_restriction.restrict,),
    **{("storage.k8s.io", "csinodes", operation): ONLY_OWN for operation in ("create", "update", "delete")},
    **{("resource.k8s.io", "resourceslices", operation): ONLY_OWN for operation in ("create", "update", "delete")},
    ("", "persistentvolumeclaims", "create"): (volumes.default_class, volumes.protect),
    ("", "persistentvolumeclaims", "update"): ONLY_OWN,
    ("", "persistentvolumes", "create"): (volumes.protect,),
    ("storage.k8s.io", "volumeattributesclasses", "create"): (volumes.protect,),
    ("certificates.k8s.io", "certificatesigningrequests", "create"): (
        certificates.own,
        certificates.restrict_subject,
        node_restriction.restrict,
    ),
    ("certificates.k8s.io", "certificatesigningrequests", "update"): (certificates.date,),
    ("networking.k8s.io", "ingresses", "create"): (ingress_class.default_class,),
    ("scheduling.k8s.io", "priorityclasses", "create"): (priority.one_default,),
    ("scheduling.k8s.io", "priorityclasses", "update"): (priority.one_default,),
}
TEMPLATE: tuple[Step, ...] = (pod_security.template,)
FLOWS = tuple(("flowcontrol.apiserver.k8s.io", plural) for plural in ("flowschemas", "prioritylevelconfigurations"))
CHECKS: Table = {
    ("", "namespaces", "create"): (pod_security.namespace,),
    ("", "namespaces", "update"): (pod_security.namespace,),
    ("", "pods", "create"): (limits.check_pod, pod_security.pod),
    ("", "pods", "update"): (limits.check_pod, pod_security.pod),
    ("", "persistentvolumeclaims", "create"): (limits.check_claim,),
    ("", "persistentvolumeclaims", "update"): (limits.check_claim, volumes.resize),
    **{(*row, operation): (flows.fixed,) for row in FLOWS for operation in ("create", "update")},
    **{(*row, operation): TEMPLATE for row in pod_security.TEMPLATES for operation in ("create", "update")},
}


async def admit(admission: Admission) -> None:
    """Complete the object in place, or raise the refusal of the first rule that objects."""
    core = admission.core
    with core.admissions.step("admit", admission.operation, core.clock):
        await namespace_lifecycle.admit(admission)
        await _complete(admission)
        if core.configured.active:
            await judges().mutate(admission, _complete)


async def _complete(admission: Admission) -> None:
    key = (admission.kind.group, admission.kind.plural, admission.operation)
    for step in (*STEPS.get(key, ()), *admission.core.checks.get(key, ())):
        await step(admission)


class Writes(Protocol):
    """Where an admitted object goes: the store, or where it is charged on its way there."""

    async def insert(self, key: str, draft: Draft) -> Entry: ...
    async def replace(self, key: str, draft: Draft, *, expect: int) -> Entry: ...


async def checked(admission: Admission) -> Writes:
    """Refuse what may not be stored; return where to store the rest, which may still be Forbidden for what it costs."""
    core = admission.core
    with core.admissions.step("validate", admission.operation, core.clock) as timed:
        for step in CHECKS.get((admission.kind.group, admission.kind.plural, admission.operation), ()):
            await step(admission)
        if core.configured.active:
            await judges().validate(admission)
        return quota.till(admission, timed) or core.store
