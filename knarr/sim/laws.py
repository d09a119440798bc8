"""Judge every committed write: what must never be, however many faults strike.

A part may act on what it knew LATE_S ago: a bound that was just lowered is not broken by a write already on its way.
Nor is one that a sender broke for want of an answer (`doubted`): Kubernetes' own controllers could not know either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from knarr.base.clock import Clock
from knarr.node.cri.face import Sandbox
from knarr.sim.laws_upkeep import closed_to, judge_budget, judge_daemonset, judge_eviction, judge_namespace, judge_node
from knarr.sim.ledger import Ledger
from knarr.sim.mirror import (
    FINAL,
    Object,
    holds,
    is_active,
    is_evicted,
    is_going,
    is_ready,
    name_of,
    owner,
    owner_uid,
)
from knarr.sim.story import Story
from knarr.store.face import Change

INDEX = "batch.kubernetes.io/job-completion-index"


class Laws(Ledger):
    """Hears every batch as it becomes durable; what is broken stands in `broken`."""

    def __init__(self, clock: Clock, story: Story) -> None:
        super().__init__(clock)
        self.broken: list[str] = []
        self.writes: Counter[str] = Counter()          # by plural: who writes without end is found here
        self._story = story
        self._revision = 0

    def heard(self, changes: tuple[Change, ...]) -> None:
        """Judge a batch."""
        for change in changes:
            if change.entry.revision <= self._revision:
                self._break(f"{change.entry.key}: revision {change.entry.revision} came after {self._revision}")
            self._revision = change.entry.revision
            plural = change.entry.key.split("/", 3)[2]
            self.writes[plural] += 1
            old, new = self.mirror.take(change)
            if plural in JUDGES and (old is not None or new is not None):
                for fault in JUDGES[plural](self, old, new):
                    self._break(fault)

    def lived(self, pod: Sandbox, nodes: list[str]) -> None:
        """Judge that containers of a pod's name run on these nodes."""
        if len(nodes) > 1 and not self.is_forced(pod.namespace, pod.name):
            self._break(f"Pod {pod.namespace}/{pod.name} runs on {', '.join(nodes)} at the same time")

    def _break(self, fault: str) -> None:
        self.broken.append(fault)
        self._story.tell("LAW", f"broken: {fault}")


def judge_pod(laws: Ledger, old: Object | None, new: Object | None) -> list[str]:
    """One node, one end, and no more of them than their owner may have."""
    note_harm(laws, old, new)
    laws.note_age(new, holds=new is not None and is_ready(new))
    if new is None:
        return []
    if old is None:
        return [*too_many(laws, new), *over_quota(laws, new)]
    faults = judge_eviction(laws, old, new)
    was, now = old["spec"].get("nodeName"), new["spec"].get("nodeName")
    if was and was != now:
        faults.append(f"{name_of(new)} was bound to {was} and then to {now}")
    elif now and not was:
        faults += closed_to(laws, new)
    ended, phase = old["status"].get("phase"), new["status"].get("phase")
    if ended in FINAL and phase != ended:
        faults.append(f"{name_of(new)} had {ended} and then was {phase}")
    if phase == "Succeeded" != ended and owner(new).get("kind") == "Job":
        laws.doubt(owner_uid(new), is_going(new))     # being deleted it may have been counted as failed already
        meta = new["metadata"]
        laws.succeeded.setdefault(owner_uid(new), set()).add(meta.get("annotations", {}).get(INDEX) or meta["uid"])
    return faults


def note_harm(laws: Ledger, old: Object | None, new: Object | None) -> None:
    """Note that a Deployment has lost a ready pod."""
    if old is None or not is_ready(old) or (new is not None and is_ready(new) and is_going(new) == is_going(old)):
        return
    made_by = laws.mirror.by_uid(owner_uid(old))
    if made_by is None or made_by["kind"] != "ReplicaSet" or (is_going(old) and is_evicted(old)):
        return
    if (new is None or is_going(new)) and holds(new or old, "DisruptionTarget"):
        laws.note_taken(owner_uid(old))
    by_eviction = new is not None and is_going(new) and is_evicted(new)
    (laws.harm_by_eviction if by_eviction else laws.harm)(owner_uid(made_by))


def replaced_late(laws: Ledger, one: Object) -> int:
    """Return how many pods a ReplicaSet may have replaced that are not wanted any more: so many were taken from it just
    now, and who replaces them may not have heard yet that it has become smaller.
    """
    uid: str = one["metadata"]["uid"]
    shrunk: int = laws.bound(uid) - one["spec"]["replicas"]
    return min(laws.taken(uid), shrunk)


