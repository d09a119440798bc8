"""What becomes of all objects of a recorded story, step by step, with every part of the control plane at work.

The stories of one kind's controller stand beside that controller's own tests; `HELD` says where.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.controllers.batch import MERGE, run_pods
from tests.unit.controllers.cluster import Cluster, live, node
from tests.unit.controllers.story import STORIES, kinds_plural, load, mask

HELD = {
    "test_deployment_story": ["deployment-create-scale", "deployment-rolling-update-and-undo",
                              "deployment-bad-image-deadline", "deployment-recreate-pause"],
    "test_statefulset": ["statefulset-ordered", "statefulset-parallel-claims"],
    "test_daemonset_live": ["daemonset"],
    "test_job_story": ["job-completes", "job-fails-backoff", "job-deadline", "job-indexed", "job-pod-failure-policy",
                       "job-suspend-resume-ttl"],
    "test_cronjob_live": ["cronjob-forbid"],
    "test_endpoints": ["service-endpoints"],
}
HERE = ["deployment-quota-blocks", "replicaset-adopts-and-releases", "disruption-budget-counts", "claim-without-class",
        "cascade-foreground", "cascade-orphan"]
NAMES = ("serviceaccounts", "deployment", "replicaset", "garbagecollector", "resourcequota", "disruption", "volumebinder",
         "pvcprotection")
ROOTS = {"Deployment": "/apis/apps/v1", "ReplicaSet": "/apis/apps/v1", "PodDisruptionBudget": "/apis/policy/v1"}
SETTLED_S = 0.5     # steps that followed each other closer than this were one to those who watched
WATCHED = ("ResourceQuota", "Deployment", "ReplicaSet", "PodDisruptionBudget", "PersistentVolumeClaim", "Pod")


def runs_on(pod: dict[str, Any]) -> None:
    """No pod ends."""


def test_every_story_is_told() -> None:
    """No recorded story is left out."""
    if not STORIES.exists():
        pytest.skip(f"{STORIES} is absent")
    assert sorted(json.loads(STORIES.read_text())) == sorted([*HERE, *(name for names in HELD.values() for name in names)])


@pytest.mark.parametrize("name", HERE)
def test_each_step_leads_where_it_led(name: str) -> None:
    """The same steps on one node: after each, the same objects with the same statuses; in the end, the same events."""
    recorded = load(name)
    expected, got, events = [], [], set()

    async def act(cluster: Cluster) -> None:
        await cluster.create(node("n1"))
        await cluster.ask("PATCH", "/api/v1/nodes/n1", {"spec": {"taints": None}}, kind=MERGE)
        for steps, after in chapters(recorded["story"]):
            for step in steps:
                await take(cluster, step)
                await cluster.pass_time(0.1)
            await run_pods(cluster, runs_on, for_s=8)
            expected.append(after)
            got.append(await world(cluster))
        events.update([mask(f"{one['type']} {one['reason']} {one['message']}")
                       for one in (await cluster.ask("GET", "/api/v1/namespaces/default/events"))["items"]
                       if one["reportingComponent"] != "default-scheduler"])

    live(NAMES, act, scheduler=True)
    assert expected == got
    assert told(recorded) == events


def chapters(story: list[dict[str, Any]]) -> list[tuple[list[dict[str, Any]], list[Any]]]:
    """Return steps that were taken at once, each time with the objects as they were before the next ones."""
    begun: list[tuple[float, list[dict[str, Any]]]] = []
    for entry in story:
        if "step" in entry and begun and entry["after_s"] - begun[-1][0] < SETTLED_S:
            begun[-1][1].append(entry["step"])
        elif "step" in entry:
            begun.append((entry["after_s"], [entry["step"]]))
    ends_s = [*(since_s for since_s, _ in begun[1:]), float("inf")]
    return [(steps, objects(story, end_s)) for (_, steps), end_s in zip(begun, ends_s, strict=True)]


def objects(story: list[dict[str, Any]], end_s: float) -> list[Any]:
    """Return what there was just before a moment of the recording."""
    held: dict[tuple[str, str], Any] = {}
    for entry in story:
        if "step" in entry or entry["after_s"] >= end_s or entry["kind"] not in WATCHED:
            continue
        held[entry["kind"], entry["name"]] = entry
        if entry["type"] == "DELETED":
            del held[entry["kind"], entry["name"]]
    return in_order(row(one["kind"], one["name"], one) for one in held.values())


async def world(cluster: Cluster) -> list[Any]:
    """Return what there is now, in the recording's form."""
    found = []
    for kind in WATCHED:
        where = f"{ROOTS.get(kind, '/api/v1')}/namespaces/default/{kinds_plural(kind)}"
        found += [row(kind, one["metadata"]["name"], shown(one)) for one in (await cluster.ask("GET", where))["items"]]
    return in_order(found)


def shown(obj: dict[str, Any]) -> dict[str, Any]:
    """Bring an object into the recording's form."""
    meta, status = obj["metadata"], obj["status"]
    return {
        "status": status, "phase": status.get("phase"), "labels": meta.get("labels"),
        "finalizers": meta.get("finalizers"), "annotations": meta.get("annotations"),
        "ready": [one["status"] for one in status.get("conditions") or () if one["type"] == "Ready"],
        "owner": [one["kind"] for one in meta.get("ownerReferences") or ()]}


def row(kind: str, name: str, entry: dict[str, Any]) -> Any:
    """Return what is compared of one object: of pods, what their controllers heed."""
    labels = {key: "<hash>" if key == "pod-template-hash" else value for key, value in (entry.get("labels") or {}).items()}
    if kind == "Pod":
        # Of a pod without a node the recording tells no readiness; nor do we.
        return kind, mask(name), entry["phase"], entry["ready"], labels, entry["owner"]
    annotations = entry.get("annotations") if kind in ("Deployment", "ReplicaSet") else None
    return kind, mask(name), mask(entry["status"]), annotations or {}, entry.get("finalizers") or []


def in_order(rows: Any) -> list[Any]:
    """Sort objects: generated names come in no order."""
    return sorted(rows, key=lambda one: json.dumps(one, sort_keys=True))


async def take(cluster: Cluster, step: dict[str, Any]) -> None:
    """Do what a step did."""
    if "create" in step:
        await cluster.create(json.loads(json.dumps(step["create"])))
        return
    plural, name = (step.get("patch") or step["delete"]).split("/")
    root = "/apis/apps/v1" if plural == "deployments" else "/api/v1"
    verb = "PATCH" if "patch" in step else "DELETE"
    await cluster.ask(verb, f"{root}/namespaces/default/{plural}/{name}", step["body"],
                      kind=MERGE if verb == "PATCH" else "application/json")


def told(recorded: dict[str, Any]) -> set[str]:
    """Return the recorded events; how often a refusal is repeated depends on how long one looks."""
    return {mask(f"{one['type']} {one['reason']} {one['message']}") for one in recorded["events"]
            if one.get("reportingComponent") != "default-scheduler"}
