"""A kopf operator as its users write them: ships have a hold (a child ConfigMap), a crew, a log, and a last will.

Run by `kopf run`. It shows: creation with retries, children adopted, field handlers, status, timers, daemons, indexes,
validation of what a user wrote, events, and finalizers that are let go in the end.
"""

from __future__ import annotations

from typing import Any

import kopf
import kubernetes

GROUP, VERSION, PLURAL = "sea.example.com", "v1", "ships"


@kopf.on.startup()
def settle(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Keep progress in the status, name the finalizer, and tell what happens by events."""
    settings.persistence.finalizer = f"{GROUP}/finalizer"
    settings.persistence.progress_storage = kopf.StatusProgressStorage(field="status.kopf.progress")
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=GROUP)
    settings.posting.loggers = True
    settings.watching.server_timeout = 30


@kopf.index("configmaps", labels={"ship": kopf.PRESENT})
def holds(name: str, labels: kopf.Labels, **_: Any) -> dict[str, str]:
    """Know the hold of every ship."""
    return {labels["ship"]: name}


@kopf.on.create(GROUP, VERSION, PLURAL)
def build(name: str, namespace: str, spec: kopf.Spec, retry: int, patch: kopf.Patch, **_: Any) -> dict[str, Any]:
    """Make the hold; the first try fails on purpose, as first tries do."""
    if spec.get("crew", 0) < 0:
        raise kopf.PermanentError("a crew cannot be negative")
    if retry == 0:
        raise kopf.TemporaryError("no timber yet", delay=0.1)
    hold = {"metadata": {"name": f"{name}-hold", "labels": {"ship": name}}, "data": {"crew": str(spec["crew"])}}
    kopf.adopt(hold)
    kubernetes.client.CoreV1Api().create_namespaced_config_map(namespace, hold)
    patch.status["phase"] = "Afloat"
    return {"hold": f"{name}-hold"}


@kopf.on.field(GROUP, VERSION, PLURAL, field="spec.crew")
def muster(old: int | None, new: int | None, name: str, namespace: str, patch: kopf.Patch, **_: Any) -> None:
    """Follow the crew's number in the hold."""
    if old is None or new is None:
        return
    kubernetes.client.CoreV1Api().patch_namespaced_config_map(f"{name}-hold", namespace, {"data": {"crew": str(new)}})
    patch.status["mustered"] = {"from": old, "to": new}


@kopf.timer(GROUP, VERSION, PLURAL, interval=0.2)
def log_entry(status: kopf.Status, patch: kopf.Patch, holds: kopf.Index, name: str, **_: Any) -> None:
    """Write the log now and then."""
    patch.status["entries"] = status.get("entries", 0) + 1
    patch.status["seen"] = sorted(holds.get(name, []))


@kopf.daemon(GROUP, VERSION, PLURAL, cancellation_timeout=5)
async def lookout(stopped: kopf.DaemonStopped, body: kopf.Body, **_: Any) -> None:
    """Stand watch until the ship is gone."""
    kopf.event(body, type="Normal", reason="LookoutUp", message="on the mast")
    await stopped.wait(3600)


@kopf.on.delete(GROUP, VERSION, PLURAL)
def scuttle(name: str, namespace: str, **_: Any) -> None:
    """Write the last will before the finalizer goes."""
    will = {"metadata": {"name": f"{name}-will"}, "data": {"left": "nothing"}}
    kubernetes.client.CoreV1Api().create_namespaced_config_map(namespace, will)
