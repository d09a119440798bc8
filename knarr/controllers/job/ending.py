"""Decide whether a Job must end, and why. Pure. Source: kube job/job_controller.go, syncJob.

A Job ends in two steps: first FailureTarget or SuccessCriteriaMet tells where it goes; once its last pod has ended and
is counted, Failed or Complete tells that it is there.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from knarr.api.types.batch_v1 import Job, JobCondition
from knarr.api.types.core_v1 import Pod
from knarr.base.times import rfc3339, seconds
from knarr.controllers.job import policy
from knarr.controllers.job.pods import has_failed, is_indexed, is_tracked
from knarr.controllers.job.tally import Tally
from knarr.reconcile.status import get_condition

FAILURE_TARGET, SUCCESS_MET = "FailureTarget", "SuccessCriteriaMet"
FINAL = {FAILURE_TARGET: "Failed", SUCCESS_MET: "Complete"}
BACKOFF = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
DEADLINE = ("DeadlineExceeded", "Job was active longer than specified deadline")
TOO_MANY_INDEXES = (
    "MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes")
SOME_INDEXES = ("FailedIndexes", "Job has failed indexes")
REACHED = ("CompletionsReached", "Reached expected number of succeeded pods")


def ending(job: Job, pods: Sequence[Pod], result: Tally, *, now_s: float) -> JobCondition | None:
    """Return where the Job goes, told before or found now; None while it goes on."""
    held = job.status.conditions
    told = next((one for one in held if one.type in FINAL and one.status == "True"), None)
    if told is not None:
        return told
    why = _failure(job, pods, result, now_s=now_s)
    if why is not None:
        return new_condition(FAILURE_TARGET, why, now_s=now_s)
    text = policy.succeeds(job, result.done) if is_indexed(job) else ""
    return new_condition(SUCCESS_MET, ("SuccessPolicy", text), now_s=now_s) if text else None


def reached(job: Job, result: Tally, *, active: int, now_s: float) -> JobCondition | None:
    """Return that enough pods have succeeded and none runs any more, or None."""
    successes = result.successes(job)
    enough = successes > 0 if job.spec.completions is None else successes >= job.spec.completions
    return new_condition(SUCCESS_MET, REACHED, now_s=now_s) if enough and active == 0 else None


def final(interim: JobCondition, *, now_s: float) -> JobCondition:
    """Return the condition by which a Job that goes somewhere is there."""
    now = rfc3339(now_s)
    return replace(interim, type=FINAL[interim.type], lastProbeTime=now, lastTransitionTime=now)


def is_over(job: Job) -> bool:
    """Tell whether the Job has ended for good."""
    ends = (get_condition(job.status.conditions, name) for name in FINAL.values())
    return any(end is not None and end.status == "True" for end in ends)


def ended_at_s(job: Job) -> float | None:
    """Return when the Job ended, in seconds since 1970."""
    ends = (get_condition(job.status.conditions, name) for name in FINAL.values())
    return next((seconds(end.lastTransitionTime) for end in ends if end is not None and end.lastTransitionTime), None)


def new_condition(type: str, why: tuple[str, str], *, now_s: float, status: str = "True") -> JobCondition:
    """Return a condition that begins now. why: reason and message."""
    now = rfc3339(now_s)
    return JobCondition(
        type=type, status=status, reason=why[0], message=why[1], lastProbeTime=now, lastTransitionTime=now)


def deadline_in_s(job: Job, *, now_s: float) -> float | None:
    """Return the seconds until the Job's time is over, 0 and below when it is; None while none runs."""
    limit_s = job.spec.activeDeadlineSeconds
    if limit_s is None or job.spec.suspend or job.status.startTime is None:
        return None
    return seconds(job.status.startTime) + limit_s - now_s


def _failure(job: Job, pods: Sequence[Pod], result: Tally, *, now_s: float) -> tuple[str, str] | None:
    failed = [pod for pod in pods if has_failed(job, pod) and is_tracked(pod)]
    asked = policy.fails_job(job, failed)
    if asked:
        return "PodFailurePolicy", asked
    limit = job.spec.backoffLimit if job.spec.backoffLimit is not None else 6
    if result.failures > limit or _restarted_too_often(job, pods, limit):
        return BACKOFF
    left_s = deadline_in_s(job, now_s=now_s)
    if left_s is not None and left_s <= 0:
        return DEADLINE
    lost = len(result.failed_indexes)
    if job.spec.maxFailedIndexes is not None and lost > job.spec.maxFailedIndexes:
        return TOO_MANY_INDEXES
    if lost and lost + len(result.done) >= (job.spec.completions or 0):
        return SOME_INDEXES
    return None


def _restarted_too_often(job: Job, pods: Sequence[Pod], limit: int) -> bool:
    """Count restarts within pods, where pods restart in place. Source: kube pastBackoffLimitOnFailure."""
    if job.spec.template.spec.restartPolicy != "OnFailure":
        return False
    living = [pod for pod in pods if pod.status.phase in ("Running", "Pending")]
    restarts = sum(status.restartCount for pod in living
                   for status in (*pod.status.initContainerStatuses, *pod.status.containerStatuses))
    return restarts > 0 if limit == 0 else restarts >= limit
