"""Keep pods with names and data of their own, one after the other. Source: kube statefulset/stateful_set_control.go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from knarr.api import selectors
from knarr.api.types.apps_v1 import ControllerRevision, StatefulSet, StatefulSetStatus
from knarr.api.types.core_v1 import PersistentVolumeClaim, Pod
from knarr.controllers.statefulset import identity
from knarr.reconcile import history
from knarr.reconcile.actions import Action, After, Create, Delete, Event, Failure, Patch, Told
from knarr.reconcile.history import Revisions
from knarr.reconcile.owners import claim, owner_fields
from knarr.reconcile.pods import available_in_s, is_available, is_finished, is_ready, is_terminating
from knarr.reconcile.status import write_status

STALE_CLAIM_S = 1.0     # how soon to look whether a claim that is going has gone


@dataclass(frozen=True, slots=True)
class View:
    """All that one decision may look at.

    pods, held: owned, or matching and without a controller. claims: the set's, by name. taken: the present template's
    revision name belongs to somebody else.
    """

    statefulset: StatefulSet
    pods: tuple[Pod, ...]
    held: tuple[ControllerRevision, ...]
    claims: dict[str, PersistentVolumeClaim]
    taken: bool
    now_s: float
    failures: tuple[Failure, ...] = ()


@dataclass(slots=True)
class Pass:
    """One decision in the making. outdated_gone: pods of the current revision that the update deletes now."""

    view: View
    revisions: Revisions
    replicas: dict[int, Pod]
    condemned: list[Pod]
    claims: list[Action] = field(default_factory=list)
    pods: list[Action] = field(default_factory=list)
    outdated_gone: int = 0

    @property
    def ordered(self) -> bool:
        """Tell whether one pod must be up, or gone, before the next is touched."""
        return self.view.statefulset.spec.podManagementPolicy != "Parallel"


def plan(view: View) -> list[Action]:
    """Decide the next step: make what is missing, remove what is too much, then bring the rest up to date."""
    statefulset = view.statefulset
    chooser = selectors.of(statefulset.spec.selector)
    members = [pod for pod in view.pods if identity.ordinal(statefulset, pod) is not None]
    claimed = claim(statefulset, chooser, members)
    known = claim(statefulset, chooser, view.held)
    resolved = history.resolve(statefulset, known.owned, taken=view.taken)
    if resolved.collision:
        count = (statefulset.status.collisionCount or 0) + 1
        return list(write_status(statefulset, replace(statefulset.status, collisionCount=count)))
    numbered = {identity.ordinal(statefulset, pod) or 0: pod for pod in claimed.owned}
    wanted = identity.ordinals(statefulset)
    condemned = [numbered[number] for number in sorted(numbered, reverse=True) if number not in wanted]
    replicas = {number: pod for number, pod in numbered.items() if number in wanted}
    work = Pass(view, resolved, replicas, condemned)
    # After a refusal the status is told first; the writes are tried again after the backoff.
    if statefulset.metadata.deletionTimestamp is None and not view.failures and _grow(work) and _shrink(work):
        _update(work)
    status = _status(work, claimed.owned)
    live = {resolved.current.metadata.name or "", resolved.update.metadata.name or "",
            *(pod.metadata.labels.get(identity.REVISION, "") for pod in claimed.owned)}
    return [
        *claimed.patches, *known.patches, *resolved.actions, *work.claims, *work.pods,
        *write_status(statefulset, status), *history.surplus(statefulset, known.owned, live=live),
        *_wait(work),
    ]


def _grow(work: Pass) -> bool:
    """Make missing pods, lowest ordinal first; tell whether the next phase may begin."""
    view = work.view
    for number in identity.ordinals(view.statefulset):
        pod = work.replicas.get(number)
        if pod is None:
            _make(work, number)
            if work.ordered:
                return False
            continue
        if is_finished(pod):
            _recreate(work, pod)
            if work.ordered:
                return False
            continue
        if not is_terminating(pod):
            _repair(work, number, pod)
        if work.ordered and (is_terminating(pod) or not _is_healthy(work, pod)):
            return False
    return True


def _shrink(work: Pass) -> bool:
    """Delete pods beyond the wanted ones, highest ordinal first; tell whether the next phase may begin.

    In order, one that is not available waits for those before it that are not either: a set in trouble is not scaled
    down on. Source: kubernetes pkg/controller/statefulset/stateful_set_control.go, processCondemned.
    """
    first_unwell = next((pod for pod in reversed(work.condemned) if not _is_healthy(work, pod)), None)
    for pod in work.condemned:
        if work.ordered and pod is not first_unwell and not _is_available(work, pod):
            return False
        if not is_terminating(pod):
            _pass_on_claims(work, pod)
            work.pods.append(_delete(work, pod))
        if work.ordered:
            return False
    return True


def _update(work: Pass) -> None:
    """Delete pods of another revision, highest ordinal first, so that they are made anew."""
    strategy = work.view.statefulset.spec.updateStrategy
    if strategy is not None and strategy.type == "OnDelete":
        return
    budget = _max_unavailable(work)
    unavailable = sum(not _is_healthy(work, pod) for pod in work.replicas.values())
    for number in sorted(work.replicas, reverse=True):
        pod = work.replicas[number]
        if number < _partition(work) or (budget > 1 and unavailable >= budget):
            return
        if _revision(pod) != work.revisions.update.metadata.name and not is_terminating(pod):
            work.pods.append(_delete(work, pod))
            work.outdated_gone += _revision(pod) == work.revisions.current.metadata.name
            unavailable += 1
            if budget == 1:
                return
        elif budget == 1 and not _is_healthy(work, pod):
            return


def _make(work: Pass, number: int) -> None:
    view, statefulset = work.view, work.view.statefulset
    if identity.is_stale(statefulset, number, view.claims):
        return
    early = number < _partition(work)
    revision = work.revisions.current if early else work.revisions.update
    pod = identity.new_pod(
        statefulset, number, template=history.template_of(revision), revision=revision.metadata.name or "")
    _make_claims(work, number, pod.metadata.name or "")
    work.pods.append(Create(pod, _told(statefulset, "Create", "Pod {name}")))


def _make_claims(work: Pass, number: int, pod_name: str) -> None:
    statefulset = work.view.statefulset
    for one in identity.new_claims(statefulset, number, work.view.claims):
        what = f"Claim {{name}} Pod {pod_name} in StatefulSet {statefulset.metadata.name}"
        told = Told(statefulset, ("SuccessfulCreate", f"Create {what} success"),
                    ("FailedCreate", f"Create {what} failed error: {{error}}"))
        work.claims.append(Create(one, told))


def _recreate(work: Pass, pod: Pod) -> None:
    if is_terminating(pod):
        return
    meta = work.view.statefulset.metadata
    failed = pod.status.phase == "Failed"
    message = f"StatefulSet {meta.namespace}/{meta.name} is recreating {{}} Pod {pod.metadata.name}"
    event = (
        Event(work.view.statefulset, "RecreatingFailedPod", message.format("failed"), type="Warning") if failed
        else Event(work.view.statefulset, "RecreatingTerminatedPod", message.format("terminated")))
    work.pods += [event, _delete(work, pod)]


def _repair(work: Pass, number: int, pod: Pod) -> None:
    """Give a pod the labels it must have, and its claims the owners their policy asks for."""
    wanted = identity.identity_labels(pod.metadata.name or "", number)
    if any(pod.metadata.labels.get(name) != text for name, text in wanted.items()):
        work.pods.append(Patch(pod, {"metadata": {"uid": pod.metadata.uid, "labels": wanted}}))
    if pod.status.phase == "Pending":
        _make_claims(work, number, pod.metadata.name or "")
    _own_claims(work, number, None)


def _pass_on_claims(work: Pass, pod: Pod) -> None:
    _own_claims(work, identity.ordinal(work.view.statefulset, pod) or 0, pod)


def _own_claims(work: Pass, number: int, leaving: Pod | None) -> None:
    statefulset = work.view.statefulset
    for name in identity.claim_names(statefulset, number).values():
        held = work.view.claims.get(name)
        if held is None:
            continue
        owners = identity.claim_owners(statefulset, leaving, held.metadata.ownerReferences)
        if {owner.uid for owner in owners} != {owner.uid for owner in held.metadata.ownerReferences}:
            listed = [owner_fields(owner) for owner in owners]
            meta = {"uid": held.metadata.uid, "resourceVersion": held.metadata.resourceVersion}
            work.claims.append(Patch(held, {"metadata": {**meta, "ownerReferences": listed or None}}))


def _delete(work: Pass, pod: Pod) -> Delete:
    return Delete(pod, _told(work.view.statefulset, "Delete", "Pod {name}"))


def _told(statefulset: StatefulSet, verb: str, what: str) -> Told:
    where = f"{verb} {what} in StatefulSet {statefulset.metadata.name}"
    return Told(statefulset, (f"Successful{verb}", f"{where} successful"),
                (f"Failed{verb}", f"{where} failed error: {{error}}"))


def _status(work: Pass, owned: tuple[Pod, ...]) -> StatefulSetStatus:
    statefulset = work.view.statefulset
    current, update = work.revisions.current.metadata.name, work.revisions.update.metadata.name
    staying = [pod for pod in owned if not is_terminating(pod)]
    ready = sum(_runs(pod) and is_ready(pod) for pod in owned)
    now = sum(_revision(pod) == current for pod in staying) - work.outdated_gone
    updated = sum(_revision(pod) == update for pod in staying)
    if len(owned) == updated == ready == len(identity.ordinals(statefulset)):
        current, now = update, updated
    return StatefulSetStatus(
        observedGeneration=statefulset.metadata.generation,
        replicas=len(owned), readyReplicas=ready or None,
        availableReplicas=sum(_is_available(work, pod) for pod in owned),
        currentReplicas=now or None, updatedReplicas=updated or None,
        currentRevision=current, updateRevision=update,
        collisionCount=statefulset.status.collisionCount or 0, conditions=statefulset.status.conditions,
    )


def _wait(work: Pass) -> Iterator[Action]:
    """Look again when a pod becomes available by mere waiting, or when a claim must first be gone."""
    statefulset = work.view.statefulset
    min_ready_s = statefulset.spec.minReadySeconds or 0
    pods = [*work.replicas.values(), *work.condemned] if min_ready_s else ()
    waits = [available_in_s(pod, min_ready_s, now_s=work.view.now_s) for pod in pods]
    missing = [number for number in identity.ordinals(statefulset) if number not in work.replicas]
    if any(identity.is_stale(statefulset, number, work.view.claims) for number in missing):
        waits.append(STALE_CLAIM_S)
    soonest = min((wait for wait in waits if wait), default=None)
    if soonest is not None:
        yield After(soonest)


def _is_healthy(work: Pass, pod: Pod) -> bool:
    return not is_terminating(pod) and _is_available(work, pod)


def _is_available(work: Pass, pod: Pod) -> bool:
    min_ready_s = work.view.statefulset.spec.minReadySeconds or 0
    return _runs(pod) and is_available(pod, min_ready_s, now_s=work.view.now_s)


def _runs(pod: Pod) -> bool:
    return pod.status.phase == "Running"


def _revision(pod: Pod) -> str | None:
    return pod.metadata.labels.get(identity.REVISION)


def _partition(work: Pass) -> int:
    """Return the lowest ordinal that gets the new revision."""
    strategy = work.view.statefulset.spec.updateStrategy
    rolling = strategy.rollingUpdate if strategy is not None else None
    return identity.ordinals(work.view.statefulset).start + (rolling.partition or 0 if rolling is not None else 0)


def _max_unavailable(work: Pass) -> int:
    """Return how many pods an update may take down at once; at least one."""
    strategy = work.view.statefulset.spec.updateStrategy
    value = strategy.rollingUpdate.maxUnavailable if strategy is not None and strategy.rollingUpdate is not None else 1
    if isinstance(value, str):
        # Rounded up, without floating point. Source: kube getStatefulSetMaxUnavailable.
        value = -(-int(value.rstrip("%")) * len(identity.ordinals(work.view.statefulset)) // 100)
    return max(1, value or 1)
