"""Check Jobs and CronJobs. Source: kube pkg/apis/batch/validation/validation.go."""

from __future__ import annotations

from typing import Any, Final

from knarr.api.validation.goview import show
from knarr.api.validation.pod import template
from knarr.api.validation.schedule import schedule_fault, time_zone_fault
from knarr.api.validation.selector import label_selector, matches
from knarr.api.validation.spot import Raw, Spot
from knarr.api.validation.workloads import MISMATCH, selector_text

UID_LABEL: Final = "batch.kubernetes.io/controller-uid"
MODES: Final = ("Indexed", "NonIndexed")
CONCURRENCY: Final = ("Allow", "Forbid", "Replace")
REPLACEMENT: Final = ("Failed", "TerminatingOrFailed")
ACTIONS: Final = ("Count", "FailIndex", "FailJob", "Ignore")
COUNTS: Final = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
    "backoffLimitPerIndex", "maxFailedIndexes",
)
FINISHING: Final = 'valid values: "OnFailure", "Never"'
SUSPENDED_MAY_CHANGE: Final = ("nodeSelector", "tolerations", "affinity", "schedulingGates", "nodeName")


def job(root: Spot, obj: dict[str, Any]) -> None:
    """Check a Job."""
    spot, spec = root.at("spec"), obj["spec"]
    if not spec.get("manualSelector"):
        _generated(spot, obj)
    _job_spec(spot, spec)
    if spec.get("selector") is None:
        spot.at("selector").required()
    else:
        label_selector(spot.at("selector"), spec["selector"])
    found = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if spec.get("selector") is not None and not matches(spec["selector"], found):
        spot.at("template").at("metadata").at("labels").invalid(Raw("null") if found is None else found, MISMATCH)


def job_update(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check that a Job keeps what its pods were counted by."""
    spot, now, was = root.at("spec"), new["spec"], old["spec"]
    if not _elastic(now, was):
        spot.at("completions").unchanged(now.get("completions"), was.get("completions"))
    if now.get("selector") != was.get("selector"):
        spot.at("selector").unchanged(now.get("selector"), was.get("selector"), selector_text(now.get("selector")))
    _same_template(spot.at("template").at("spec"), now, was, startable=_startable(old))
    for name in ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"):
        spot.at(name).unchanged(now.get(name), was.get(name), None if name in now else Raw("null"))


def cron_job(root: Spot, obj: dict[str, Any]) -> None:
    """Check a CronJob."""
    spot, spec = root.at("spec"), obj["spec"]
    schedule = spec.get("schedule") or ""
    if not schedule:
        spot.at("schedule").required()
    else:
        fault = schedule_fault(schedule)
        if fault:
            spot.at("schedule").invalid(schedule, fault)
    spot.at("startingDeadlineSeconds").not_negative(spec.get("startingDeadlineSeconds"))
    spot.at("concurrencyPolicy").choice(spec.get("concurrencyPolicy"), CONCURRENCY)
    for name in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        spot.at(name).not_negative(spec.get(name))
    zone = spec.get("timeZone")
    if zone is not None:
        fault = time_zone_fault(zone)
        if fault:
            spot.at("timeZone").invalid(zone, fault)
    inner = spot.at("jobTemplate").at("spec")
    job_spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    _job_spec(inner, job_spec)
    if job_spec.get("manualSelector"):
        inner.at("manualSelector").unsupported(True, ("nil", "false"))


def _job_spec(spot: Spot, spec: dict[str, Any]) -> None:
    for name in COUNTS:
        spot.at(name).not_negative(spec.get(name))
    mode = spec.get("completionMode")
    if mode is not None and mode not in MODES:
        spot.at("completionMode").unsupported(mode, MODES)
    if mode == "Indexed":
        if spec.get("completions") is None:
            spot.at("completions").required("when completion mode is Indexed")
    else:
        for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(name) is not None:
                spot.at(name).invalid(spec[name], "requires indexed completion mode")
    if spec.get("podReplacementPolicy") is not None and spec["podReplacementPolicy"] not in REPLACEMENT:
        spot.at("podReplacementPolicy").unsupported(spec["podReplacementPolicy"], REPLACEMENT)
    for number, rule in enumerate((spec.get("podFailurePolicy") or {}).get("rules") or ()):
        spot.at("podFailurePolicy").at("rules").index(number).at("action").choice(rule.get("action"), ACTIONS)
    value = spec.get("template") or {}
    template(spot.at("template"), value)
    _restarts(spot.at("template").at("spec").at("restartPolicy"), spec, (value.get("spec") or {}).get("restartPolicy"))


def _restarts(spot: Spot, spec: dict[str, Any], policy: str | None) -> None:
    if policy in (None, "", "Always"):
        spot.required(FINISHING)
    elif policy == "OnFailure" and spec.get("podFailurePolicy") is not None:
        spot.invalid(policy, 'only "Never" is supported when podFailurePolicy is specified')


def _generated(spot: Spot, obj: dict[str, Any]) -> None:
    uid = obj["metadata"].get("uid", "")
    wanted = {"matchLabels": {UID_LABEL: uid}}
    found = obj["spec"].get("selector")
    if found is not None and found != wanted:
        spot.at("selector").invalid(selector_text(found), "`selector` not auto-generated")


def _elastic(now: dict[str, Any], was: dict[str, Any]) -> bool:
    """Whether an indexed Job is resized: completions and parallelism together. Source: KEP-3715."""
    return (was.get("completionMode") == "Indexed" and now.get("completions") == now.get("parallelism")
            and now.get("completions") is not None)


def _startable(old: dict[str, Any]) -> bool:
    return bool(old["spec"].get("suspend")) and not (old.get("status") or {}).get("startTime")


def _same_template(spot: Spot, now: dict[str, Any], was: dict[str, Any], *, startable: bool) -> None:
    """Check that the template stays. startable: a Job not yet begun may be told where to run. Source: KEP-2926."""
    new, old = ((side.get("template") or {}).get("spec") or {} for side in (now, was))
    if startable:
        compared = {name: value for name, value in new.items() if name not in SUSPENDED_MAY_CHANGE}
        same = compared == {name: value for name, value in old.items() if name not in SUSPENDED_MAY_CHANGE}
    else:
        same = new == old
    if not same:
        spot.unchanged(new, old, show("PodSpec", new))
