"""Count how a Job's pods ended, each exactly once. Pure. Source: kube job_controller.go and KEP-2307.

Theory of operation: a pod keeps the finalizer `batch.kubernetes.io/job-tracking` until its end is written down. First
its uid goes into `status.uncountedTerminatedPods`; once that is stored the finalizer goes; once the finalizer is seen
to be gone the uid becomes part of the count. Whoever stops at any point and begins again from what is stored reaches
the same count. An index that succeeded is written down by its number instead of by a uid.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knarr.api.types.batch_v1 import Job, UncountedTerminatedPods
from knarr.api.types.core_v1 import Pod
from knarr.controllers.job import policy
from knarr.controllers.job.indexes import parse
from knarr.controllers.job.pods import failures_of, has_failed, index_of, is_indexed, is_tracked
from knarr.reconcile.pods import is_active

UNCOUNTED_MAX = 500     # uids in a status at once. Source: kube MaxUncountedPods


@dataclass(frozen=True, slots=True)
class Tally:
    """What is stored and what is new.

    succeeded, failed: counts that are settled. uncounted: uids written down, not yet counted. fresh: tracked
    pods that are not written down; new_succeeded, new_failed: those of them that have ended. done, failed_indexes:
    indexes, new ones too.
    """

    succeeded: int
    failed: int
    uncounted: UncountedTerminatedPods
    fresh: tuple[Pod, ...]
    new_succeeded: tuple[Pod, ...]
    new_failed: tuple[Pod, ...]
    done: frozenset[int]
    failed_indexes: frozenset[int]

    @property
    def failures(self) -> int:
        """Return all failures that count, new ones too."""
        return self.failed + len(self.uncounted.failed) + len(self.new_failed)

    def successes(self, job: Job) -> int:
        """Return all successes, new ones too: of an indexed Job, indexes."""
        if is_indexed(job):
            return len(self.done)
        return self.succeeded + len(self.uncounted.succeeded) + len(self.new_succeeded)


def tally(job: Job, pods: Sequence[Pod]) -> Tally:
    """Count the Job's pods, as the cache shows them."""
    tracked = {pod.metadata.uid: pod for pod in pods if is_tracked(pod)}
    held = job.status.uncountedTerminatedPods or UncountedTerminatedPods()
    waiting = UncountedTerminatedPods(
        succeeded=tuple(uid for uid in held.succeeded if uid in tracked),
        failed=tuple(uid for uid in held.failed if uid in tracked))
    known = {*held.succeeded, *held.failed}
    fresh = [pod for uid, pod in tracked.items() if uid not in known]
    failed = [pod for pod in fresh if has_failed(job, pod) and counts(job, pod)]
    return Tally(
        succeeded=(job.status.succeeded or 0) + len(held.succeeded) - len(waiting.succeeded),
        failed=(job.status.failed or 0) + len(held.failed) - len(waiting.failed),
        uncounted=waiting, fresh=tuple(fresh),
        new_succeeded=tuple(pod for pod in fresh if pod.status.phase == "Succeeded"),
        new_failed=tuple(failed),
        done=_done(job, tracked.values()), failed_indexes=_failed_indexes(job, tracked.values()))


def counts(job: Job, pod: Pod) -> bool:
    """Tell whether a failure counts: not where a policy ignores it, nor for an index the Job does not have."""
    if is_indexed(job):
        index = index_of(pod)
        if index is None or index >= (job.spec.completions or 0):
            return False
    return policy.verdict(job, pod)[0] != policy.IGNORE


def waits_for_heir(job: Job, pods: Sequence[Pod], result: Tally) -> frozenset[str]:
    """Return the uids of failed pods that stay uncounted until their index has a new pod, which inherits the count.

    Without it, a count per index would be lost with the pod. Source: kube getPodsWithDelayedDeletionPerIndex.
    """
    if job.spec.backoffLimitPerIndex is None:
        return frozenset()
    over = result.done | result.failed_indexes
    last = last_failures(job, pods)
    return frozenset(
        pod.metadata.uid or "" for index, pod in last.items() if is_tracked(pod) and index not in over
        and not any(is_active(other) and index_of(other) == index for other in pods))


def last_failures(job: Job, pods: Sequence[Pod]) -> dict[int, Pod]:
    """Return the pod of each index that failed last."""
    found: dict[int, Pod] = {}
    for pod in pods:
        index = index_of(pod)
        if index is None or not has_failed(job, pod):
            continue
        if index not in found or sum(failures_of(pod)) >= sum(failures_of(found[index])):
            found[index] = pod
    return found


def next_failures(job: Job, pod: Pod | None) -> tuple[int, int]:
    """Return what the next pod of an index inherits: failures that counted, and ignored ones."""
    if pod is None:
        return 0, 0
    counted, ignored = failures_of(pod)
    if policy.verdict(job, pod)[0] == policy.IGNORE:
        return counted, ignored + 1
    return counted + 1, ignored


def _done(job: Job, tracked: Iterable[Pod]) -> frozenset[int]:
    if not is_indexed(job):
        return frozenset()
    limit = job.spec.completions or 0
    found = parse(job.status.completedIndexes, limit=limit)
    for pod in tracked:
        index = index_of(pod)
        if pod.status.phase == "Succeeded" and index is not None and index < limit:
            found.add(index)
    return frozenset(found)


def _failed_indexes(job: Job, tracked: Iterable[Pod]) -> frozenset[int]:
    if job.spec.backoffLimitPerIndex is None:
        return frozenset()
    limit = job.spec.completions or 0
    found = parse(job.status.failedIndexes, limit=limit)
    for pod in tracked:
        index = index_of(pod)
        if index is not None and index < limit and has_failed(job, pod) and _fails_index(job, pod):
            found.add(index)
    return frozenset(found)


def _fails_index(job: Job, pod: Pod) -> bool:
    if policy.verdict(job, pod)[0] == policy.FAIL_INDEX:
        return True
    return next_failures(job, pod)[0] > (job.spec.backoffLimitPerIndex or 0)
