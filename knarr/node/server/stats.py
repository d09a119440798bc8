"""Answer `/stats/summary` with what is cheap to know. Source: kube kubelet/pkg/apis/stats/v1alpha1/types.go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from knarr.api.types.core_v1 import Pod
from knarr.base.times import seconds
from knarr.node.cri.face import Usage
from knarr.node.server.hostusage import HostUsage


def summary(node_name: str, usages: Iterable[Usage], host: HostUsage, *, now_s: float) -> dict[str, Any]:
    """Return the summary document: the machine's CPU and memory, and every container's, added up per pod. Pure."""
    by_pod: dict[tuple[str, str, str], list[Usage]] = defaultdict(list)
    for usage in usages:
        by_pod[usage.pod_namespace, usage.pod_name, usage.pod_uid].append(usage)
    node = {"nodeName": node_name, **_amounts(host.cpu_ns, host.memory_working_set_bytes, now_s)}
    node["memory"]["availableBytes"] = host.memory_available_bytes
    return {"node": node, "pods": [_pod(*ref, held) for ref, held in sorted(by_pod.items())]}


def started_s(pods: Iterable[Pod]) -> dict[tuple[str, str, str], float]:
    """Return since when each running container runs, by namespace, pod and container. Pure."""
    found: dict[tuple[str, str, str], float] = {}
    for pod in pods:
        for row in (*pod.status.containerStatuses, *pod.status.initContainerStatuses):
            since = row.state.running.startedAt if row.state and row.state.running else None
            if since:
                found[pod.metadata.namespace or "", pod.metadata.name or "", row.name] = seconds(since)
    return found


def _pod(namespace: str, name: str, uid: str, usages: list[Usage]) -> dict[str, Any]:
    newest_s = max(usage.sampled_s for usage in usages)
    return {
        "podRef": {"name": name, "namespace": namespace, "uid": uid},
        "containers": [{"name": usage.name, **_amounts(usage.cpu_ns, usage.memory_working_set_bytes, usage.sampled_s)}
                       for usage in usages],
        **_amounts(sum(usage.cpu_ns for usage in usages),
                   sum(usage.memory_working_set_bytes for usage in usages), newest_s),
    }


def _amounts(cpu_ns: int, memory_bytes: int, at_s: float) -> dict[str, Any]:
    time = datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"cpu": {"time": time, "usageCoreNanoSeconds": cpu_ns},
            "memory": {"time": time, "workingSetBytes": memory_bytes}}