def too_many(laws: Ledger, pod: Object) -> list[str]:
    """Judge a new pod by what its owner, or its owner's owner, allows."""
    made_by = laws.mirror.by_uid(owner_uid(pod))
    if made_by is None or made_by["kind"] == "DaemonSet":
        return []
    uids, pods, late = [made_by["metadata"]["uid"]], laws.mirror.owned(owner_uid(pod), "Pod"), 0
    deployment = laws.mirror.by_uid(owner_uid(made_by))
    if deployment is not None and deployment["kind"] == "Deployment":
        pods = laws.mirror.deployment_pods(deployment)
        sets = laws.mirror.owned(owner_uid(made_by), "ReplicaSet")
        uids, made_by = [one["metadata"]["uid"] for one in sets], deployment
        late = sum(replaced_late(laws, one) for one in sets)
    active = sum(map(is_active, pods))
    allowed = laws.bound(made_by["metadata"]["uid"]) + laws.doubts(*uids) + late
    return [f"{name_of(made_by)} has {active} pods, at most {allowed} are allowed"] if active > allowed else []


def over_quota(laws: Ledger, pod: Object) -> list[str]:
    """Judge a new pod by the quotas of its namespace."""
    namespace, faults = pod["metadata"]["namespace"], []
    for quota in laws.mirror.all("resourcequotas"):
        if quota["metadata"]["namespace"] != namespace or "pods" not in quota["spec"].get("hard", {}):
            continue
        used = sum(one["metadata"]["namespace"] == namespace and one["status"].get("phase") not in FINAL
                   for one in laws.mirror.all("pods"))
        hard = laws.bound(quota["metadata"]["uid"])
        if used > hard:
            faults.append(f"{name_of(quota)} allows {hard} pods, there are {used}")
    return faults


def judge_deployment(laws: Ledger, old: Object | None, new: Object | None) -> list[str]:
    """Remember what it allows."""
    if new is None or (old is not None and old["spec"] == new["spec"]):
        return []
    uid, replicas = new["metadata"]["uid"], new["spec"]["replicas"]
    laws.note_bound(uid, replicas + surge(new))
    laws.harm(uid)
    return []


def judge_replicaset(laws: Ledger, old: Object | None, new: Object | None) -> list[str]:
    """A rollout takes no more ready pods away than it may."""
    if new is None:
        return []
    laws.note_bound(new["metadata"]["uid"], new["spec"]["replicas"])
    deployment = laws.mirror.by_uid(owner_uid(new))
    now, before = new["spec"]["replicas"], old["spec"]["replicas"] if old is not None else 0
    if now >= before or deployment is None or not laws.is_unharmed(deployment["metadata"]["uid"]):
        return []
    own = sum(is_active(pod) and is_ready(pod) for pod in laws.mirror.owned(new["metadata"]["uid"], "Pod"))
    ready = sum(is_active(pod) and is_ready(pod) for pod in laws.mirror.deployment_pods(deployment))
    taken = max(0, min(own, before) - now)  # unready pods go first, and some may not have been made
    floor = deployment["spec"]["replicas"] - unavailable(deployment)
    if taken == 0 or ready - taken >= floor:
        return []
    return [f"{name_of(deployment)} is left with {ready - taken} ready pods, at least {floor} must be"]


def judge_scaled(laws: Ledger, old: Object | None, new: Object | None) -> list[str]:
    """Remember what a StatefulSet allows."""
    if new is not None:
        laws.note_bound(new["metadata"]["uid"], new["spec"]["replicas"])
    return []


def judge_quota(laws: Ledger, old: Object | None, new: Object | None) -> list[str]:
    """Remember what a quota allows; from when it is counted, for it binds no earlier."""
    if new is not None and "pods" in new["status"].get("hard", {}):
        laws.note_bound(new["metadata"]["uid"], int(new["spec"]["hard"].get("pods", 0)))
    elif new is not None:
        laws.note_bound(new["metadata"]["uid"], 1 << 30)
    return []


