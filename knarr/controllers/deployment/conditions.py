"""Word a Deployment's status. Pure. Source: kube deployment/sync.go and progress.go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from knarr.api.types.apps_v1 import Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet
from knarr.base.times import rfc3339, seconds
from knarr.controllers.deployment.revisions import replicas_of, size_of
from knarr.controllers.deployment.sizes import available, max_unavailable
from knarr.reconcile.status import get_condition, set_condition, without_condition

NO_DEADLINE_S = 2**31 - 1    # Source: kube HasProgressDeadline: the largest number means none
AVAILABLE, PROGRESSING, REPLICA_FAILURE = "Available", "Progressing", "ReplicaFailure"
NEW_AVAILABLE, TIMED_OUT, UPDATED = "NewReplicaSetAvailable", "ProgressDeadlineExceeded", "ReplicaSetUpdated"
PAUSED, RESUMED = "DeploymentPaused", "DeploymentResumed"
Conditions = tuple[DeploymentCondition, ...]


@dataclass(frozen=True, slots=True)
class Sets:
    """A Deployment's ReplicaSets, as they will be when the pass is carried out."""

    new: ReplicaSet | None
    old: tuple[ReplicaSet, ...]

    @property
    def all(self) -> tuple[ReplicaSet, ...]:
        """Return all of them."""
        return self.old if self.new is None else (*self.old, self.new)


def condition(type: str, status: str, reason: str, *, message: str, now_s: float) -> DeploymentCondition:
    """Return a condition that came to be now."""
    now = rfc3339(now_s)
    return DeploymentCondition(
        type=type, status=status, reason=reason, message=message, lastUpdateTime=now, lastTransitionTime=now)


def counted(deployment: Deployment, sets: Sets, conditions: Conditions, *, now_s: float) -> DeploymentStatus:
    """Return the status with its numbers and Available; other conditions as they stand."""
    there = sum(map(available, sets.all))
    least = replicas_of(deployment) - max_unavailable(deployment)
    if there >= least:
        fresh = condition(AVAILABLE, "True", "MinimumReplicasAvailable",
                          message="Deployment has minimum availability.", now_s=now_s)
    else:
        fresh = condition(AVAILABLE, "False", "MinimumReplicasUnavailable",
                          message="Deployment does not have minimum availability.", now_s=now_s)
    return DeploymentStatus(
        observedGeneration=deployment.metadata.generation,
        replicas=sum(one.status.replicas for one in sets.all) or None,
        updatedReplicas=(sets.new.status.replicas if sets.new is not None else 0) or None,
        readyReplicas=sum(one.status.readyReplicas or 0 for one in sets.all) or None,
        availableReplicas=there or None,
        unavailableReplicas=max(0, sum(map(size_of, sets.all)) - there) or None,
        terminatingReplicas=sum(one.status.terminatingReplicas or 0 for one in sets.all),
        collisionCount=deployment.status.collisionCount,
        conditions=set_condition(conditions, fresh),
    )


def progressed(deployment: Deployment, sets: Sets, status: DeploymentStatus, *, now_s: float) -> DeploymentStatus:
    """Return the status with its progress judged: done, on its way, or past its deadline."""
    conditions = status.conditions
    held = get_condition(conditions, PROGRESSING)
    if not has_deadline(deployment):
        conditions = without_condition(conditions, PROGRESSING)
    elif not (held is not None and held.reason == NEW_AVAILABLE and status.replicas == status.updatedReplicas):
        conditions = _judge(deployment, sets, status, now_s=now_s)
    return replace(status, conditions=_with_failure(conditions, sets, now_s))


def is_complete(deployment: Deployment, status: DeploymentStatus) -> bool:
    """Tell whether all wanted replicas are updated and available, and no others are left."""
    wanted = replicas_of(deployment)
    numbers = (status.updatedReplicas or 0, status.replicas or 0, status.availableReplicas or 0)
    seen = (status.observedGeneration or 0) >= (deployment.metadata.generation or 0)
    return seen and numbers == (wanted, wanted, wanted)


def has_deadline(deployment: Deployment) -> bool:
    """Tell whether progress is judged at all."""
    deadline_s = deployment.spec.progressDeadlineSeconds
    return deadline_s is not None and deadline_s != NO_DEADLINE_S


