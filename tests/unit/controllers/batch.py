"""Play recorded stories of batch workloads on our own control plane; the test is the node agent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from knarr.base.times import rfc3339
from tests.unit.controllers.cluster import Cluster, live
from tests.unit.controllers.story import load, steps

MERGE = "application/merge-patch+json"
PODS = "/api/v1/namespaces/default/pods"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
Ends = Callable[[dict[str, Any]], int | None]


async def run_pods(cluster: Cluster, ends: Ends, *, for_s: float) -> None:
    """Be the node agent: pods run for a second and end with the code that `ends` says; None: they run on."""
    until_s = cluster.clock.now_s() + for_s
    while cluster.clock.now_s() < until_s:
        for pod in (await cluster.ask("GET", PODS))["items"]:
            await _advance(cluster, pod, ends)
        await cluster.pass_time(1.0)


async def _advance(cluster: Cluster, pod: dict[str, Any], ends: Ends) -> None:
    name, phase = pod["metadata"]["name"], pod["status"].get("phase")
    if pod["metadata"].get("deletionTimestamp"):
        await cluster.ask("DELETE", f"{PODS}/{name}", {"gracePeriodSeconds": 0})
    elif phase in ("Pending", None) and not _refused(pod):
        await _tell(cluster, name, {"phase": "Running", "conditions": [_ready(cluster, "True")]})
    elif phase == "Running" and ends(pod) is not None:
        code, now = ends(pod), rfc3339(cluster.clock.now_s())
        ended = {"exitCode": code, "reason": "Error" if code else "Completed", "startedAt": now, "finishedAt": now}
        container = {"name": "c", "image": "i", "imageID": "", "ready": False, "restartCount": 0,
                     "state": {"terminated": ended}}
        await _tell(cluster, name, {"phase": "Failed" if code else "Succeeded", "containerStatuses": [container],
                                    "conditions": [_ready(cluster, "False")]})


def _refused(pod: dict[str, Any]) -> bool:
    """Tell whether the scheduler found no node for the pod."""
    return any(one["type"] == "PodScheduled" and one["status"] == "False"
               for one in pod["status"].get("conditions") or ())


async def _tell(cluster: Cluster, name: str, status: dict[str, Any]) -> None:
    await cluster.ask("PATCH", f"{PODS}/{name}/status", {"status": status}, kind=MERGE)


def _ready(cluster: Cluster, status: str) -> dict[str, Any]:
    return {"type": "Ready", "status": status, "lastTransitionTime": rfc3339(cluster.clock.now_s())}


def replay_job(name: str, ends: Ends, *, settle_s: float = 40) -> tuple[list[Any], list[Any], list[str], list[str]]:
    """Play a Job's story; return (expected, got) statuses after each step, then (expected, got) events, masked."""
    story = load(name)
    expected: list[Any] = []
    got: list[Any] = []
    events: list[str] = []

    async def act(cluster: Cluster) -> None:
        for step, after in steps(story, "Job", "j"):
            if "create" in step:
                await cluster.create(json.loads(json.dumps(step["create"])))
            else:
                await cluster.ask("PATCH", f"{JOBS}/j", step["body"], kind=MERGE)
            await run_pods(cluster, ends, for_s=settle_s)
            held = await cluster.ask("GET", f"{JOBS}/j")
            expected.append(mask(after["status"]))
            got.append(mask(held["status"]) if held else None)
        events.extend(await told(cluster, "job-controller"))

    live(("job", "serviceaccounts"), act)
    recorded = [mask(f"{one['type']} {one['reason']} {one['message']}") for one in story["events"]
                if one.get("reportingComponent") == "job-controller"]
    return expected, got, sorted(recorded), sorted(events)


async def told(cluster: Cluster, component: str) -> list[str]:
    """Return a component's events, masked."""
    found = (await cluster.ask("GET", "/api/v1/namespaces/default/events"))["items"]
    return [mask(f"{one['type']} {one['reason']} {one['message']}") for one in found
            if one.get("reportingComponent") == component]


def mask(value: Any) -> Any:
    """Hide times and generated names."""
    if isinstance(value, dict):
        return {key: "<time>" if key.endswith("Time") else mask(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [mask(inner) for inner in value]
    if isinstance(value, str):
        return re.sub(r"\bj(-\d+)?-[a-z0-9]{5}\b", r"j\1-<rnd>", value).replace("default/", "<ns>/")
    return value
