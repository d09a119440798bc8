"""Keep one pod on every node that fits. Source: kube daemon/daemon_controller.go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from knarr.api import selectors
from knarr.api.types.apps_v1 import ControllerRevision, DaemonSet, DaemonSetStatus
from knarr.api.types.core_v1 import Node, Pod
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.controllers.daemonset.eligible import Fit, bound_to, fit, node_of
from knarr.controllers.daemonset.rolling import HASH, Step, max_surge, step
from knarr.reconcile import history
from knarr.reconcile.actions import Action, After, Create, Delete, Event, Failure, Told
from knarr.reconcile.owners import claim, reference
from knarr.reconcile.pods import available_in_s, from_template, is_available, is_ready, is_terminating
from knarr.reconcile.status import write_status

BURST_MAX = 250       # pods made, and pods deleted, per pass. Source: kube daemon_controller.go, BurstReplicas
GENERATION = "pod-template-generation"
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
CREATED = ("SuccessfulCreate", "Created pod: {name}")
DELETED = ("SuccessfulDelete", "Deleted pod: {name}")


@dataclass(frozen=True, slots=True)
class View:
    """All that one decision may look at.

    pods, held: owned, or matching and without a controller. taken: the present template's revision name belongs to
    somebody else. waits_s: how long each failed pod, by uid, stays before it is replaced.
    """

    daemonset: DaemonSet
    pods: tuple[Pod, ...]
    held: tuple[ControllerRevision, ...]
    nodes: tuple[Node, ...]
    taken: bool
    waits_s: dict[str, float]
    now_s: float
    failures: tuple[Failure, ...] = ()


@dataclass(slots=True)
class Pass:
    """One decision in the making. short: the present template's hash; by_node: all pods by the node they are for."""

    view: View
    short: str
    fits: dict[str, Fit]
    by_node: dict[str, list[Pod]]
    make: list[str] = field(default_factory=list)
    stop: list[Pod] = field(default_factory=list)
    told: list[Action] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)

    def is_available(self, pod: Pod) -> bool:
        """Tell whether the pod has been ready for long enough."""
        return is_available(pod, self.view.daemonset.spec.minReadySeconds or 0, now_s=self.view.now_s)


def plan(view: View) -> list[Action]:
    """Make what is missing, remove what does not belong, then replace what is old."""
    daemonset = view.daemonset
    chooser = selectors.of(daemonset.spec.selector)
    claimed, known = claim(daemonset, chooser, view.pods), claim(daemonset, chooser, view.held)
    resolved = history.resolve(daemonset, known.owned, taken=view.taken)
    if resolved.collision:
        count = (daemonset.status.collisionCount or 0) + 1
        return list(write_status(daemonset, replace(daemonset.status, collisionCount=count)))
    short = resolved.update.metadata.labels.get(HASH, "")
    work = Pass(view, short, {node.metadata.name or "": fit(daemonset, node) for node in view.nodes},
                _by_node(claimed.owned))
    # After a refusal the status is told first; the writes are tried again after the backoff.
    if daemonset.metadata.deletionTimestamp is None and not view.failures:
        _settle(work)
        if not work.make and not work.stop and _rolls(daemonset):
            _roll(work)
    live = {resolved.update.metadata.name or "", *(
        one.metadata.name or "" for one in known.owned
        if any(pod.metadata.labels.get(HASH) == one.metadata.labels.get(HASH) for pod in claimed.owned))}
    return [
        *claimed.patches, *known.patches, *resolved.actions, *work.told, *_writes(work),
        *write_status(daemonset, _status(work)), *history.surplus(daemonset, known.owned, live=live), *_wait(work)]


def new_pod(daemonset: DaemonSet, node_name: str, *, short: str) -> Pod:
    """Return the pod for a node; the server completes its name."""
    meta = ObjectMeta(generateName=f"{daemonset.metadata.name}-", namespace=daemonset.metadata.namespace)
    pod = from_template(daemonset.spec.template, meta, owner=reference(daemonset))
    labels = {**pod.metadata.labels, HASH: short}
    generation = daemonset.metadata.annotations.get(TEMPLATE_GENERATION)
    if generation is not None:
        labels[GENERATION] = generation
    return replace(pod, metadata=replace(pod.metadata, labels=labels), spec=bound_to(pod.spec, node_name))


def _settle(work: Pass) -> None:
    """Decide node by node; what is meant for a node that is gone goes too."""
    for name, fits in work.fits.items():
        pods = work.by_node.get(name, [])
        if not fits.stay:
            work.stop += [pod for pod in pods if not is_terminating(pod)]
        elif pods:
            _settle_node(work, name, pods)
        elif fits.run:
            work.make.append(name)
    for name, pods in work.by_node.items():
        if name not in work.fits:
            work.stop += [pod for pod in pods if not is_terminating(pod) and not pod.spec.nodeName]


