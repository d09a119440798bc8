"""Keep as many pods of one template as are wanted. Source: kube replicaset/replica_set.go and replica_set_utils.go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import log2
from typing import Any, TypeAlias

from knarr.api.types.apps_v1 import ReplicaSet, ReplicaSetCondition, ReplicaSetStatus
from knarr.api.types.core_v1 import (
    Pod,
    PodTemplateSpec,
    ReplicationController,
    ReplicationControllerCondition,
    ReplicationControllerStatus,
)
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.base.times import rfc3339, seconds
from knarr.reconcile.actions import Action, After, Create, Delete, Event, Failure, Told
from knarr.reconcile.owners import claim, reference, selector_of
from knarr.reconcile.pods import available_in_s, from_template, is_active, is_finished, is_ready, is_terminating
from knarr.reconcile.status import get_condition, set_condition, without_condition, write_status

BURST_MAX = 500   # writes per pass, count. Source: kube replica_set.go, BurstReplicas
SPACING_S_PER_POD, SPACING_MAX_S = 0.004, 0.5   # between statuses on the way: of 100 pods, 25 are seen to come ready
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
CREATED = ("SuccessfulCreate", "Created pod: {name}")
DELETED = ("SuccessfulDelete", "Deleted pod: {name}")
RIVALS_MAX = 3    # that an event names
PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}

Replicated: TypeAlias = ReplicaSet | ReplicationController   # the older kind differs in how it writes its selector
Status: TypeAlias = ReplicaSetStatus | ReplicationControllerStatus
Conditions: TypeAlias = tuple[ReplicaSetCondition, ...] | tuple[ReplicationControllerCondition, ...]


@dataclass(frozen=True, slots=True)
class View:
    """All that one decision may look at.

    pods: owned, or matching and without a controller. neighbours: active pods of the same owner's ReplicaSets, by
    node. failures: writes refused in the last pass. rivals: names of others that select the same pods.
    """

    replicaset: Replicated
    pods: tuple[Pod, ...]
    neighbours: dict[str, int]
    now_s: float
    failures: tuple[Failure, ...] = ()
    rivals: tuple[str, ...] = ()


def plan(view: View) -> list[Action]:
    """Adopt and release, make or delete what differs from the spec, and write the status down."""
    replicaset = view.replicaset
    claimed = claim(replicaset, selector_of(replicaset), [p for p in view.pods if not is_finished(p)])
    active = [pod for pod in claimed.owned if is_active(pod)]
    ends = replicaset.metadata.deletionTimestamp is not None
    changes = [] if ends or view.failures else _resize(view, active)
    status = _status(view, claimed.owned, settled=not changes)
    told = write_status(replicaset, status, spacing_s=_spacing_s(replicaset, status))
    wait = _next_available_s(view, active)
    return [*claimed.patches, *changes, *told, *_fights(view), *([After(wait)] if wait else [])]


def _fights(view: View) -> list[Action]:
    """Say of each new spec that others select the same pods: who comes first takes those that nobody controls."""
    replicaset = view.replicaset
    if not view.rivals or replicaset.status.observedGeneration == replicaset.metadata.generation:
        return []
    kind = "ReplicaSet" if isinstance(replicaset, ReplicaSet) else "ReplicationController"
    others = ", ".join(f'"{name}"' for name in view.rivals[:RIVALS_MAX])
    return [Event(replicaset, "SelectorOverlap", f"selects the same pods as {kind} {others}; each keeps what it "
                  "controls already, and either may take the others: give each a .spec.selector of its own", "Warning")]


def deletion_rank(neighbours: Counter[str], now_s: float) -> Callable[[Pod], tuple[Any, ...]]:
    """Return the sort key by which pods go, first to go first.

    Unscheduled, not running, unready, cheap to delete, doubled on their node, ready for a short time, restarted often,
    young; ages by powers of two, so that equals are spread by uid. Source: kube ActivePodsWithRanks.
    """
    def rank(pod: Pod) -> tuple[Any, ...]:
        ready = is_ready(pod)
        restarts = max((status.restartCount for status in pod.status.containerStatuses), default=0)
        return (
            bool(pod.spec.nodeName), PHASES.get(pod.status.phase or "", 0), ready, _deletion_cost(pod),
            -neighbours[pod.spec.nodeName or ""], _age_rank(_ready_since(pod) if ready else None, now_s), -restarts,
            _age_rank(pod.metadata.creationTimestamp, now_s), pod.metadata.uid or "",
        )
    return rank


def new_pod(replicaset: Replicated) -> Pod:
    """Return the pod that the template makes; the server completes its name."""
    meta = ObjectMeta(generateName=f"{replicaset.metadata.name}-", namespace=replicaset.metadata.namespace)
    return from_template(_template(replicaset), meta, owner=reference(replicaset))


def _template(replicaset: Replicated) -> PodTemplateSpec:
    return replicaset.spec.template or PodTemplateSpec()


def _resize(view: View, active: list[Pod]) -> list[Action]:
    wanted = view.replicaset.spec.replicas if view.replicaset.spec.replicas is not None else 1
    missing = wanted - len(active)
    if missing >= 0:
        told = Told(view.replicaset, CREATED, ("FailedCreate", "Error creating: {error}"))
        return [Create(new_pod(view.replicaset), told)] * min(missing, BURST_MAX)
    told = Told(view.replicaset, DELETED, ("FailedDelete", "Error deleting: {error}"))
    rank = deletion_rank(Counter(view.neighbours), view.now_s)
    return [Delete(pod, told) for pod in sorted(active, key=rank)[: min(-missing, BURST_MAX)]]


def _status(view: View, owned: tuple[Pod, ...], *, settled: bool) -> Status:
    replicaset = view.replicaset
    active = [pod for pod in owned if is_active(pod)]
    wanted_labels = _template(replicaset).metadata.labels.items()
    labelled = sum(wanted_labels <= pod.metadata.labels.items() for pod in active)
    waits = [available_in_s(pod, replicaset.spec.minReadySeconds or 0, now_s=view.now_s) for pod in active]
    counts: dict[str, Any] = {
        "replicas": len(active),
        "fullyLabeledReplicas": labelled or None,
        "readyReplicas": sum(is_ready(pod) for pod in active) or None,
        "availableReplicas": waits.count(0.0) or None,
        "observedGeneration": replicaset.metadata.generation,
        "conditions": _conditions(view, settled=settled),
    }
    if isinstance(replicaset, ReplicaSet):
        return ReplicaSetStatus(**counts, terminatingReplicas=sum(is_terminating(pod) for pod in owned))
    return ReplicationControllerStatus(**counts)


def _spacing_s(replicaset: Replicated, status: Status) -> float:
    """Return how long a status can wait that only tells how many more pods are ready than before.

    The first and the last such number never wait, nor does any that falls.
    """
    was, wanted = replicaset.status, replicaset.spec.replicas or 0
    counts = [((one.readyReplicas or 0), (one.availableReplicas or 0)) for one in (was, status)]
    grows = counts[0][0] <= counts[1][0] < wanted and 0 < counts[0][1] <= counts[1][1]
    same = (was.replicas, was.observedGeneration, was.conditions) == (
        status.replicas, status.observedGeneration, status.conditions)
    return min(SPACING_S_PER_POD * wanted, SPACING_MAX_S) if grows and same else 0.0


def _conditions(view: View, *, settled: bool) -> Conditions:
    """Tell of a failure until a pass finds nothing left to do."""
    held: tuple[Any, ...] = view.replicaset.status.conditions
    failure = next((one for one in view.failures if isinstance(one.action, Create | Delete)), None)
    if failure is not None and get_condition(held, "ReplicaFailure") is None:
        kind = ReplicaSetCondition if isinstance(view.replicaset, ReplicaSet) else ReplicationControllerCondition
        reason = "FailedCreate" if isinstance(failure.action, Create) else "FailedDelete"
        return set_condition(held, kind(
            type="ReplicaFailure", status="True", reason=reason, message=failure.error,
            lastTransitionTime=rfc3339(view.now_s)))
    if settled and not view.failures:
        return without_condition(held, "ReplicaFailure")
    return held


def _next_available_s(view: View, active: list[Pod]) -> float | None:
    """Return when the next ready pod becomes available by mere waiting, in seconds."""
    min_ready_s = view.replicaset.spec.minReadySeconds or 0
    waits = [available_in_s(pod, min_ready_s, now_s=view.now_s) for pod in active] if min_ready_s else []
    return min((wait for wait in waits if wait), default=None)


def _deletion_cost(pod: Pod) -> int:
    """Read the annotation; what is no number counts as nothing, as validation refuses it on the way in."""
    text = pod.metadata.annotations.get(DELETION_COST, "0")
    return int(text) if text.lstrip("+-").isdecimal() else 0


def _ready_since(pod: Pod) -> str | None:
    held = get_condition(pod.status.conditions, "Ready")
    return held.lastTransitionTime if held is not None else None


def _age_rank(since: str | None, now_s: float) -> int:
    """Return the power of two below an age in seconds; -1 for no age at all."""
    return -1 if since is None else int(log2(max(now_s - seconds(since), 1.0)))


