"""Answer `/metrics/resource`, from which metrics-server reads what nodes, pods and containers use. Pure.

Source: kube kubelet/metrics/collectors/resource_metrics.go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from knarr.node.cri.face import Usage
from knarr.node.server.exposition import Sample, family
from knarr.node.server.hostusage import HostUsage

CPU: Final = "[STABLE] Cumulative cpu time consumed by the {} in core-seconds"
MEMORY: Final = "[STABLE] Current working set of the {} in bytes"
STARTED: Final = "[STABLE] Start time of the container since unix epoch in seconds"
Ref = tuple[str, str]
Since = Mapping[tuple[str, str, str], float]


def text(usages: Iterable[Usage], host: HostUsage, *, now_s: float, started_s: Since) -> str:
    """Return the families. started_s: since when each container runs, by namespace, pod and container."""
    held = sorted(usages, key=lambda one: (one.pod_namespace, one.pod_name, one.name))
    failed = "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise"
    return "\n".join([*_containers(held, started_s), *_node(host, now_s), *_pods(held),
                      *family("resource_scrape_error", failed, "gauge", [Sample({}, 0)]), ""])


def _containers(held: list[Usage], started_s: Since) -> Iterator[str]:
    yield from family("container_cpu_usage_seconds_total", CPU.format("container"), "counter", (
        Sample(_labels(one), one.cpu_ns / 1e9, one.sampled_s) for one in held))
    yield from family("container_memory_working_set_bytes", MEMORY.format("container"), "gauge", (
        Sample(_labels(one), one.memory_working_set_bytes, one.sampled_s) for one in held))
    since = ((one, started_s.get((one.pod_namespace, one.pod_name, one.name))) for one in held)
    yield from family("container_start_time_seconds", STARTED, "gauge", (
        Sample(_labels(one), since_s) for one, since_s in since if since_s is not None))


def _node(host: HostUsage, now_s: float) -> Iterator[str]:
    used_s, used_bytes = host.cpu_ns / 1e9, host.memory_working_set_bytes
    yield from family("node_cpu_usage_seconds_total", CPU.format("node"), "counter", [Sample({}, used_s, now_s)])
    yield from family("node_memory_working_set_bytes", MEMORY.format("node"), "gauge", [Sample({}, used_bytes, now_s)])


def _pods(held: list[Usage]) -> Iterator[str]:
    by_pod: dict[Ref, list[Usage]] = defaultdict(list)
    for one in held:
        by_pod[one.pod_namespace, one.pod_name].append(one)
    rows = [({"namespace": ref[0], "pod": ref[1]}, used, max(one.sampled_s for one in used))
            for ref, used in by_pod.items()]
    yield from family("pod_cpu_usage_seconds_total", CPU.format("pod"), "counter", (
        Sample(labels, sum(one.cpu_ns for one in used) / 1e9, at_s) for labels, used, at_s in rows))
    yield from family("pod_memory_working_set_bytes", MEMORY.format("pod"), "gauge", (
        Sample(labels, sum(one.memory_working_set_bytes for one in used), at_s) for labels, used, at_s in rows))


def _labels(one: Usage) -> dict[str, str]:
    return {"container": one.name, "namespace": one.pod_namespace, "pod": one.pod_name}
