"""See a Job and its pods, or a pod whose Job is gone while it still waits to be counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knarr.api import selectors
from knarr.api.types.batch_v1 import Job
from knarr.api.types.core_v1 import Pod
from knarr.client.informers import Informers
from knarr.controllers.job.plan import Orphan, View
from knarr.controllers.job.pods import is_tracked
from knarr.reconcile.actions import Look
from knarr.reconcile.owners import BY_CONTROLLER, INDEXES, ORPHANS, controller_of
from knarr.reconcile.runner import Key, Watch
from knarr.reconcile.serving import BY_NAMESPACE, by_namespace

STRAY = "pod"     # keys of three parts, (STRAY, namespace, name), mean a pod that no Job counts any more


def observe(informers: Informers, key: Key, look: Look) -> View | Orphan | None:
    """Return what there is to decide on; None when there is nothing."""
    if key[0] == STRAY and len(key) == 3:
        return _stray(informers, key[1], key[2])
    namespace, name = key
    job = informers.of(Job).get(namespace, name)
    if job is None:
        return None
    pods = informers.of(Pod)
    found = (*pods.by(BY_CONTROLLER, job.metadata.uid or ""), *pods.by(ORPHANS, namespace))
    return View(job, found, look.now_s, look.failures)


def watches() -> list[Watch[Any]]:
    """Return what concerns Jobs."""
    return [
        Watch(Job, _keys_of_job, indexes={BY_NAMESPACE: by_namespace}),
        Watch(Pod, _keys_of_pod, indexes=INDEXES),
    ]


def _keys_of_job(informers: Informers, job: Job) -> Iterator[Key]:
    namespace, name = job.metadata.namespace or "", job.metadata.name or ""
    yield namespace, name
    held = informers.of(Job).get(namespace, name)
    if held is None or held.metadata.uid != job.metadata.uid:
        for pod in informers.of(Pod).by(BY_CONTROLLER, job.metadata.uid or ""):
            yield STRAY, namespace, pod.metadata.name or ""


def _keys_of_pod(informers: Informers, pod: Pod) -> Iterator[Key]:
    namespace = pod.metadata.namespace or ""
    owner = controller_of(pod.metadata)
    if owner is not None and owner.kind == "Job":
        yield namespace, owner.name
    if is_tracked(pod):
        yield STRAY, namespace, pod.metadata.name or ""
    if owner is not None or pod.metadata.deletionTimestamp is not None:
        return
    for job in informers.of(Job).by(BY_NAMESPACE, namespace):
        if job.spec.selector is not None and selectors.of(job.spec.selector).matches(pod.metadata.labels):
            yield namespace, job.metadata.name or ""


def _stray(informers: Informers, namespace: str, name: str) -> Orphan | None:
    """Return a tracked pod that no Job will count; its Job counts all others itself."""
    pod = informers.of(Pod).get(namespace, name)
    if pod is None or not is_tracked(pod):
        return None
    owner = controller_of(pod.metadata)
    if owner is None:
        jobs = informers.of(Job).by(BY_NAMESPACE, namespace)
        adopted = any(job.spec.selector is not None and selectors.of(job.spec.selector).matches(pod.metadata.labels)
                      and job.metadata.deletionTimestamp is None for job in jobs)
        return None if adopted else Orphan(pod)
    job = informers.of(Job).get(namespace, owner.name) if owner.kind == "Job" else None
    return None if job is not None and job.metadata.uid == owner.uid else Orphan(pod)
