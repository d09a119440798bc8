"""Answer `/metrics/resource`, from which metrics-server reads what nodes, pods and containers use. Pure.

Source: kube kubelet/metrics/collectors/resource_metrics.go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from knarr.node.cri.face import Usage
from knarr.node.server.hostusage import HostUsage

MEDIA: Final = "text/plain; version=0.0.4; charset=utf-8"
CPU: Final = "Cumulative cpu time consumed by the {} in core-seconds"
MEMORY: Final = "Current working set of the {} in bytes"
Ref = tuple[str, str]
Since = Mapping[tuple[str, str, str], float]


def text(usages: Iterable[Usage], host: HostUsage, *, now_s: float, started_s: Since) -> str:
    """Return the families. started_s: since when each container runs, by namespace, pod and container."""
    held = sorted(usages, key=lambda one: (one.pod_namespace, one.pod_name, one.name))
    lines = [*_containers(held, started_s), *_node(host, now_s), *_pods(held)]
    failed = "1 if there was an error while getting container metrics, 0 otherwise"
    head = _head("resource_scrape_error", failed, "gauge")
    return "\n".join([*lines, *head, "resource_scrape_error 0", ""])


def _containers(held: list[Usage], started_s: Since) -> Iterator[str]:
    yield from _head("container_cpu_usage_seconds_total", CPU.format("container"), "counter")
    for one in held:
        yield _line("container_cpu_usage_seconds_total", _labels(one), one.cpu_ns / 1e9, at_s=one.sampled_s)
    yield from _head("container_memory_working_set_bytes", MEMORY.format("container"), "gauge")
    for one in held:
        used_bytes = one.memory_working_set_bytes
        yield _line("container_memory_working_set_bytes", _labels(one), used_bytes, at_s=one.sampled_s)
    yield from _head("container_start_time_seconds", "Start time of the container since unix epoch in seconds", "gauge")
    for one in held:
        since_s = started_s.get((one.pod_namespace, one.pod_name, one.name))
        if since_s is not None:
            yield _line("container_start_time_seconds", _labels(one), since_s)


def _node(host: HostUsage, now_s: float) -> Iterator[str]:
    yield from _head("node_cpu_usage_seconds_total", CPU.format("node"), "counter")
    yield _line("node_cpu_usage_seconds_total", {}, host.cpu_ns / 1e9, at_s=now_s)
    yield from _head("node_memory_working_set_bytes", MEMORY.format("node"), "gauge")
    yield _line("node_memory_working_set_bytes", {}, host.memory_working_set_bytes, at_s=now_s)


def _pods(held: list[Usage]) -> Iterator[str]:
    by_pod: dict[Ref, list[Usage]] = defaultdict(list)
    for one in held:
        by_pod[one.pod_namespace, one.pod_name].append(one)
    yield from _head("pod_cpu_usage_seconds_total", CPU.format("pod"), "counter")
    for (namespace, pod), used in by_pod.items():
        at_s, total = max(one.sampled_s for one in used), sum(one.cpu_ns for one in used) / 1e9
        yield _line("pod_cpu_usage_seconds_total", {"namespace": namespace, "pod": pod}, total, at_s=at_s)
    yield from _head("pod_memory_working_set_bytes", MEMORY.format("pod"), "gauge")
    for (namespace, pod), used in by_pod.items():
        at_s, sum_bytes = max(one.sampled_s for one in used), sum(one.memory_working_set_bytes for one in used)
        yield _line("pod_memory_working_set_bytes", {"namespace": namespace, "pod": pod}, sum_bytes, at_s=at_s)


def _labels(one: Usage) -> dict[str, str]:
    return {"container": one.name, "namespace": one.pod_namespace, "pod": one.pod_name}


def _head(name: str, meaning: str, sort: str) -> list[str]:
    return [f"# HELP {name} [STABLE] {meaning}", f"# TYPE {name} {sort}"]


def _line(name: str, labels: Mapping[str, str], value: float, *, at_s: float | None = None) -> str:
    shown = ",".join(f'{key}="{word}"' for key, word in labels.items())
    time = f" {int(at_s * 1000)}" if at_s is not None else ""
    return f"{name}{{{shown}}} {value!r}{time}" if shown else f"{name} {value!r}{time}"