def _settle_node(work: Pass, name: str, pods: list[Pod]) -> None:
    """Remove pods that have ended, and all but one of the others."""
    running: list[Pod] = []
    for pod in pods:
        if is_terminating(pod):
            continue
        if pod.status.phase in ("Failed", "Succeeded"):
            _clear(work, name, pod)
        else:
            running.append(pod)
    if max_surge(work.view.daemonset, _wanted(work)) and _rolls(work.view.daemonset):
        # One old and one new pod may stand side by side; `rolling` decides between them.
        fresh = [pod for pod in running if pod.metadata.labels.get(HASH) == work.short]
        rest = [pod for pod in running if pod not in fresh]
        work.stop += [*_oldest_first(fresh)[1:], *_oldest_first(rest)[1:]]
    else:
        work.stop += _oldest_first(running)[1:]


def _clear(work: Pass, name: str, pod: Pod) -> None:
    failed = pod.status.phase == "Failed"
    wait_s = work.view.waits_s.get(pod.metadata.uid or "", 0.0) if failed else 0.0
    if wait_s > 0:
        work.waits_s.append(wait_s)
        return
    where = f"daemon pod {pod.metadata.namespace}/{pod.metadata.name} on node {name}"
    daemonset = work.view.daemonset
    work.told.append(
        Event(daemonset, "FailedDaemonPod", f"Found failed {where}, will try to kill it", type="Warning") if failed
        else Event(daemonset, "SucceededDaemonPod", f"Found succeeded {where}, will try to delete it"))
    work.stop.append(pod)


def _roll(work: Pass) -> None:
    """Take the next step of a rolling update, over the nodes that shall have a pod."""
    by_node = {name: work.by_node.get(name, []) for name, fits in work.fits.items() if fits.run}
    found: Step = step(work.view.daemonset, by_node, short=work.short, wanted=len(by_node), available=work.is_available)
    work.stop += found.stop
    work.make += found.surge


def _writes(work: Pass) -> list[Action]:
    daemonset = work.view.daemonset
    make = Told(daemonset, CREATED, ("FailedCreate", "Error creating: {error}"))
    stop = Told(daemonset, DELETED, ("FailedDelete", "Error deleting: {error}"))
    return [*(Create(new_pod(daemonset, name, short=work.short), make) for name in work.make[:BURST_MAX]),
            *(Delete(pod, stop) for pod in work.stop[:BURST_MAX])]


def _status(work: Pass) -> DaemonSetStatus:
    """Count by nodes. What is made or removed now is counted when it is seen. Source: kube updateDaemonSetStatus."""
    daemonset = work.view.daemonset
    wanted = [name for name, fits in work.fits.items() if fits.run]
    firsts = [_oldest_first(work.by_node[name])[0] for name in wanted if work.by_node.get(name)]
    ready = sum(is_ready(pod) for pod in firsts)
    available = sum(work.is_available(pod) for pod in firsts)
    return DaemonSetStatus(
        desiredNumberScheduled=len(wanted), currentNumberScheduled=len(firsts),
        numberMisscheduled=sum(name not in wanted and name in work.fits for name in work.by_node),
        numberReady=ready, numberAvailable=available or None, numberUnavailable=(len(wanted) - available) or None,
        updatedNumberScheduled=sum(pod.metadata.labels.get(HASH) == work.short for pod in firsts) or None,
        observedGeneration=daemonset.metadata.generation, collisionCount=daemonset.status.collisionCount,
        conditions=daemonset.status.conditions)


def _wait(work: Pass) -> list[Action]:
    """Look again when a failed pod may be replaced, or a ready one has been so for long enough."""
    min_ready_s = work.view.daemonset.spec.minReadySeconds or 0
    pods = [pod for pods in work.by_node.values() for pod in pods] if min_ready_s else []
    waits = [available_in_s(pod, min_ready_s, now_s=work.view.now_s) for pod in pods]
    soonest = min((wait for wait in (*waits, *work.waits_s) if wait), default=None)
    return [After(soonest)] if soonest is not None else []


def _by_node(pods: Sequence[Pod]) -> dict[str, list[Pod]]:
    found: dict[str, list[Pod]] = {}
    for pod in pods:
        found.setdefault(node_of(pod), []).append(pod)
    return found


def _oldest_first(pods: Sequence[Pod]) -> list[Pod]:
    """Order pods as they are kept: on a node before unscheduled, then by age."""
    return sorted(pods, key=lambda pod: (
        not pod.spec.nodeName, pod.metadata.creationTimestamp or "", pod.metadata.name or ""))


def _rolls(daemonset: DaemonSet) -> bool:
    return daemonset.spec.updateStrategy is None or daemonset.spec.updateStrategy.type != "OnDelete"


def _wanted(work: Pass) -> int:
    return sum(fits.run for fits in work.fits.values())
