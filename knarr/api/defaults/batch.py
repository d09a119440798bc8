"""Defaults of Job and CronJob. Source: kube pkg/apis/batch/v1/defaults.go."""

from __future__ import annotations

from typing import Any, Final

from knarr.api.defaults.pod import template

BACKOFF: Final = 6                  # retries before a Job fails, count
BACKOFF_UNLIMITED: Final = 2**31 - 1


def job(obj: dict[str, Any]) -> None:
    """Fill a Job; without labels of its own it takes its template's."""
    spec = obj.setdefault("spec", {})
    job_spec(spec)
    labels = spec["template"]["metadata"].get("labels")
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = dict(labels)


def job_spec(spec: dict[str, Any]) -> None:
    """Fill a JobSpec. One completion unless completions or parallelism say otherwise."""
    template(spec)
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    per_index = "backoffLimitPerIndex" in spec
    spec.setdefault("backoffLimit", BACKOFF_UNLIMITED if per_index else BACKOFF)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    failure = spec.get("podFailurePolicy")
    spec.setdefault("podReplacementPolicy", "Failed" if failure else "TerminatingOrFailed")
    for rule in (failure or {}).get("rules", ()):
        for pattern in rule.get("onPodConditions", ()):
            pattern.setdefault("status", "True")


def cron_job(obj: dict[str, Any]) -> None:
    """Fill a CronJob; its job template gets only what a pod template gets."""
    spec = obj.setdefault("spec", {})
    spec["concurrencyPolicy"] = spec.get("concurrencyPolicy") or "Allow"
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    job_template = spec.setdefault("jobTemplate", {})
    job_template.setdefault("metadata", {})
    template(job_template.setdefault("spec", {}))
