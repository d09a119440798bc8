"""Return a Deployment whose rollout fails to the last template that worked. Pure.

Opt-in by the annotation `knarr.dev/rollback: on-failure`. A revision is good once a rollout of it was complete, or as
long as its pods serve. Kubernetes has no such thing; Swarm's `--update-failure-action rollback` is the model.
"""

from __future__ import annotations

from msgspec.structs import replace

from knarr.api.types.apps_v1 import Deployment, ReplicaSet
from knarr.controllers.deployment.conditions import PROGRESSING, TIMED_OUT, Conditions, Sets
from knarr.controllers.deployment.revisions import revision_of, without_hash
from knarr.controllers.deployment.sizes import available
from knarr.reconcile.actions import Action, Event, Patch, Update
from knarr.reconcile.status import get_condition

WISH, ON_FAILURE = "knarr.dev/rollback", "on-failure"
PROVED = "knarr.dev/proved"       # on a ReplicaSet: a rollout of it was complete once
ROLLED_BACK = "RolledBack"        # the condition that tells of it until another template is tried
NO_REVISION = "DeploymentRollbackRevisionNotFound"


def wished(deployment: Deployment) -> bool:
    """Tell whether the Deployment asks for it."""
    return deployment.metadata.annotations.get(WISH) == ON_FAILURE


def prove(new: ReplicaSet) -> list[Action]:
    """Remember that a rollout of this ReplicaSet was complete."""
    if PROVED in new.metadata.annotations:
        return []
    return [Patch(new, {"metadata": {"uid": new.metadata.uid, "annotations": {PROVED: "true"}}})]


def due(deployment: Deployment, sets: Sets, conditions: Conditions) -> bool:
    """Tell whether the present template has failed its deadline, and never worked."""
    held = get_condition(conditions, PROGRESSING)
    late = held is not None and held.reason == TIMED_OUT
    return late and wished(deployment) and sets.new is not None and PROVED not in sets.new.metadata.annotations


def last_good(sets: Sets) -> ReplicaSet | None:
    """Return the newest revision that worked."""
    good = [one for one in sets.old if PROVED in one.metadata.annotations or available(one) > 0]
    return max(good, key=revision_of, default=None)


def message(sets: Sets, good: ReplicaSet) -> str:
    """Say what was given up for what."""
    assert sets.new is not None, "something failed"
    return (f'ReplicaSet "{sets.new.metadata.name}" (revision {revision_of(sets.new)}) has timed out progressing; '
            f'returned to "{good.metadata.name}" (revision {revision_of(good)})')


def give_back(deployment: Deployment, sets: Sets, good: ReplicaSet) -> list[Action]:
    """Put the template that worked back; what somebody else changes meanwhile comes first."""
    spec = replace(deployment.spec, template=without_hash(good.spec.template))
    told = Event(deployment, "DeploymentRollback", message(sets, good), type="Warning")
    return [Update(replace(deployment, spec=spec)), told]


def impossible(deployment: Deployment) -> Event:
    """Say that there is nothing to return to."""
    return Event(deployment, NO_REVISION, "The rollout failed, and no earlier revision ever worked", type="Warning")
