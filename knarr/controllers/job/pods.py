"""Make a Job's pods and read how they ended. Pure. Source: kube job/job_controller.go and indexed_job_utils.go."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from knarr.api.types.batch_v1 import Job
from knarr.api.types.core_v1 import Container, EnvVar, EnvVarSource, ObjectFieldSelector, Pod
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.base.times import seconds
from knarr.reconcile.owners import reference
from knarr.reconcile.pods import condition, from_template, is_ready, is_terminating

TRACKING = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
INDEX_FAILURES = "batch.kubernetes.io/job-index-failure-count"
INDEX_IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"
INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
PREFIX_MAX = 58                 # characters of a generateName. Source: kube names.maxGeneratedNameLength
PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def new_pod(job: Job, index: int | None = None, *, failures: int = 0, ignored: int = 0) -> Pod:
    """Return the pod that the template makes, for an index where the Job has such.

    failures, ignored: how often the index has failed before, for Jobs that limit this.
    """
    prefix = f"{job.metadata.name}-" if index is None else _indexed_prefix(job.metadata.name or "", index)
    meta = ObjectMeta(generateName=prefix, namespace=job.metadata.namespace)
    pod = from_template(job.spec.template, meta, owner=reference(job))
    made = replace(pod.metadata, finalizers=(*pod.metadata.finalizers, TRACKING))
    if index is None:
        return replace(pod, metadata=made)
    notes = {**made.annotations, INDEX: str(index)}
    if job.spec.backoffLimitPerIndex is not None:
        notes[INDEX_FAILURES] = str(failures)
        if ignored:
            notes[INDEX_IGNORED] = str(ignored)
    made = replace(made, labels={**made.labels, INDEX: str(index)}, annotations=notes)
    spec = replace(
        pod.spec, hostname=f"{job.metadata.name}-{index}",
        containers=_told_their_index(pod.spec.containers), initContainers=_told_their_index(pod.spec.initContainers))
    return replace(pod, metadata=made, spec=spec)


def is_indexed(job: Job) -> bool:
    """Tell whether each pod has an index of its own."""
    return job.spec.completionMode == "Indexed"


def is_tracked(pod: Pod) -> bool:
    """Tell whether the pod waits to be counted."""
    return TRACKING in pod.metadata.finalizers


def replaces_failed_only(job: Job) -> bool:
    """Tell whether a pod that is being deleted keeps its place until it has ended."""
    return job.spec.podReplacementPolicy == "Failed" or job.spec.podFailurePolicy is not None


def has_failed(job: Job, pod: Pod) -> bool:
    """Tell whether the pod counts as failed: one that is being deleted does, where it is replaced at once."""
    if pod.status.phase == "Failed":
        return True
    return not replaces_failed_only(job) and is_terminating(pod) and pod.status.phase != "Succeeded"


def index_of(pod: Pod) -> int | None:
    """Return the pod's index; None where it has none that can be read."""
    text = pod.metadata.annotations.get(INDEX, "")
    return int(text) if text.isdecimal() else None


def failures_of(pod: Pod) -> tuple[int, int]:
    """Return how often the pod's index had failed before it: counted, and ignored."""
    texts = [pod.metadata.annotations.get(name, "0") for name in (INDEX_FAILURES, INDEX_IGNORED)]
    counted, ignored = (int(text) if text.isdecimal() else 0 for text in texts)
    return counted, ignored


def ended_s(pod: Pod) -> float:
    """Return when the pod ended, in seconds since 1970. Source: kube backoff_utils.go, getFinishedTime."""
    statuses = (*pod.status.containerStatuses, *pod.status.initContainerStatuses)
    ends = [status.state.terminated.finishedAt for status in statuses
            if status.state is not None and status.state.terminated is not None]
    known = [seconds(end) for end in ends if end]
    if known:
        return max(known)
    ready = condition(pod, "Ready")
    if ready is not None and ready.status == "False" and ready.lastTransitionTime:
        return seconds(ready.lastTransitionTime)
    if pod.metadata.deletionTimestamp:
        return seconds(pod.metadata.deletionTimestamp) - (pod.metadata.deletionGracePeriodSeconds or 0)
    return seconds(pod.metadata.creationTimestamp) if pod.metadata.creationTimestamp else 0.0


def surplus(job: Job, active: list[Pod], count: int) -> list[Pod]:
    """Return which active pods go: those whose index is taken or too high, then `count` in all by rank."""
    ranked = sorted(active, key=_rank)
    doubles = _doubles(job, ranked) if is_indexed(job) else []
    chosen = {pod.metadata.uid for pod in doubles}
    rest = [pod for pod in ranked if pod.metadata.uid not in chosen]
    return doubles + rest[: max(0, count - len(doubles))]


def _doubles(job: Job, ranked: Iterable[Pod]) -> list[Pod]:
    """Find pods without a valid index, and all but the best of each index."""
    limit = job.spec.completions or 0
    best: dict[int, Pod] = {}
    found: list[Pod] = []
    for pod in ranked:
        index = index_of(pod)
        if index is None or index >= limit:
            found.append(pod)
            continue
        if index in best:
            found.append(best[index])
        best[index] = pod
    return found


def _rank(pod: Pod) -> tuple[bool, int, bool, str, str]:
    """First to go first: unscheduled, not running, unready, youngest. Source: kube ActivePods."""
    age = seconds(pod.metadata.creationTimestamp) if pod.metadata.creationTimestamp else 0.0
    return (bool(pod.spec.nodeName), PHASES.get(pod.status.phase or "", 0), is_ready(pod), f"{1e12 - age:020.3f}",
            pod.metadata.uid or "")


def _indexed_prefix(name: str, index: int) -> str:
    suffix = f"-{index}-"
    return name[: PREFIX_MAX - len(suffix)] + suffix


def _told_their_index(containers: tuple[Container, ...]) -> tuple[Container, ...]:
    """Give each container the variable that holds its index, unless it sets it itself."""
    source = EnvVarSource(fieldRef=ObjectFieldSelector(fieldPath=f"metadata.labels['{INDEX}']"))
    added = EnvVar(name=INDEX_VARIABLE, valueFrom=source)
    return tuple(
        one if any(held.name == INDEX_VARIABLE for held in one.env) else replace(one, env=(*one.env, added))
        for one in containers)
