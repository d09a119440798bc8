"""See a CronJob, its Jobs, and the rules of its time zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from knarr.api.types.batch_v1 import CronJob, Job
from knarr.client.informers import Informers
from knarr.controllers.cronjob.plan import View
from knarr.reconcile.actions import Look
from knarr.reconcile.owners import BY_CONTROLLER, INDEXES, controller_of
from knarr.reconcile.runner import Key, Watch


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return what there is to decide on; None when the CronJob is gone."""
    namespace, name = key
    cronjob = informers.of(CronJob).get(namespace, name)
    if cronjob is None:
        return None
    owned = tuple(informers.of(Job).by(BY_CONTROLLER, cronjob.metadata.uid or ""))
    return View(cronjob, owned, zone(cronjob.spec.timeZone), look.now_s)


def watches() -> list[Watch[Any]]:
    """Return what concerns CronJobs."""
    return [
        Watch(CronJob, lambda informers, obj: [(obj.metadata.namespace or "", obj.metadata.name or "")]),
        Watch(Job, _keys_of_job, indexes=INDEXES),
    ]


@lru_cache(maxsize=1024)     # there are about 600 zones
def zone(name: str | None) -> tzinfo | None:
    """Return a zone's rules, UTC where none is named; None where this machine does not know it."""
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):     # unknown here, or no zone's name: the plan tells the user
        return None


def _keys_of_job(informers: Informers, job: Job) -> Iterator[Key]:
    owner = controller_of(job.metadata)
    if owner is not None and owner.kind == "CronJob":
        yield job.metadata.namespace or "", owner.name