def judge_job(laws: Ledger, old: Object | None, new: Object | None) -> list[str]:
    """Counts never go back, never exceed what happened, and a Job that is done stays so."""
    if new is None:
        return []
    spec, uid, faults = new["spec"], new["metadata"]["uid"], []
    laws.note_bound(uid, spec.get("parallelism", 1))
    for count in ("succeeded", "failed"):
        before = old["status"].get(count, 0) if old is not None else 0
        if new["status"].get(count, 0) < before:
            faults.append(f"{name_of(new)}: {count} went from {before} to {new['status'].get(count, 0)}")
    counted, happened = new["status"].get("succeeded", 0), len(laws.succeeded.get(uid, ()))
    if counted > happened:
        faults.append(f"{name_of(new)} counts {counted} successes, there were {happened}")
    if old is not None and (done := finished(old)) and finished(new) != done:
        faults.append(f"{name_of(new)} was {done} and then was not")
    wanted = spec.get("completions")
    if finished(new) == "Complete" and wanted is not None and new["status"].get("succeeded", 0) < wanted:
        faults.append(f"{name_of(new)} is complete with {new['status'].get('succeeded', 0)} of {wanted}")
    return [*faults, *(_overlapping(laws, new) if old is None else ())]


def _overlapping(laws: Ledger, job: Object) -> list[str]:
    """A CronJob that forbids it never has two Jobs under way."""
    cronjob = laws.mirror.by_uid(owner_uid(job))
    if cronjob is None or cronjob["kind"] != "CronJob" or cronjob["spec"]["concurrencyPolicy"] == "Allow":
        return []
    under_way = [one for one in laws.mirror.owned(owner_uid(job), "Job") if not finished(one) and not is_going(one)]
    return [f"{name_of(cronjob)} has {len(under_way)} Jobs under way"] if len(under_way) > 1 else []


def finished(job: Object) -> str:
    """Return how a Job ended, empty while it has not."""
    return next((kind for kind in ("Complete", "Failed") if holds(job, kind)), "")


def judge_claim(laws: Ledger, old: Object | None, new: Object | None) -> list[str]:
    """A claim that nobody gave up is not deleted."""
    if new is not None or old is None:
        return []
    namespace = next((one for one in laws.mirror.all("namespaces")
                      if one["metadata"]["name"] == old["metadata"]["namespace"]), None)
    if namespace is None or is_going(namespace):
        return []
    owners = [laws.mirror.by_uid(one["uid"]) for one in old["metadata"].get("ownerReferences", ())]
    if not owners:
        return [f"{name_of(old)} was deleted by nobody's wish"]
    living = [one for one in owners if one is not None and not is_going(one)]
    return [f"{name_of(old)} was deleted below {name_of(living[0])}"] if living else []


def judge_volume(laws: Ledger, old: Object | None, new: Object | None) -> list[str]:
    """A volume goes only when its claim has gone and its policy says so; a claim keeps its volume."""
    if old is None:
        return []
    claim = old["spec"].get("claimRef", {})
    if new is not None:
        now = new["spec"].get("claimRef", {}).get("uid")
        moved = claim.get("uid") and now and now != claim["uid"]
        return [f"{name_of(new)} went from one claim to another"] if moved else []
    if old["spec"]["persistentVolumeReclaimPolicy"] != "Delete":
        return [f"{name_of(old)} was deleted, though it was to be kept"]
    holder = laws.mirror.by_uid(claim.get("uid", ""))
    return [f"{name_of(old)} was deleted below {name_of(holder)}"] if holder is not None else []


def surge(deployment: Object) -> int:
    """Return by how many pods a rollout may exceed. Source: kube deployment_util.go, MaxSurge rounds up."""
    strategy = deployment["spec"]["strategy"]
    if strategy["type"] == "Recreate":
        return 0
    return _part(strategy["rollingUpdate"]["maxSurge"], deployment["spec"]["replicas"], up=True)


def unavailable(deployment: Object) -> int:
    """Return how many pods may lack. Source: kube deployment_util.go, ResolveFenceposts."""
    strategy, replicas = deployment["spec"]["strategy"], deployment["spec"]["replicas"]
    if strategy["type"] == "Recreate":
        return int(replicas)
    lacking = _part(strategy["rollingUpdate"]["maxUnavailable"], replicas, up=False)
    return lacking or (0 if surge(deployment) else 1)


def _part(value: int | str, whole: int, *, up: bool) -> int:
    if isinstance(value, int):
        return value
    hundredths = int(value.rstrip("%")) * whole
    return -(-hundredths // 100) if up else hundredths // 100


Judge = Callable[[Ledger, Object | None, Object | None], list[str]]
JUDGES: dict[str, Judge] = {
    "pods": judge_pod,
    "deployments": judge_deployment,
    "replicasets": judge_replicaset,
    "statefulsets": judge_scaled,
    "jobs": judge_job,
    "resourcequotas": judge_quota,
    "persistentvolumeclaims": judge_claim,
    "persistentvolumes": judge_volume,
    "namespaces": judge_namespace,
    "nodes": judge_node,
    "poddisruptionbudgets": judge_budget,
    "daemonsets": judge_daemonset,
}
