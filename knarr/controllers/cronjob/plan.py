"""Make a Job whenever the schedule says, and keep the last few. Source: kube cronjob/cronjob_controllerv2.go, utils.go.

Which Jobs were made is read from the Jobs themselves (each tells its moment in an annotation), so a stop between
making a Job and writing it down makes no second one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from msgspec.structs import replace

from knarr.api import cron
from knarr.api.types.batch_v1 import CronJob, CronJobStatus, Job
from knarr.api.types.core_v1 import ObjectReference
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.base.times import rfc3339, seconds
from knarr.reconcile.actions import Action, After, Create, Delete, Event, Told
from knarr.reconcile.owners import reference
from knarr.reconcile.status import write_status

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
MISSED_MAX = 100        # Source: kube cronjob/utils.go, mostRecentScheduleTime
LATE_S = 0.1            # look a moment after the minute. Source: kube nextScheduleDelta
BACKGROUND = {"propagationPolicy": "Background"}
ACTIVE_ALREADY = "Not starting job because prior execution is running and concurrency policy is Forbid"
TOO_MANY = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
CREATED = Told(None, ("SuccessfulCreate", "Created job {name}"), ("FailedCreate", "Error creating job: {error}"))
DELETED = Told(None, ("SuccessfulDelete", "Deleted job {name}"), ("FailedDelete", "Deleted job: {error}"))


@dataclass(frozen=True, slots=True)
class View:
    """A CronJob and its Jobs. zone: None when its zone is unknown."""

    cronjob: CronJob
    jobs: tuple[Job, ...]
    zone: tzinfo | None
    now_s: float


@dataclass(frozen=True, slots=True)
class Books:
    """What came of the Jobs made so far: the status as it now is, and what there is to tell."""

    status: CronJobStatus
    told: tuple[Event, ...]


def plan(view: View) -> list[Action]:
    """Bring the books up to date, forget old Jobs, and make the one that is due."""
    cronjob = view.cronjob
    books = _books(view)
    tidy = _forget(view)
    if cronjob.metadata.deletionTimestamp is not None:
        return [*write_status(cronjob, books.status), *books.told, *tidy]
    starts = _start(view, books.status)
    gone = {action.obj.metadata.uid for action in starts if isinstance(action, Delete)}
    status = replace(books.status, active=tuple(one for one in books.status.active if one.uid not in gone))
    return [*write_status(cronjob, status), *books.told, *tidy, *starts]


def _books(view: View) -> Books:
    """Strike out what has ended, and enter what was made."""
    cronjob = view.cronjob
    jobs = {job.metadata.uid: job for job in view.jobs}
    active: list[ObjectReference] = []
    told: list[Event] = []
    for held in cronjob.status.active:
        job = jobs.get(held.uid)
        ended = ending(job) if job is not None else ""
        if job is None:
            told.append(Event(cronjob, "MissingJob", f"Active job went missing: {held.name}"))
        elif ended:
            told.append(Event(cronjob, "SawCompletedJob", f"Saw completed job: {held.name}, condition: {ended}"))
        else:
            active.append(held)
    known = {held.uid for held in cronjob.status.active}
    last_s = _last_schedule_s(cronjob)
    for job in sorted(view.jobs, key=lambda job: job.metadata.name or ""):
        if job.metadata.uid in known or ending(job) or job.metadata.deletionTimestamp is not None:
            continue
        if _scheduled_s(job) > last_s:
            active.append(_entry(job))
        else:
            text = f"Saw a job that the controller did not create or forgot: {job.metadata.name}"
            told.append(Event(cronjob, "UnexpectedJob", text, type="Warning"))
    made = [_scheduled_s(job) for job in view.jobs]
    status = CronJobStatus(
        active=tuple(active), lastScheduleTime=_latest_text(cronjob.status.lastScheduleTime, made),
        lastSuccessfulTime=_last_success(view))
    return Books(status, tuple(told))


def _start(view: View, status: CronJobStatus) -> list[Action]:
    """Make the Job that is due, if it may be made; say when to look again."""
    cronjob, spec, now_s = view.cronjob, view.cronjob.spec, view.now_s
    if view.zone is None:
        text = f'invalid timeZone: "{spec.timeZone}": unknown time zone {spec.timeZone}'
        return [Event(cronjob, "UnknownTimeZone", text, type="Warning")]
    if spec.suspend:
        return []
    try:
        schedule = cron.parse(spec.schedule)
    except ValueError as fault:
        text = f"unparseable schedule: {spec.schedule} : {fault}"
        return [Event(cronjob, "UnparseableSchedule", text, type="Warning")]
    next_s = cron.next_after(schedule, now_s, view.zone)
    again: list[Action] = [After(next_s - now_s + LATE_S)] if next_s is not None else [_never(cronjob)]
    due_s, missed = cron.latest(schedule, after_s=_earliest_s(view, status), until_s=now_s, zone=view.zone)
    told: list[Action] = [Event(cronjob, "TooManyMissedTimes", TOO_MANY, type="Warning")] if missed > MISSED_MAX else []
    if due_s is None:
        return [*told, *again]
    if spec.startingDeadlineSeconds is not None and due_s + spec.startingDeadlineSeconds < now_s:
        text = f"Missed scheduled time to start a job: {rfc3339(due_s)}"
        return [*told, Event(cronjob, "MissedSchedule", text, type="Warning"), *again]
    if status.active and spec.concurrencyPolicy == "Forbid":
        return [*told, Event(cronjob, "JobAlreadyActive", ACTIVE_ALREADY), *again]
    job = new_job(cronjob, due_s, zone=view.zone)
    if any(one.metadata.name == job.metadata.name for one in view.jobs):
        return [*told, *again]      # a schedule in seconds: this minute has its Job
    return [*told, *_replaced(view, status), Create(job, _about(CREATED, cronjob)), *again]


def _replaced(view: View, status: CronJobStatus) -> list[Action]:
    """Stop what still runs, where the policy says that the next one takes its place."""
    if view.cronjob.spec.concurrencyPolicy != "Replace":
        return []
    uids = {held.uid for held in status.active}
    return [Delete(job, _about(DELETED, view.cronjob), BACKGROUND) for job in view.jobs
            if job.metadata.uid in uids]


def new_job(cronjob: CronJob, due_s: float, *, zone: tzinfo | None) -> Job:
    """Return the Job of a moment; its name holds the minute, so that no moment has two."""
    template = cronjob.spec.jobTemplate
    moment = datetime.fromtimestamp(due_s, zone).isoformat().replace("+00:00", "Z")
    meta = ObjectMeta(
        name=f"{cronjob.metadata.name}-{int(due_s) // 60}", namespace=cronjob.metadata.namespace,
        labels=dict(template.metadata.labels), annotations={**template.metadata.annotations, SCHEDULED: moment},
        ownerReferences=(reference(cronjob),))
    return Job(metadata=meta, spec=template.spec)


def ending(job: Job) -> str:
    """Return `Complete` or `Failed` when the Job has ended, else nothing."""
    return next((one.type for one in job.status.conditions
                 if one.type in ("Complete", "Failed") and one.status == "True"), "")


def _about(told: Told, cronjob: CronJob) -> Told:
    return Told(cronjob, told.done, told.failed)


def _forget(view: View) -> list[Action]:
    """Delete the oldest ended Jobs beyond the limits."""
    spec = view.cronjob.spec
    limits = {"Complete": spec.successfulJobsHistoryLimit, "Failed": spec.failedJobsHistoryLimit}
    surplus: list[Job] = []
    for how, limit in limits.items():
        ended = sorted((job for job in view.jobs if ending(job) == how), key=_begun)
        surplus += ended[: max(0, len(ended) - limit)] if limit is not None else []
    told = _about(DELETED, view.cronjob)
    return [Delete(job, told, BACKGROUND) for job in surplus if job.metadata.deletionTimestamp is None]


def _begun(job: Job) -> tuple[str, str]:
    return job.status.startTime or "", job.metadata.name or ""


def _earliest_s(view: View, status: CronJobStatus) -> float:
    """Return the moment after which Jobs may be due: what is too late to start counts no more."""
    known = status.lastScheduleTime or view.cronjob.metadata.creationTimestamp
    earliest_s = seconds(known) if known else view.now_s
    late_s = view.cronjob.spec.startingDeadlineSeconds
    return earliest_s if late_s is None else max(earliest_s, view.now_s - late_s)


def _last_schedule_s(cronjob: CronJob) -> float:
    held = cronjob.status.lastScheduleTime
    return seconds(held) if held else 0.0


def _scheduled_s(job: Job) -> float:
    """Return for which moment the Job was made; 0 for one that says none that can be read."""
    try:
        return seconds(job.metadata.annotations.get(SCHEDULED, ""))
    except ValueError:
        return 0.0


def _last_success(view: View) -> str | None:
    ends = [seconds(job.status.completionTime) for job in view.jobs
            if ending(job) == "Complete" and job.status.completionTime]
    return _latest_text(view.cronjob.status.lastSuccessfulTime, ends)


def _latest_text(held: str | None, moments: Sequence[float]) -> str | None:
    latest_s = max(moments, default=0.0)
    return held if held is not None and seconds(held) >= latest_s else rfc3339(latest_s) if latest_s else held


def _entry(job: Job) -> ObjectReference:
    meta = job.metadata
    return ObjectReference(kind="Job", namespace=meta.namespace, name=meta.name, uid=meta.uid, apiVersion="batch/v1",
                           resourceVersion=meta.resourceVersion)


def _never(cronjob: CronJob) -> Event:
    text = f"schedule {cronjob.spec.schedule} does not come within five years; correct .spec.schedule"
    return Event(cronjob, "InvalidSchedule", text, type="Warning")