def pausing(deployment: Deployment, conditions: Conditions, *, now_s: float) -> Conditions:
    """Note that the Deployment was paused or resumed: the deadline does not run meanwhile."""
    held = get_condition(conditions, PROGRESSING)
    if not has_deadline(deployment) or (held is not None and held.reason == TIMED_OUT):
        return conditions
    was = held is not None and held.reason == PAUSED
    if deployment.spec.paused and not was:
        return set_condition(conditions, condition(
            PROGRESSING, "Unknown", PAUSED, message="Deployment is paused", now_s=now_s))
    if was and not deployment.spec.paused:
        return set_condition(conditions, condition(
            PROGRESSING, "Unknown", RESUMED, message="Deployment is resumed", now_s=now_s))
    return conditions


def deadline_in_s(deployment: Deployment, status: DeploymentStatus, *, now_s: float) -> float | None:
    """Return the seconds until the deadline has surely passed; None when none runs."""
    held = get_condition(status.conditions, PROGRESSING)
    if held is None or held.reason in (TIMED_OUT, NEW_AVAILABLE) or not has_deadline(deployment):
        return None
    since_s = seconds(held.lastUpdateTime) if held.lastUpdateTime else now_s
    # One second more: the times are whole seconds, and being early means looking twice.
    return max(0.0, since_s + (deployment.spec.progressDeadlineSeconds or 0) - now_s) + 1


def _judge(deployment: Deployment, sets: Sets, status: DeploymentStatus, *, now_s: float) -> Conditions:
    conditions = status.conditions
    what = f'ReplicaSet "{sets.new.metadata.name}"' if sets.new else f'Deployment "{deployment.metadata.name}"'
    if is_complete(deployment, status):
        return set_condition(conditions, condition(
            PROGRESSING, "True", NEW_AVAILABLE, message=f"{what} has successfully progressed.", now_s=now_s))
    held = get_condition(conditions, PROGRESSING)
    if _moves(deployment.status, status):
        fresh = condition(PROGRESSING, "True", UPDATED, message=f"{what} is progressing.", now_s=now_s)
        if held is not None and held.status == "True":
            fresh = replace(fresh, lastTransitionTime=held.lastTransitionTime)
        # Each step renews the condition: the deadline runs from its lastUpdateTime.
        return (*without_condition(conditions, PROGRESSING), fresh)
    if held is not None and _timed_out(deployment, held, now_s):
        return set_condition(conditions, condition(
            PROGRESSING, "False", TIMED_OUT, message=f"{what} has timed out progressing.", now_s=now_s))
    return conditions


def _moves(old: DeploymentStatus, new: DeploymentStatus) -> bool:
    """Tell whether something came nearer since the last status. Source: kube DeploymentProgressing."""
    def older(status: DeploymentStatus) -> int:
        return (status.replicas or 0) - (status.updatedReplicas or 0)
    return (
        (new.updatedReplicas or 0) > (old.updatedReplicas or 0) or older(new) < older(old)
        or (new.readyReplicas or 0) > (old.readyReplicas or 0)
        or (new.availableReplicas or 0) > (old.availableReplicas or 0)
    )


def _timed_out(deployment: Deployment, held: DeploymentCondition, now_s: float) -> bool:
    if held.reason == NEW_AVAILABLE:
        return False
    if held.reason == TIMED_OUT:
        return True
    since_s = seconds(held.lastUpdateTime) if held.lastUpdateTime else now_s
    return since_s + (deployment.spec.progressDeadlineSeconds or 0) < now_s


def _with_failure(conditions: Conditions, sets: Sets, now_s: float) -> Conditions:
    """Show the ReplicaSets' own failure, the new one's before the others'."""
    ranked: Sequence[ReplicaSet] = ((sets.new,) if sets.new is not None else ()) + sets.old
    for one in ranked:
        failed = get_condition(one.status.conditions, REPLICA_FAILURE)
        if failed is not None:
            fresh = condition(REPLICA_FAILURE, failed.status, failed.reason or "",
                              message=failed.message or "", now_s=now_s)
            return set_condition(conditions, replace(fresh, lastTransitionTime=failed.lastTransitionTime))
    return without_condition(conditions, REPLICA_FAILURE)
