"""Evict a pod: delete it if no disruption budget objects.

Source: kube registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from knarr.api import kinds, selectors
from knarr.api.errors import BadRequest, Internal, TooManyRequests
from knarr.api.http import Answer
from knarr.api.kinds import Kind
from knarr.apiserver import bodies
from knarr.apiserver.admission.node_restriction import restrict
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.binding import CREATED, POD
from knarr.apiserver.changes import Changer
from knarr.apiserver.core import Request
from knarr.apiserver.deletes import Deleter
from knarr.store.face import Entry

Obj = dict[str, Any]
CANNOT = "Cannot evict pod as it would violate the pod's disruption budget."
RETRY_AFTER_S = 10
UNCOUNTED_PHASES = frozenset({"Succeeded", "Failed", "Pending"})
EVICTED: Obj = {
    "type": "DisruptionTarget", "status": "True",
    "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting",
}  # Source: kube registry/core/pod/storage/eviction.go, addConditionAndDeletePod


@dataclass(frozen=True, slots=True)
class Evictor:
    """The verb `create` of the subresource."""

    changer: Changer
    deleter: Deleter

    async def create(self, request: Request) -> Answer:
        """Evict; 201 with a Status; 429 if a budget allows no disruption now."""
        eviction = bodies.read(request, EVICTION)
        name = request.target.name
        said = eviction["metadata"].get("name")
        if said and said != name:
            raise BadRequest(f"name in URL does not match name in Eviction object: {name} != {said}")
        options = eviction.get("deleteOptions") or {}
        dry = request.dry_run or options.get("dryRun") == ["All"]
        entry = self.changer.core.store.get(request.target.key)
        if entry is not None:
            await restrict(Admission(self.changer.core, request.user, POD, "create", entry.obj, subresource="eviction"))
        if entry is not None and counts(entry.obj):
            await self._spend(request.target.namespace, entry, dry_run=dry)
            options = options if dry else await self._marked(entry, options)
        await self.deleter.remove(POD, request.target.key, options, user=request.user, dry_run=dry, request=request)
        return Answer(201, CREATED)

    async def _marked(self, entry: Entry, options: Obj) -> Obj:
        """Write into the pod how it ends; return the deletion's options, which hold for the pod as it is now."""
        now, asked = self.changer.core.timestamp(), options.get("preconditions") or {}
        version = asked.get("resourceVersion")
        if version and version != str(entry.revision):
            return options      # the deletion refuses
        marked = await self.changer.edit(POD, entry.key, lambda pod: mark(pod, now))
        return {**options, "preconditions": {**asked, "resourceVersion": str(marked.revision)}} if version else options

    async def _spend(self, namespace: str, entry: Entry, *, dry_run: bool) -> None:
        """Take one disruption from the pod's budget, or refuse."""
        labels = entry.obj["metadata"].get("labels") or {}
        listed = self.changer.core.store.list(BUDGET.namespace_prefix(namespace)).entries
        budgets = [one for one in listed if selectors.of_object(one.obj["spec"].get("selector")).matches(labels)]
        if len(budgets) > 1:
            raise Internal(
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            )
        if not budgets or (not ready(entry.obj) and unready_may_go(budgets[0].obj)):
            return
        now, pod = self.changer.core.timestamp(), entry.obj["metadata"]["name"]
        if dry_run:
            disrupt(budgets[0].obj, pod, now)
            return
        await self.changer.edit(BUDGET, budgets[0].key, lambda budget: disrupt(budget, pod, now))


def mark(pod: Obj, now: str) -> None:
    """Write into a pod, in place, that it ends by eviction: a Job's pod failure policy looks at it."""
    conditions = pod.setdefault("status", {}).setdefault("conditions", [])
    held = next((one for one in conditions if one["type"] == EVICTED["type"]), None)
    if held is None:
        conditions.append({**EVICTED, "lastProbeTime": None, "lastTransitionTime": now})
    else:
        since = {} if held.get("status") == EVICTED["status"] else {"lastTransitionTime": now}
        held.update({**EVICTED, **since})


def counts(pod: Obj) -> bool:
    """Say whether budgets count the pod: it runs and is not being deleted."""
    phase = (pod.get("status") or {}).get("phase")
    return phase not in UNCOUNTED_PHASES and not pod["metadata"].get("deletionTimestamp")


def ready(pod: Obj) -> bool:
    """Say whether the pod's Ready condition is true."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def unready_may_go(budget: Obj) -> bool:
    """Say whether pods that are not ready may be evicted past the budget."""
    status = budget.get("status") or {}
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    return int(status.get("currentHealthy", 0)) >= int(status.get("desiredHealthy", 0)) > 0


def disrupt(budget: Obj, pod: str, now: str) -> None:
    """Count one disruption in the budget, in place; TooManyRequests if it has none to give."""
    meta, status = budget["metadata"], budget.setdefault("status", {})
    name = meta["name"]
    if status.get("observedGeneration", 0) < meta.get("generation", 0):
        why = f"The disruption budget {name} is still being processed by the server."
        raise refused(why, retry_after_s=RETRY_AFTER_S)
    if status.get("disruptionsAllowed", 0) <= 0:
        healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
        raise refused(f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently")
    status["disruptionsAllowed"] -= 1
    status["disruptedPods"] = {**(status.get("disruptedPods") or {}), pod: now}


def refused(why: str, *, retry_after_s: int = 0) -> TooManyRequests:
    """Word the 429."""
    details: Obj = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
    if retry_after_s:
        details["retryAfterSeconds"] = retry_after_s
    return TooManyRequests(CANNOT, details)


def _kinds() -> tuple[Kind, Kind]:
    budget, eviction = (
        kinds.by_resource("policy", "v1", "poddisruptionbudgets"),
        kinds.by_kind("policy", "v1", "Eviction"),
    )
    assert budget is not None
    assert eviction is not None
    return budget, eviction


BUDGET, EVICTION = _kinds()
