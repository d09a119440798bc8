"""Look at everything a Knarr has: all that its API holds, and all that its machine holds for it."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import Any

from knarr.assembly.instance import load
from knarr.assembly.worker import node_settings
from knarr.cli.connect import Server, connect
from knarr.node.containerd import shims
from knarr.node.cri.face import ContainerLine, Sandbox
from knarr.node.cri.runtime import CriRuntime
from knarr.node.shims import id_of
from tests.e2e.cluster import Cluster

HEARTBEATS = {"leases", "nodes"}  # whose every beat is a write; their times are left out
PASSING = {"events"}


def api_state(cluster: Cluster) -> dict[str, Any]:
    """Return every object of every kind by its path: as it is, but for what heartbeats write."""
    server = connect(None, str(cluster.data_dir))
    found: dict[str, Any] = {}
    for base in bases(server):
        for resource in server.ask("GET", base)["resources"]:
            if "list" in resource["verbs"] and "/" not in resource["name"] and resource["name"] not in PASSING:
                items = server.ask("GET", f"{base}/{resource['name']}")["items"]
                found |= {path(base, resource["name"], one): settled(resource["name"], one) for one in items}
    return found


def bases(server: Server) -> list[str]:
    """Return where each group's preferred version lies."""
    groups = server.ask("GET", "/apis")["groups"]
    return ["/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups)]


def path(base: str, resource: str, item: dict[str, Any]) -> str:
    return f"{base}/{resource}/{item['metadata'].get('namespace', '-')}/{item['metadata']['name']}"


def settled(resource: str, item: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a heartbeat changes."""
    meta = {key: value for key, value in item["metadata"].items() if key != "managedFields"}
    if resource in HEARTBEATS:
        del meta["resourceVersion"]
        item = {**item, "spec": {k: v for k, v in item.get("spec", {}).items() if k not in ("renewTime", "acquireTime")}}
        conditions = item.get("status", {}).get("conditions") or []
        for condition in conditions:
            condition.pop("lastHeartbeatTime", None)
    return {**item, "metadata": meta}


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return what came, went and changed."""
    return {
        key: [before.get(key), after.get(key)] for key in before.keys() | after.keys() if before.get(key) != after.get(key)
    }


def runtime(cluster: Cluster) -> tuple[tuple[Sandbox, ...], tuple[ContainerLine, ...]]:
    """Ask the container runtime what there is."""
    instance = load(cluster.data_dir)
    assert instance is not None

    async def ask() -> tuple[tuple[Sandbox, ...], tuple[ContainerLine, ...]]:
        client = CriRuntime(node_settings(instance).endpoint)
        try:
            await client.ready(20)
            return await client.list_sandboxes(), await client.list_containers()
        finally:
            await client.close()

    return asyncio.run(ask())


def amiss(cluster: Cluster) -> dict[str, Any]:
    """Return where API, runtime and machine disagree; empty when nothing is leaked, lost or doubled."""
    instance = load(cluster.data_dir)
    assert instance is not None
    settings = node_settings(instance)
    pods = connect(None, str(cluster.data_dir)).ask("GET", "/api/v1/pods")["items"]
    sandboxes, containers = runtime(cluster)
    told = {
        status["containerID"].removeprefix("containerd://")
        for pod in pods
        for status in pod["status"].get("containerStatuses") or []
        if "running" in status["state"]
    }
    alive = [one for one in sandboxes if one.ready]
    uids = {pod["metadata"]["uid"] for pod in pods}
    networked = [pod for pod in pods if pod["status"]["phase"] == "Running" and not pod["spec"].get("hostNetwork")]
    addresses = cluster.data_dir / "cni-ipam" / settings.bridge
    pairs = {
        "running containers": (told, {one.id for one in containers if one.state == "running"}),
        "sandboxes of no pod": (set(), {one.id for one in sandboxes if one.uid not in uids}),
        "doubled sandboxes": ([], [uid for uid, count in Counter(one.uid for one in alive).items() if count > 1]),
        "shims": ({one.id for one in alive}, set(map(id_of, shims(settings)))),
        "pod folders": (set(), {one.name for one in settings.pods_dir.iterdir()} - uids),
        "addresses": (
            sorted(pod["status"].get("podIP", "") for pod in networked),
            sorted(one.name for one in addresses.glob("[0-9]*")),
        ),
        "mounts": (set(), {uid for uid in mounted_pods(settings.pods_dir) if uid not in uids}),
        "ports of the bridge": (len(networked), len(os.listdir(f"/sys/class/net/{settings.bridge}/brif"))),
    }
    return {what: pair for what, pair in pairs.items() if pair[0] != pair[1]}


def mounted_pods(pods_dir: Path) -> set[str]:
    """Return the uids of the pods that have anything mounted."""
    points = [Path(line.split()[4]) for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return {point.relative_to(pods_dir).parts[0] for point in points if pods_dir in point.parents}


def weight(pid: int) -> dict[str, int]:
    """Return how much a process holds: resident MB, open descriptors, threads."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {
        "resident_mb": int(status["VmRSS"].split()[0]) // 1024,
        "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
        "threads": int(status["Threads"]),
    }
