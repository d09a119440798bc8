"""Decide how many pods a Job runs now, and which. Pure. Source: kube job_controller.go, manageJob; backoff_utils.go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from knarr.api.types.batch_v1 import Job
from knarr.api.types.core_v1 import Pod
from knarr.controllers.job.pods import (
    ended_s,
    has_failed,
    index_of,
    is_indexed,
    is_tracked,
    new_pod,
    replaces_failed_only,
    surplus,
)
from knarr.controllers.job.tally import Tally, last_failures, next_failures
from knarr.reconcile.pods import is_active, is_finished, is_terminating

BURST_MAX = 500                             # pods per pass. Source: kube MaxPodCreateDeletePerSync
BACKOFF_S, BACKOFF_MAX_S = 10.0, 600.0      # Source: kube DefaultJobPodFailureBackOff, MaxJobPodFailureBackOff


@dataclass(frozen=True, slots=True)
class Staffing:
    """Pods to make and pods to send home; wait_s: when more may be made, if a backoff is what it waits for."""

    make: list[Pod] = field(default_factory=list)
    stop: list[Pod] = field(default_factory=list)
    wait_s: float | None = None


def staff(job: Job, pods: Sequence[Pod], result: Tally, *, now_s: float) -> Staffing:
    """Return what brings the active pods nearer to what is wanted."""
    active = [pod for pod in pods if is_active(pod)]
    if job.spec.suspend:
        return Staffing(stop=active[:BURST_MAX])
    wanted = _wanted(job, result, active=len(active))
    stop = surplus(job, active, max(0, len(active) - wanted))[:BURST_MAX]
    if stop:
        return Staffing(stop=stop)
    leaving = sum(is_terminating(pod) and not is_finished(pod) for pod in pods) if replaces_failed_only(job) else 0
    missing = min(wanted - leaving - len(active), BURST_MAX)
    if missing <= 0:
        return Staffing()
    if job.spec.backoffLimitPerIndex is not None:
        return _by_index(job, pods, result, missing=missing, now_s=now_s)
    wait_s = _backoff_s(job, pods, now_s=now_s)
    if wait_s > 0:
        return Staffing(wait_s=wait_s)
    if is_indexed(job):
        return Staffing(make=[new_pod(job, index) for index in _free(job, pods, result)[:missing]])
    return Staffing(make=[new_pod(job)] * missing)


def _wanted(job: Job, result: Tally, *, active: int) -> int:
    parallelism = job.spec.parallelism if job.spec.parallelism is not None else 1
    successes = result.successes(job)
    if job.spec.completions is None:
        # A work queue: once one pod has succeeded, the others finish what they do and none is added.
        return min(active, parallelism) if successes else parallelism
    return max(0, min(parallelism, job.spec.completions - successes))


def _free(job: Job, pods: Sequence[Pod], result: Tally) -> list[int]:
    """Return the indexes that are open, lowest first."""
    taken = {index_of(pod) for pod in pods if is_active(pod)}
    if replaces_failed_only(job):
        taken |= {index_of(pod) for pod in pods if is_terminating(pod) and not is_finished(pod)}
    over = result.done | result.failed_indexes
    return [index for index in range(job.spec.completions or 0) if index not in over and index not in taken]


def _by_index(job: Job, pods: Sequence[Pod], result: Tally, *, missing: int, now_s: float) -> Staffing:
    """Make pods of indexes whose own backoff is over."""
    last = last_failures(job, pods)
    make: list[Pod] = []
    waits: list[float] = []
    for index in _free(job, pods, result)[:missing]:
        before = last.get(index)
        failures, ignored = next_failures(job, before)
        wait_s = _left_s(failures + ignored, before, now_s=now_s)
        if wait_s > 0:
            waits.append(wait_s)
        else:
            make.append(new_pod(job, index, failures=failures, ignored=ignored))
    return Staffing(make=make, wait_s=min(waits, default=None))


def _backoff_s(job: Job, pods: Sequence[Pod], *, now_s: float) -> float:
    """Return how long to wait after failures since the last success. The pods themselves are the memory."""
    ended = sorted((pod for pod in pods if _has_ended(job, pod)), key=ended_s)
    failures = 0
    for pod in ended:
        failures = 0 if pod.status.phase == "Succeeded" else failures + 1
    return _left_s(failures, ended[-1] if ended else None, now_s=now_s)


def _has_ended(job: Job, pod: Pod) -> bool:
    # A pod that was sent home lost its finalizer first: that is no failure.
    return is_finished(pod) or (is_tracked(pod) and has_failed(job, pod))


def _left_s(failures: int, last: Pod | None, *, now_s: float) -> float:
    if not failures or last is None:
        return 0.0
    doublings = min(failures - 1, 10)     # ten are past the maximum
    return ended_s(last) + min(BACKOFF_S * 2.0 ** doublings, BACKOFF_MAX_S) - now_s
