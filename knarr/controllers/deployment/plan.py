"""Bring a Deployment's ReplicaSets from the old template to the new one. Source: kube deployment_controller.go.

One step at a time: make or grow the new ReplicaSet, else shrink old ones; what the pods then do brings the next pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from knarr.api import selectors
from knarr.api.types.apps_v1 import Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet
from knarr.api.types.core_v1 import Pod
from knarr.controllers.deployment import conditions as words
from knarr.controllers.deployment import rollback
from knarr.controllers.deployment.conditions import Sets
from knarr.controllers.deployment.revisions import (
    DESIRED,
    REVISION,
    by_age,
    find_new,
    new_replicaset,
    refreshed,
    replicas_of,
    revision_of,
    size_of,
    sizes,
)
from knarr.controllers.deployment.sizes import (
    is_rolling,
    is_saturated,
    max_surge,
    new_size,
    proportional,
    shrink_old,
)
from knarr.reconcile.actions import Action, After, Create, Delete, Event, Failure, Patch
from knarr.reconcile.owners import claim
from knarr.reconcile.status import get_condition, set_condition, without_condition, write_status

HISTORY_UNLIMITED = 2**31 - 1    # Source: kube HasRevisionHistoryLimit


@dataclass(frozen=True, slots=True)
class View:
    """All that one decision may look at.

    replicasets: owned, or matching and without a controller. holder: the ReplicaSet that has the name the new one
    would get. pods: of the owned ReplicaSets, by their uid; only read where old pods must be gone first.
    """

    deployment: Deployment
    replicasets: tuple[ReplicaSet, ...]
    holder: ReplicaSet | None
    pods: dict[str, tuple[Pod, ...]]
    now_s: float
    failures: tuple[Failure, ...] = ()


@dataclass(slots=True)
class Pass:
    """One decision in the making: the ReplicaSets as they will be, and the writes that make them so."""

    view: View
    sets: Sets
    conditions: tuple[DeploymentCondition, ...]
    actions: list[Action] = field(default_factory=list)

    @property
    def deployment(self) -> Deployment:
        """Return what is decided on."""
        return self.view.deployment


def plan(view: View) -> list[Action]:
    """Decide the next step."""
    deployment = view.deployment
    selector = deployment.spec.selector
    if selector is not None and not selector.matchLabels and not selector.matchExpressions:
        return _refuse_everything(deployment)
    claimed = claim(deployment, selectors.of(selector), view.replicasets)
    new = find_new(deployment, claimed.owned)
    old = tuple(one for one in by_age(claimed.owned) if new is None or one.metadata.uid != new.metadata.uid)
    work = Pass(view, Sets(new, old), deployment.status.conditions, list(claimed.patches))
    if deployment.metadata.deletionTimestamp is not None:
        return _conclude(work, judge=False)
    work.conditions = words.pausing(deployment, work.conditions, now_s=view.now_s)
    if deployment.spec.paused or _is_scaled(work):
        _refresh_new(work)
        _scale(work)
        if deployment.spec.paused:
            _clean_up(work)
        return _conclude(work, judge=False)
    if is_rolling(deployment):
        _roll(work)
    else:
        _recreate(work)
    return _conclude(work, judge=True)


def _roll(work: Pass) -> None:
    if not _ensure_new(work) or work.sets.new is None:
        return
    size = _size_for_new(work)
    if size != size_of(work.sets.new):
        _resize(work, work.sets.new, size)
        return
    shrunk = shrink_old(work.deployment, [one for one in work.sets.old if size_of(one) > 0], work.sets.new)
    for one in work.sets.old:
        _resize(work, one, shrunk.get(one.metadata.name or "", size_of(one)))
    if not shrunk and words.is_complete(work.deployment, _counted(work)):
        _clean_up(work)


def _recreate(work: Pass) -> None:
    """Let no pod of an old template live beside one of the new."""
    active = [one for one in work.sets.old if size_of(one) > 0]
    for one in active:
        _resize(work, one, 0)
    if active or _old_pods_run(work):
        return
    if not _ensure_new(work) or work.sets.new is None:
        return
    _resize(work, work.sets.new, replicas_of(work.deployment))
    if words.is_complete(work.deployment, _counted(work)):
        _clean_up(work)


def _scale(work: Pass) -> None:
    """Spread a new number of replicas over the ReplicaSets there are. Source: kube deployment/sync.go, scale."""
    wanted = replicas_of(work.deployment)
    active = [one for one in work.sets.all if size_of(one) > 0]
    if len(active) <= 1:
        latest = active[0] if active else work.sets.new or (work.sets.old[-1] if work.sets.old else None)
        if latest is not None:
            _resize(work, latest, wanted)
    elif is_saturated(work.deployment, work.sets.new):
        for one in work.sets.old:
            _resize(work, one, 0)
    elif is_rolling(work.deployment):
        for name, size in proportional(work.deployment, active).items():
            _resize(work, next(one for one in active if one.metadata.name == name), size)


def _ensure_new(work: Pass) -> bool:
    """Make the ReplicaSet of the present template where there is none; tell whether one was there."""
    if work.sets.new is not None:
        _refresh_new(work)
        return True
    deployment = work.deployment
    if work.view.failures:
        _tell_failure(work)
        return False
    holder = work.view.holder
    if holder is not None:      # the name is another's: the next pass tries the next one
        count = (deployment.status.collisionCount or 0) + 1
        work.actions += write_status(deployment, replace(deployment.status, collisionCount=count))
        return False
    size = new_size(deployment, work.sets.old, present=0)
    made = new_replicaset(deployment, work.sets.old, replicas=size, surge=max_surge(deployment))
    work.actions.append(Create(made))
    if size > 0:
        work.actions.append(_scaled_event(work, made, was=0))
    work.sets = Sets(made, work.sets.old)
    work.conditions = without_condition(work.conditions, rollback.ROLLED_BACK)
    if words.has_deadline(deployment):
        message = f'Created new replica set "{made.metadata.name}"'
        work.conditions = set_condition(work.conditions, words.condition(
            words.PROGRESSING, "True", "NewReplicaSetCreated", message=message, now_s=work.view.now_s))
    return False


def _refresh_new(work: Pass) -> None:
    """Bring annotations and minReadySeconds of the present template's ReplicaSet up to date."""
    new, deployment = work.sets.new, work.deployment
    if new is None:
        return
    patch: dict[str, Any] = {}
    fresh = refreshed(deployment, new, work.sets.old)
    if fresh:
        patch["metadata"] = {"annotations": fresh}
    if (new.spec.minReadySeconds or 0) != (deployment.spec.minReadySeconds or 0):
        patch["spec"] = {"minReadySeconds": deployment.spec.minReadySeconds or 0}
    if patch:
        patch.setdefault("metadata", {})["uid"] = new.metadata.uid
        work.actions.append(Patch(new, patch))
        noted = {**new.metadata.annotations, **fresh}
        work.sets = Sets(replace(new, metadata=replace(new.metadata, annotations=noted)), work.sets.old)
    if words.has_deadline(deployment) and get_condition(work.conditions, words.PROGRESSING) is None:
        message = f'Found new replica set "{new.metadata.name}"'
        work.conditions = set_condition(work.conditions, words.condition(
            words.PROGRESSING, "True", "FoundNewReplicaSet", message=message, now_s=work.view.now_s))


