"""Judge what operators' deeds lead to: namespaces go, nodes are closed, pods are evicted, daemons are counted.

Each judge is told what a write has changed, and returns what is broken by it.
"""

from __future__ import annotations

from knarr.sim.ledger import Ledger
from knarr.sim.mirror import Object, is_active, is_evicted, is_going, is_ready, name_of, owner, owner_uid

WRITING_S = 10.0     # longer than one request takes that the server has begun to answer


def judge_namespace(laws: Ledger, old: Object | None, new: Object | None) -> list[str]:
    """A namespace goes last."""
    if new is not None or old is None:
        return []
    name = old["metadata"]["name"]
    left = [obj for obj in laws.mirror.objects.values() if obj["metadata"].get("namespace") == name]
    return [f"{name_of(old)} is gone, and {name_of(left[0])} is left of {len(left)}"] if left else []


def judge_node(laws: Ledger, old: Object | None, new: Object | None) -> list[str]:
    """Remember which nodes take pods."""
    if new is not None:
        laws.note_closed(new["metadata"]["name"], closed=bool(new["spec"].get("unschedulable")))
    return []


def closed_to(laws: Ledger, pod: Object) -> list[str]:
    """Judge a pod that was just bound: not to a node that was closed long ago."""
    node = pod["spec"]["nodeName"]
    if owner(pod).get("kind") == "DaemonSet" or not laws.is_closed(node):
        return []
    return [f"{name_of(pod)} was bound to {node}, which is closed"]


def judge_eviction(laws: Ledger, old: Object, new: Object) -> list[str]:
    """A healthy pod that is evicted is written down in its budget, and what that protects keeps as many as it must."""
    if is_going(old) or not is_going(new) or not is_evicted(new) or not laws.is_older(new, WRITING_S):
        return []
    meta = new["metadata"]
    budgets = [one for one in laws.mirror.all("poddisruptionbudgets")
               if one["metadata"]["namespace"] == meta["namespace"] and laws.is_older(one, WRITING_S)
               and one["spec"]["selector"]["matchLabels"].items() <= meta.get("labels", {}).items()]
    if len(budgets) != 1:
        return []
    faults = []
    if meta["name"] not in (budgets[0]["status"].get("disruptedPods") or {}):
        faults.append(f"{name_of(new)} was evicted past {name_of(budgets[0])}")
    return [*faults, *_left(laws, new, budgets[0])]


def _left(laws: Ledger, pod: Object, budget: Object) -> list[str]:
    """Count the healthy pods of a Deployment that nothing but evictions has harmed."""
    made_by = laws.mirror.by_uid(owner_uid(pod))
    deployment = laws.mirror.by_uid(owner_uid(made_by)) if made_by is not None else None
    if deployment is None or not laws.is_unharmed(deployment["metadata"]["uid"], but_by_eviction=True):
        return []
    healthy = sum(is_active(one) and is_ready(one) for one in laws.mirror.deployment_pods(deployment))
    floor = deployment["spec"]["replicas"] - budget["spec"]["maxUnavailable"]
    return [f"{name_of(deployment)} is left with {healthy} pods by evictions, "
            f"{name_of(budget)} asks for {floor}"] if healthy < floor else []


def judge_budget(laws: Ledger, old: Object | None, new: Object | None) -> list[str]:
    """A budget gives no more than it has."""
    laws.note_age(new)
    status = new["status"] if new is not None else {}
    if "disruptionsAllowed" not in status:
        return []
    spare = max(0, status["currentHealthy"] - status["desiredHealthy"])
    given = status["disruptionsAllowed"]
    return [f"{name_of(new or {})} allows {given} disruptions of {spare}"] if not 0 <= given <= spare else []


def judge_daemonset(laws: Ledger, old: Object | None, new: Object | None) -> list[str]:
    """No count is below nothing, and none of them exceeds what it is a part of."""
    if new is None:
        return []
    status = new["status"]
    ready, here = status.get("numberReady", 0), status.get("currentNumberScheduled", 0)
    wanted, available = status.get("desiredNumberScheduled", 0), status.get("numberAvailable", 0)
    right = 0 <= available <= ready <= here <= wanted
    return [] if right else [f"{name_of(new)} counts {available} available, {ready} ready, {here} of {wanted}"]
