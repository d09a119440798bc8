"""Print what makes pods: deployments, sets, jobs. Source: kube pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from knarr.api import selectors
from knarr.api.columns.view import (
    AGE,
    CONTAINERS,
    NAME,
    NONE,
    SELECTOR,
    Column,
    Obj,
    View,
    age,
    at,
    columns,
    containers,
    human,
    labels,
    name,
    seconds_of,
    selector,
    since,
    yes,
)

JOB_WORDS = ("Suspended", "FailureTarget", "SuccessCriteriaMet")  # conditions that are shown, the first one found


def deployment_cells(obj: Obj, now_s: float) -> list[Any]:
    """Return a Deployment's cells."""
    spec, status = _parts(obj)
    return [name(obj), f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 1)}", status.get("updatedReplicas", 0),
            status.get("availableReplicas", 0), age(obj, now_s), *containers(spec.get("template") or {}),
            str(selectors.of_object(spec.get("selector")))]


def replica_set_cells(obj: Obj, now_s: float) -> list[Any]:
    """Return a ReplicaSet's cells."""
    spec, _ = _parts(obj)
    return [*_replicas(obj, now_s), *containers(spec.get("template") or {}), selector(spec.get("selector"))]


def _controller_cells(obj: Obj, now_s: float) -> list[Any]:
    spec, _ = _parts(obj)
    return [*_replicas(obj, now_s), *containers(spec.get("template") or {}), labels(spec.get("selector"))]


def _replicas(obj: Obj, now_s: float) -> list[Any]:
    spec, status = _parts(obj)
    return [name(obj), spec.get("replicas", 1), status.get("replicas", 0), status.get("readyReplicas", 0),
            age(obj, now_s)]


def stateful_set_cells(obj: Obj, now_s: float) -> list[Any]:
    """Return a StatefulSet's cells."""
    spec, status = _parts(obj)
    return [name(obj), f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 1)}", age(obj, now_s),
            *containers(spec.get("template") or {})]


def daemon_set_cells(obj: Obj, now_s: float) -> list[Any]:
    """Return a DaemonSet's cells."""
    spec, status = _parts(obj)
    template = spec.get("template") or {}
    counts = [status.get(key, 0) for key in ("desiredNumberScheduled", "currentNumberScheduled", "numberReady",
                                             "updatedNumberScheduled", "numberAvailable")]
    return [name(obj), *counts, labels(at(template, "spec", "nodeSelector")), age(obj, now_s), *containers(template),
            selector(spec.get("selector"))]


def job_cells(obj: Obj, now_s: float) -> list[Any]:
    """Return a Job's cells."""
    spec, _ = _parts(obj)
    return [name(obj), _job_status(obj), _completions(obj), _job_duration(obj, now_s), age(obj, now_s),
            *containers(spec.get("template") or {}), selector(spec.get("selector"))]


def _job_status(obj: Obj) -> str:
    true = {row["type"] for row in at(obj, "status", "conditions") or () if row.get("status") == "True"}
    if "Complete" in true:
        return "Complete"
    if "Failed" in true:
        return "Failed"
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return next((word for word in JOB_WORDS if word in true), "Running")


def _completions(obj: Obj) -> str:
    spec, status = _parts(obj)
    succeeded, wanted, parallel = status.get("succeeded", 0), spec.get("completions"), spec.get("parallelism") or 0
    if wanted is not None:
        return f"{succeeded}/{wanted}"
    return f"{succeeded}/1 of {parallel}" if parallel > 1 else f"{succeeded}/1"


def _job_duration(obj: Obj, now_s: float) -> str:
    _, status = _parts(obj)
    if not status.get("startTime"):
        return ""
    end_s = seconds_of(status["completionTime"]) if status.get("completionTime") else now_s
    return human(end_s - seconds_of(status["startTime"]))


def cron_job_cells(obj: Obj, now_s: float) -> list[Any]:
    """Return a CronJob's cells."""
    spec, status = _parts(obj)
    job = at(spec, "jobTemplate", "spec") or {}
    last = since(status["lastScheduleTime"], now_s) if status.get("lastScheduleTime") else NONE
    return [name(obj), spec.get("schedule", ""), spec.get("timeZone") or NONE, yes(spec.get("suspend")),
            len(status.get("active") or ()), last, age(obj, now_s), *containers(job.get("template") or {}),
            selector(job.get("selector"))]


def _revision_cells(obj: Obj, now_s: float) -> list[Any]:
    owner = next((row for row in obj["metadata"].get("ownerReferences") or () if row.get("controller")), None)
    controller = NONE
    if owner is not None:
        group = owner["apiVersion"].rpartition("/")[0]
        controller = f"{owner['kind']}.{group}".strip(".").lower() + f"/{owner['name']}"
    return [name(obj), controller, obj.get("revision", 0), age(obj, now_s)]


def _template_cells(obj: Obj, now_s: float) -> list[Any]:
    template = obj.get("template") or {}
    return [name(obj), *containers(template), labels(at(template, "metadata", "labels"))]


def _parts(obj: Obj) -> tuple[Obj, Obj]:
    return obj.get("spec") or {}, obj.get("status") or {}


REPLICAS = (NAME, *columns("Desired#", "Current#", "Ready#"), AGE, *CONTAINERS, SELECTOR)
VIEWS = {
    ("apps", "Deployment"): View(
        (NAME, *columns("Ready", "Up-to-date", "Available"), AGE, *CONTAINERS, SELECTOR), deployment_cells),
    ("apps", "ReplicaSet"): View(REPLICAS, replica_set_cells),
    ("", "ReplicationController"): View(REPLICAS, _controller_cells),
    ("apps", "StatefulSet"): View((NAME, *columns("Ready"), AGE, *CONTAINERS), stateful_set_cells),
    ("apps", "DaemonSet"): View(
        (NAME, *columns("Desired#", "Current#", "Ready#", "Up-to-date#", "Available#", "Node Selector"), AGE,
         *CONTAINERS, SELECTOR), daemon_set_cells),
    ("apps", "ControllerRevision"): View((NAME, *columns("Controller", "Revision"), AGE), _revision_cells),
    ("batch", "Job"): View(
        (NAME, *columns("Status", "Completions", "Duration"), AGE, *CONTAINERS, SELECTOR), job_cells),
    ("batch", "CronJob"): View(
        (NAME, *columns("Schedule", "Timezone"), Column("Suspend", type="boolean"),
         *columns("Active#", "Last Schedule"), AGE, *CONTAINERS, SELECTOR), cron_job_cells),
    ("", "PodTemplate"): View((NAME, *columns("Containers", "Images", "Pod Labels")), _template_cells),
}