def _resize(work: Pass, one: ReplicaSet, size: int) -> None:
    """Give a ReplicaSet another size, and the annotations that tell of what it is a part."""
    noted = sizes(work.deployment, max_surge(work.deployment))
    fresh = {name: text for name, text in noted.items() if one.metadata.annotations.get(name) != text}
    if size == size_of(one) and (not fresh or size == 0):
        return
    patch: dict[str, Any] = {"metadata": {"uid": one.metadata.uid, "annotations": noted}, "spec": {"replicas": size}}
    changed = replace(
        one, spec=replace(one.spec, replicas=size),
        metadata=replace(one.metadata, annotations={**one.metadata.annotations, **noted}))
    work.actions.append(Patch(one, patch))
    if size != size_of(one):
        work.actions.append(_scaled_event(work, changed, was=size_of(one)))
    new = work.sets.new
    if new is not None and new.metadata.uid == one.metadata.uid:
        work.sets = Sets(changed, work.sets.old)
    else:
        kept = tuple(changed if held.metadata.uid == one.metadata.uid else held for held in work.sets.old)
        work.sets = Sets(new, kept)


def _clean_up(work: Pass) -> None:
    """Delete the oldest of the empty old ReplicaSets, beyond what history shall keep."""
    limit = work.deployment.spec.revisionHistoryLimit
    if limit is None or limit == HISTORY_UNLIMITED:
        return
    old = [one for one in work.sets.old if one.metadata.deletionTimestamp is None]
    surplus = len(old) - limit
    for one in sorted(old, key=lambda one: (revision_of(one), one.metadata.creationTimestamp or ""))[: max(surplus, 0)]:
        seen = (one.status.observedGeneration or 0) >= (one.metadata.generation or 0)
        if one.status.replicas == 0 and size_of(one) == 0 and seen:
            work.actions.append(Delete(one))


