"""Read-only batch/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import core_v1, meta_v1


class CronJob(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """batch/v1 CronJob."""

    apiVersion: str = field(default_factory=lambda: "batch/v1")
    kind: str = field(default_factory=lambda: "CronJob")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: CronJobSpec = field(default_factory=lambda: CronJobSpec())
    status: CronJobStatus = field(default_factory=lambda: CronJobStatus())


class CronJobList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """batch/v1 CronJobList."""

    apiVersion: str = field(default_factory=lambda: "batch/v1")
    items: tuple[CronJob, ...] = ()
    kind: str = field(default_factory=lambda: "CronJobList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class CronJobSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """batch/v1 CronJobSpec."""

    concurrencyPolicy: str | None = None
    failedJobsHistoryLimit: int | None = None
    jobTemplate: JobTemplateSpec = field(default_factory=lambda: JobTemplateSpec())
    schedule: str = field(default_factory=str)
    startingDeadlineSeconds: int | None = None
    successfulJobsHistoryLimit: int | None = None
    suspend: bool | None = None
    timeZone: str | None = None


class CronJobStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """batch/v1 CronJobStatus."""

    active: tuple[core_v1.ObjectReference, ...] = ()
    lastScheduleTime: str | None = None
    lastSuccessfulTime: str | None = None


class Job(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """batch/v1 Job."""

    apiVersion: str = field(default_factory=lambda: "batch/v1")
    kind: str = field(default_factory=lambda: "Job")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: JobSpec = field(default_factory=lambda: JobSpec())
    status: JobStatus = field(default_factory=lambda: JobStatus())


class JobCondition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """batch/v1 JobCondition."""

    lastProbeTime: str | None = None
    lastTransitionTime: str | None = None
    message: str | None = None
    reason: str | None = None
    status: str = field(default_factory=str)
    type: str = field(default_factory=str)


class JobList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """batch/v1 JobList."""

    apiVersion: str = field(default_factory=lambda: "batch/v1")
    items: tuple[Job, ...] = ()
    kind: str = field(default_factory=lambda: "JobList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class JobSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """batch/v1 JobSpec."""

    activeDeadlineSeconds: int | None = None
    backoffLimit: int | None = None
    backoffLimitPerIndex: int | None = None
    completionMode: str | None = None
    completions: int | None = None
    managedBy: str | None = None
    manualSelector: bool | None = None
    maxFailedIndexes: int | None = None
    parallelism: int | None = None
    podFailurePolicy: PodFailurePolicy | None = None
    podReplacementPolicy: str | None = None
    selector: meta_v1.LabelSelector | None = None
    successPolicy: SuccessPolicy | None = None
    suspend: bool | None = None
    template: core_v1.PodTemplateSpec = field(default_factory=lambda: core_v1.PodTemplateSpec())
    ttlSecondsAfterFinished: int | None = None


class JobStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """batch/v1 JobStatus."""

    active: int | None = None
    completedIndexes: str | None = None
    completionTime: str | None = None
    conditions: tuple[JobCondition, ...] = ()
    failed: int | None = None
    failedIndexes: str | None = None
    ready: int | None = None
    startTime: str | None = None
    succeeded: int | None = None
    terminating: int | None = None
    uncountedTerminatedPods: UncountedTerminatedPods | None = None


class JobTemplateSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """batch/v1 JobTemplateSpec."""

    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: JobSpec = field(default_factory=lambda: JobSpec())


class PodFailurePolicy(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """batch/v1 PodFailurePolicy."""

    rules: tuple[PodFailurePolicyRule, ...] = ()


class PodFailurePolicyOnExitCodesRequirement(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """batch/v1 PodFailurePolicyOnExitCodesRequirement."""

    containerName: str | None = None
    operator: str = field(default_factory=str)
    values: tuple[int, ...] = ()


class PodFailurePolicyOnPodConditionsPattern(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """batch/v1 PodFailurePolicyOnPodConditionsPattern."""

    status: str | None = None
    type: str = field(default_factory=str)


class PodFailurePolicyRule(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """batch/v1 PodFailurePolicyRule."""

    action: str = field(default_factory=str)
    onExitCodes: PodFailurePolicyOnExitCodesRequirement | None = None
    onPodConditions: tuple[PodFailurePolicyOnPodConditionsPattern, ...] = ()


class SuccessPolicy(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """batch/v1 SuccessPolicy."""

    rules: tuple[SuccessPolicyRule, ...] = ()


class SuccessPolicyRule(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """batch/v1 SuccessPolicyRule."""

    succeededCount: int | None = None
    succeededIndexes: str | None = None


class UncountedTerminatedPods(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """batch/v1 UncountedTerminatedPods."""

    failed: tuple[str, ...] = ()
    succeeded: tuple[str, ...] = ()
