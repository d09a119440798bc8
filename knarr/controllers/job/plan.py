"""Run pods until enough have ended well, and count each exactly once. Source: kube job/job_controller.go, syncJob."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec.structs import replace

from knarr.api import selectors
from knarr.api.types.batch_v1 import Job, JobCondition, JobStatus, UncountedTerminatedPods
from knarr.api.types.core_v1 import Pod
from knarr.base.times import rfc3339
from knarr.controllers.job.ending import (
    FAILURE_TARGET,
    deadline_in_s,
    ended_at_s,
    ending,
    final,
    is_over,
    new_condition,
    reached,
)
from knarr.controllers.job.indexes import render
from knarr.controllers.job.pods import TRACKING, has_failed, is_indexed, is_tracked
from knarr.controllers.job.staffing import Staffing, staff
from knarr.controllers.job.tally import UNCOUNTED_MAX, Tally, counts, tally, waits_for_heir
from knarr.reconcile.actions import Action, After, Create, Delete, Event, Failure, Patch, Told
from knarr.reconcile.owners import claim, controller_of
from knarr.reconcile.pods import is_active, is_finished, is_ready, is_terminating
from knarr.reconcile.status import get_condition, set_condition, write_status

STRATEGIC = "application/strategic-merge-patch+json"
OURS = (None, "kubernetes.io/job-controller")       # values of spec.managedBy that mean this controller
CREATED = ("SuccessfulCreate", "Created pod: {name}")
DELETED = ("SuccessfulDelete", "Deleted pod: {name}")
SUSPENDED = ("JobSuspended", "Job suspended")
RESUMED = ("JobResumed", "Job resumed")


@dataclass(frozen=True, slots=True)
class View:
    """A Job; its pods: owned, or matching and without a controller. failures: writes refused in the last pass."""

    job: Job
    pods: tuple[Pod, ...]
    now_s: float
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Orphan:
    """A pod that waits to be counted by a Job that is no more."""

    pod: Pod


@dataclass(slots=True)
class Pass:
    """One decision in the making. end: where the Job goes; gone: pods that are told to end now."""

    view: View
    pods: list[Pod]
    tally: Tally
    end: JobCondition | None
    staffing: Staffing = field(default_factory=Staffing)
    gone: list[Pod] = field(default_factory=list)
    conditions: tuple[JobCondition, ...] = ()
    start_time: str | None = None
    told: list[Action] = field(default_factory=list)

    @property
    def fails(self) -> bool:
        """Tell whether the Job goes where no pod matters any more."""
        return self.end is not None and self.end.type == FAILURE_TARGET

    @property
    def active(self) -> list[Pod]:
        """Return the pods that stay active."""
        gone = {pod.metadata.uid for pod in self.gone}
        return [pod for pod in self.pods if is_active(pod) and pod.metadata.uid not in gone]


def plan(view: View | Orphan) -> list[Action]:
    """Make and stop pods, write down how they ended, let the counted ones go, and end the Job."""
    if isinstance(view, Orphan):
        return [_untrack(view.pod)]
    job = view.job
    if job.spec.managedBy not in OURS:
        return []
    if is_over(job):
        return _after_the_end(view)
    claimed = claim(job, selectors.of(job.spec.selector), view.pods)
    pods = list(claimed.owned)
    result = tally(job, pods)
    work = Pass(view, pods, result, ending(job, pods, result, now_s=view.now_s),
                conditions=job.status.conditions, start_time=job.status.startTime)
    if work.start_time is None and not job.spec.suspend:
        work.start_time = rfc3339(view.now_s)
    writes = _run(work)
    written = _written_down(work)
    freed = _freed(work, written)
    status = _status(work, written, freed)
    return [
        *claimed.patches, *writes, *_write(job, status), *(_untrack(pod) for pod in freed), *work.told, *_wait(work)]


def _run(work: Pass) -> list[Action]:
    """Make and stop pods; settle where the Job goes."""
    job, now_s = work.view.job, work.view.now_s
    if work.end is not None:
        work.gone = [] if work.view.failures else [pod for pod in work.pods if is_active(pod)]
        return [Delete(pod, _told(job, "Delete")) for pod in work.gone]
    calm = not work.view.failures and job.metadata.deletionTimestamp is None
    if calm:
        work.staffing = staff(job, work.pods, work.tally, now_s=now_s)
        work.gone = work.staffing.stop
    active = len(work.active) + len(work.staffing.make)
    work.end = reached(job, work.tally, active=active, now_s=now_s)
    if work.end is None and calm:
        _suspend_or_resume(work)
    # Who is sent home is let go first, so that nobody counts it as a failure. Source: kube deleteJobPods.
    return [*(_untrack(pod) for pod in work.gone if is_tracked(pod)),
            *(Delete(pod, _told(job, "Delete")) for pod in work.gone),
            *(Create(pod, _told(job, "Create")) for pod in work.staffing.make)]


def _suspend_or_resume(work: Pass) -> None:
    job, now_s = work.view.job, work.view.now_s
    held = get_condition(work.conditions, "Suspended")
    suspended = held is not None and held.status == "True"
    if bool(job.spec.suspend) == suspended:
        return
    why, status = (SUSPENDED, "True") if job.spec.suspend else (RESUMED, "False")
    fresh = new_condition("Suspended", why, now_s=now_s, status=status)
    work.conditions = set_condition(work.conditions, fresh)
    work.told.append(Event(job, why[0].removeprefix("Job"), why[1]))
    if not job.spec.suspend:
        work.start_time = rfc3339(now_s)    # the deadline counts from here again


def _written_down(work: Pass) -> UncountedTerminatedPods:
    """Return the uids that are, or will be, written down and not counted."""
    job, result = work.view.job, work.tally
    heirs = frozenset() if work.end is not None else waits_for_heir(job, work.pods, result)
    failed: tuple[Pod, ...] = result.new_failed
    if work.fails:
        failed = tuple(pod for pod in result.fresh if pod.status.phase != "Succeeded" and counts(job, pod))
    held = result.uncounted
    room = max(0, UNCOUNTED_MAX - len(held.succeeded) - len(held.failed))
    succeeded = () if is_indexed(job) else result.new_succeeded[:room]
    failed = tuple(pod for pod in failed if pod.metadata.uid not in heirs)[: room - len(succeeded)]
    return UncountedTerminatedPods(
        succeeded=(*held.succeeded, *(pod.metadata.uid or "" for pod in succeeded)),
        failed=(*held.failed, *(pod.metadata.uid or "" for pod in failed)))


def _freed(work: Pass, written: UncountedTerminatedPods) -> list[Pod]:
    """Return the pods that need not be kept once the status is stored."""
    job = work.view.job
    gone = {pod.metadata.uid for pod in work.gone} if work.end is None else set()     # let go already
    uids = {*written.succeeded, *written.failed}
    over = job.metadata.deletionTimestamp is not None

    def free(pod: Pod) -> bool:
        ignored = has_failed(job, pod) and not counts(job, pod)
        done = is_indexed(job) and pod.status.phase == "Succeeded"
        uncounted = work.fails and not counts(job, pod)
        return over or ignored or done or uncounted or pod.metadata.uid in uids

    return [pod for pod in work.pods if is_tracked(pod) and pod.metadata.uid not in gone and free(pod)][:UNCOUNTED_MAX]


def _status(work: Pass, written: UncountedTerminatedPods, freed: list[Pod]) -> JobStatus:
    job, result = work.view.job, work.tally
    staying = work.active
    leaving = sum(is_terminating(pod) and not is_finished(pod) for pod in work.pods) + len(work.gone)
    status = JobStatus(
        startTime=work.start_time,
        active=(len(staying) + len(work.staffing.make)) or None,
        ready=sum(is_ready(pod) for pod in staying), terminating=leaving,
        succeeded=(len(result.done) if is_indexed(job) else result.succeeded) or None,
        failed=result.failed or None,
        completedIndexes=(render(result.done) or None) if is_indexed(job) else None,
        failedIndexes=render(result.failed_indexes) if job.spec.backoffLimitPerIndex is not None else None,
        uncountedTerminatedPods=written, conditions=work.conditions)
    if work.end is None:
        return status
    status = replace(status, conditions=set_condition(status.conditions, work.end))
    tracked = any(is_tracked(pod) for pod in work.pods)
    if written.succeeded or written.failed or leaving or status.active or tracked or freed:
        return status
    return _finish(work, status, work.end)


def _finish(work: Pass, status: JobStatus, end: JobCondition) -> JobStatus:
    over = final(end, now_s=work.view.now_s)
    job = work.view.job
    if over.type == "Complete":
        work.told.append(Event(job, "Completed", "Job completed"))
        status = replace(status, completionTime=over.lastTransitionTime)
    else:
        work.told.append(Event(job, over.reason or "", over.message or "", type="Warning"))
    return replace(status, conditions=set_condition(status.conditions, over))


def _write(job: Job, status: JobStatus) -> list[Patch]:
    """Write counts only upon the very state they were reckoned from: a stale reader must not count twice."""
    patches = write_status(job, status)
    for patch in patches:
        patch.patch["metadata"]["resourceVersion"] = job.metadata.resourceVersion
    return patches


def _wait(work: Pass) -> list[Action]:
    job, now_s = work.view.job, work.view.now_s
    waits = [work.staffing.wait_s]
    if work.end is None:
        deadline_s = deadline_in_s(job, now_s=now_s)
        fresh = job.status.startTime is None and not job.spec.suspend
        waits.append(float(job.spec.activeDeadlineSeconds) if fresh and job.spec.activeDeadlineSeconds else deadline_s)
    soonest = min((wait for wait in waits if wait is not None), default=None)
    return [After(max(soonest, 0.0))] if soonest is not None else []


def _after_the_end(view: View) -> list[Action]:
    """Let go of pods that came too late to be counted, and remove the Job when its time to live is over."""
    job = view.job
    owned = [pod for pod in view.pods if (owner := controller_of(pod.metadata)) and owner.uid == job.metadata.uid]
    late: list[Action] = [_untrack(pod) for pod in owned if is_tracked(pod)]
    ended_s = ended_at_s(job)
    if job.spec.ttlSecondsAfterFinished is None or ended_s is None or job.metadata.deletionTimestamp is not None:
        return late
    left_s = ended_s + job.spec.ttlSecondsAfterFinished - view.now_s
    if left_s > 0:
        return [*late, After(left_s)]
    return [*late, Delete(job, options={"propagationPolicy": "Foreground"})]


def _untrack(pod: Pod) -> Patch:
    """Remove our finalizer alone, whatever others are doing to the pod."""
    patch = {"metadata": {"uid": pod.metadata.uid, "$deleteFromPrimitiveList/finalizers": [TRACKING]}}
    return Patch(pod, patch, content_type=STRATEGIC, together=True)


def _told(job: Job, verb: str) -> Told:
    failed = "Error creating: {error}" if verb == "Create" else "Error deleting: {error}"
    return Told(job, CREATED if verb == "Create" else DELETED, (f"Failed{verb}", failed))