def _conclude(work: Pass, *, judge: bool) -> list[Action]:
    """Add the status, and when to look again. judge: progress counts (not while scaling or paused)."""
    status = _counted(work)
    if judge:
        status = words.progressed(work.deployment, work.sets, status, now_s=work.view.now_s)
    back: list[Action] = []
    if judge and rollback.wished(work.deployment):
        status, back = _heed_failure(work, status)
    noted = work.sets.new.metadata.annotations if work.sets.new is not None else {}
    revision = {REVISION: noted[REVISION]} if REVISION in noted else {}
    work.actions += write_status(work.deployment, status, annotations=revision) or back  # what is told comes first
    wait_s = words.deadline_in_s(work.deployment, status, now_s=work.view.now_s) if judge else None
    return work.actions if wait_s is None else [*work.actions, After(wait_s)]


def _heed_failure(work: Pass, status: DeploymentStatus) -> tuple[DeploymentStatus, list[Action]]:
    """Remember what worked; return to it, once the status tells that what is new does not."""
    deployment, sets = work.deployment, work.sets
    if sets.new is not None and sets.new.metadata.uid and words.is_complete(deployment, status):
        return status, rollback.prove(sets.new)
    if not rollback.due(deployment, sets, status.conditions):
        return status, []
    good = rollback.last_good(sets)
    if good is None:
        if not rollback.due(deployment, sets, deployment.status.conditions):
            work.actions.append(rollback.impossible(deployment))
        return status, []
    gone_back = words.condition(
        rollback.ROLLED_BACK, "True", words.TIMED_OUT, message=rollback.message(sets, good), now_s=work.view.now_s)
    status = replace(status, conditions=set_condition(status.conditions, gone_back))
    return status, rollback.give_back(deployment, sets, good)


def _counted(work: Pass) -> DeploymentStatus:
    return words.counted(work.deployment, work.sets, work.conditions, now_s=work.view.now_s)


def _size_for_new(work: Pass) -> int:
    assert work.sets.new is not None
    present, wanted = size_of(work.sets.new), replicas_of(work.deployment)
    return wanted if present > wanted else new_size(work.deployment, work.sets.all, present=present)


def _is_scaled(work: Pass) -> bool:
    """Tell whether the wanted number changed since the active ReplicaSets were sized."""
    wanted = str(replicas_of(work.deployment))
    return any(one.metadata.annotations.get(DESIRED, wanted) != wanted for one in work.sets.all if size_of(one) > 0)


def _old_pods_run(work: Pass) -> bool:
    """Tell whether pods of an old template may still run, those that are being deleted among them.

    Where a ReplicaSet has not been heard of since it was told to have none, it may still be making some that nobody
    has seen. Source: kube deployment/recreate.go, oldPodsRunning, which asks its count alone.
    """
    if any(one.status.replicas or (one.status.observedGeneration or 0) < (one.metadata.generation or 0)
           for one in work.sets.old):
        return True
    old = [one.metadata.uid or "" for one in work.sets.old]
    pods = [pod for uid in old for pod in work.view.pods.get(uid, ())]
    return any(pod.status.phase not in ("Failed", "Succeeded") for pod in pods)


def _scaled_event(work: Pass, one: ReplicaSet, *, was: int) -> Event:
    way = "up" if size_of(one) > was else "down"
    message = f"Scaled {way} replica set {one.metadata.name} from {was} to {size_of(one)}"
    return Event(work.deployment, "ScalingReplicaSet", message)


def _tell_failure(work: Pass) -> None:
    failure = next((one for one in work.view.failures if isinstance(one.action, Create)), None)
    if failure is None or failure.reason == "AlreadyExists":
        return
    assert isinstance(failure.action, Create)
    message = f'Failed to create new replica set "{failure.action.obj.metadata.name}": {failure.error}'
    work.actions.append(Event(work.deployment, "ReplicaSetCreateError", message, type="Warning"))
    if words.has_deadline(work.deployment):
        work.conditions = set_condition(work.conditions, words.condition(
            words.PROGRESSING, "False", "ReplicaSetCreateError", message=message, now_s=work.view.now_s))


def _refuse_everything(deployment: Deployment) -> list[Action]:
    message = "This deployment is selecting all pods. A non-empty selector is required."
    if (deployment.status.observedGeneration or 0) >= (deployment.metadata.generation or 0):
        return []
    status = replace(deployment.status, observedGeneration=deployment.metadata.generation)
    return [Event(deployment, "SelectingAll", message, type="Warning"), *write_status(deployment, status)]
