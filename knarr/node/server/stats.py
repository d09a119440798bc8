"""Answer `/stats/summary` with what is cheap to know. Source: kube kubelet/pkg/apis/stats/v1alpha1/types.go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from knarr.node.cri.face import Usage


def summary(node_name: str, usages: Iterable[Usage]) -> dict[str, Any]:
    """Return the summary document: every container's CPU and memory, added up per pod. Pure."""
    by_pod: dict[tuple[str, str, str], list[Usage]] = defaultdict(list)
    for usage in usages:
        by_pod[usage.pod_namespace, usage.pod_name, usage.pod_uid].append(usage)
    return {"node": {"nodeName": node_name}, "pods": [_pod(*ref, held) for ref, held in sorted(by_pod.items())]}


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
