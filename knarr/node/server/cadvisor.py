"""Answer `/metrics/cadvisor`: what groups, networks and disks have moved, in the words dashboards know. Pure.

Source: cadvisor metrics/prometheus.go; labels: kube kubelet/server/server.go (containerPrometheusLabelsFunc).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from knarr.node.server.exposition import Sample, family
from knarr.node.server.groupfigures import READ, WRITE, Group
from knarr.node.server.look import Look, PodFigures
from knarr.node.server.machinefigures import Interface

MEMORY_FAILURES: Final = (("pgfault", "page_faults"), ("pgmajfault", "major_faults"))
FIGURES: Final[tuple[tuple[str, str, str, Callable[[Group], float]], ...]] = (
    ("container_cpu_system_seconds_total", "Cumulative system cpu time consumed in seconds.", "counter",
     lambda one: one.cpu_system_ns / 1e9),
    ("container_cpu_user_seconds_total", "Cumulative user cpu time consumed in seconds.", "counter",
     lambda one: one.cpu_user_ns / 1e9),
    ("container_memory_cache", "Number of bytes of page cache memory.", "gauge", lambda one: one.cache_bytes),
    ("container_memory_failcnt", "Number of memory usage hits limits", "counter", lambda one: one.limit_hits),
    ("container_memory_mapped_file", "Size of memory mapped files in bytes.", "gauge", lambda one: one.mapped_bytes),
    ("container_memory_max_usage_bytes", "Maximum memory usage recorded in bytes", "gauge",
     lambda one: one.memory_max_bytes),
    ("container_memory_rss", "Size of RSS in bytes.", "gauge", lambda one: one.rss_bytes),
    ("container_memory_swap", "Container swap usage in bytes.", "gauge", lambda one: one.swap_bytes),
    ("container_memory_usage_bytes", "Current memory usage in bytes, including all memory regardless of when it was "
     "accessed", "gauge", lambda one: one.memory_bytes),
    ("container_memory_working_set_bytes", "Current working set in bytes.", "gauge",
     lambda one: one.working_set_bytes),
    ("container_oom_events_total", "Count of out of memory events observed for the container", "counter",
     lambda one: one.oom_kills),
    ("container_processes", "Number of processes running inside the container.", "gauge", lambda one: one.processes),
    ("container_threads", "Number of threads running inside the container", "gauge", lambda one: one.tasks),
    ("container_threads_max", "Maximum number of threads allowed inside the container, infinity if value is zero",
     "gauge", lambda one: one.tasks_max),
)
SPECS: Final[tuple[tuple[str, str, Callable[[Group], float]], ...]] = (
    ("container_spec_cpu_period", "CPU period of the container.", lambda one: one.cpu_period_us),
    ("container_spec_cpu_shares", "CPU share of the container.", lambda one: one.cpu_shares),
    ("container_spec_memory_limit_bytes", "Memory limit for the container.", lambda one: one.memory_limit_bytes),
    ("container_spec_memory_swap_limit_bytes", "Memory swap limit for the container.",
     lambda one: one.swap_limit_bytes),
)
THROTTLING: Final[tuple[tuple[str, str, Callable[[Group], float]], ...]] = (
    ("container_cpu_cfs_periods_total", "Number of elapsed enforcement period intervals.", lambda one: one.periods),
    ("container_cpu_cfs_throttled_periods_total", "Number of throttled period intervals.",
     lambda one: one.throttled_periods),
    ("container_cpu_cfs_throttled_seconds_total", "Total time duration the container has been throttled.",
     lambda one: one.throttled_ns / 1e9),
)
TRAFFIC: Final[tuple[tuple[str, str, Callable[[Interface], int]], ...]] = (
    ("receive_bytes", "bytes received", lambda one: one.rx_bytes),
    ("receive_errors", "errors encountered while receiving", lambda one: one.rx_errors),
    ("receive_packets_dropped", "packets dropped while receiving", lambda one: one.rx_dropped),
    ("receive_packets", "packets received", lambda one: one.rx_packets),
    ("transmit_bytes", "bytes transmitted", lambda one: one.tx_bytes),
    ("transmit_errors", "errors encountered while transmitting", lambda one: one.tx_errors),
    ("transmit_packets_dropped", "packets dropped while transmitting", lambda one: one.tx_dropped),
    ("transmit_packets", "packets transmitted", lambda one: one.tx_packets),
)
MOVED: Final = (
    ("container_fs_reads_bytes_total", "Cumulative count of bytes read", READ, 0),
    ("container_fs_reads_total", "Cumulative count of reads completed", READ, 1),
    ("container_fs_writes_bytes_total", "Cumulative count of bytes written", WRITE, 0),
    ("container_fs_writes_total", "Cumulative count of writes completed", WRITE, 1),
)


@dataclass(frozen=True, slots=True)
class _Row:
    labels: Mapping[str, str]
    group: Group
    started_s: float
    interfaces: tuple[Interface, ...] = ()


def text(look: Look, device: Callable[[str], str]) -> str:
    """Return the families. device: names a block device by its `major:minor`."""
    rows = list(_rows(look))
    lines = [*_groups(rows, look.at_s), *_moved(rows, device), *_pressure(rows), *_disks(look), *_network(rows),
             *_machine(look)]
    return "\n".join([*lines, ""])


def _rows(look: Look) -> Iterator[_Row]:
    machine = look.machine
    yield _Row(_labels("/"), look.root, machine.started_s, machine.interfaces)
    for each in look.pods:
        if each.group is not None:
            yield _Row(_labels(each.path, each), each.group, each.started_s)
        if each.sandbox is not None:
            box = each.sandbox
            yield _Row(_labels(box.path, each, image=box.image, name=box.id), box.group, box.started_s, each.interfaces)
        for one in each.containers:
            labels = _labels(one.path, each, image=one.image, name=one.id) | {"container": one.name}
            yield _Row(labels, one.group, one.started_s)


def _labels(path: str, pod: PodFigures | None = None, *, image: str = "", name: str = "") -> dict[str, str]:
    meta = pod.pod.metadata if pod else None
    return {"container": "", "id": path, "image": image, "name": name,
            "namespace": (meta.namespace or "") if meta else "", "pod": (meta.name or "") if meta else ""}


def _groups(rows: Iterable[_Row], at_s: float) -> Iterator[str]:
    rows = list(rows)
    yield from family("container_cpu_usage_seconds_total", "Cumulative cpu time consumed in seconds.", "counter", (
        Sample({**row.labels, "cpu": "total"}, row.group.cpu_ns / 1e9, at_s) for row in rows))
    for name, meaning, sort, figure in FIGURES:
        yield from family(name, meaning, sort, (Sample(row.labels, figure(row.group), at_s) for row in rows))
    bounded = [row for row in rows if row.group.cpu_quota_us]
    for name, meaning, figure in THROTTLING:
        yield from family(name, meaning, "counter", (Sample(row.labels, figure(row.group), at_s) for row in bounded))
    for name, meaning, figure in SPECS:
        yield from family(name, meaning, "gauge", (Sample(row.labels, figure(row.group)) for row in rows))
    yield from family("container_spec_cpu_quota", "CPU quota of the container.", "gauge", (
        Sample(row.labels, row.group.cpu_quota_us) for row in bounded))
    yield from family("container_memory_failures_total", "Cumulative count of memory allocation failures.", "counter", (
        Sample({**row.labels, "failure_type": word, "scope": "hierarchy"}, getattr(row.group, field), at_s)
        for row in rows for word, field in MEMORY_FAILURES))
    yield from family("container_start_time_seconds", "Start time of the container since unix epoch in seconds.",
                      "gauge", (Sample(row.labels, row.started_s) for row in rows))
    yield from family("container_last_seen", "Last time a container was seen by the exporter", "gauge", (
        Sample(row.labels, float(int(at_s)), at_s) for row in rows))


def _moved(rows: Iterable[_Row], device: Callable[[str], str]) -> Iterator[str]:
    rows = list(rows)
    for name, meaning, way, part in MOVED:
        yield from family(name, meaning, "counter", (
            Sample({**row.labels, "device": device(number)}, figures[part])
            for row in rows for (number, moved), figures in row.group.moved.items() if moved == way))


def _pressure(rows: Iterable[_Row]) -> Iterator[str]:
    rows = list(rows)
    for resource in ("cpu", "memory", "io"):
        pressed = [(row, row.group.pressure[resource]) for row in rows if resource in row.group.pressure]
        yield from family(f"container_pressure_{resource}_waiting_seconds_total",
                          f"Total time duration tasks in the container have waited due to {resource} congestion.",
                          "counter", (Sample(row.labels, one.some_us / 1e6) for row, one in pressed))
        yield from family(f"container_pressure_{resource}_stalled_seconds_total",
                          f"Total time duration no tasks in the container could make progress due to {resource} "
                          "congestion.", "counter", (Sample(row.labels, one.full_us / 1e6) for row, one in pressed))


def _disks(look: Look) -> Iterator[str]:
    labels, disk = {**_labels("/"), "device": "nodefs"}, look.machine.disk
    layers = [Sample({**_labels(one.path, pod, image=one.image, name=one.id), "container": one.name,
                      "device": "nodefs"}, one.usage.layer_bytes)
              for pod in look.pods for one in pod.containers if one.usage is not None]
    for name, meaning, value in (
        ("container_fs_inodes_free", "Number of available Inodes", disk.inodes_free),
        ("container_fs_inodes_total", "Number of Inodes", disk.inodes),
        ("container_fs_limit_bytes", "Number of bytes that can be consumed by the container on this filesystem.",
         disk.capacity_bytes),
    ):
        yield from family(name, meaning, "gauge", [Sample(labels, value)])
    yield from family("container_fs_usage_bytes", "Number of bytes that are consumed by the container on this "
                      "filesystem.", "gauge", [Sample(labels, disk.used_bytes), *layers])


def _network(rows: Iterable[_Row]) -> Iterator[str]:
    seen = [(row, one) for row in rows for one in row.interfaces]
    for word, meaning, figure in TRAFFIC:
        yield from family(f"container_network_{word}_total", f"Cumulative count of {meaning}", "counter", (
            Sample({**row.labels, "interface": one.name}, figure(one)) for row, one in seen))


def _machine(look: Look) -> Iterator[str]:
    machine = look.machine
    for name, meaning, value in (
        ("machine_cpu_cores", "Number of logical CPU cores.", machine.cpus),
        ("machine_memory_bytes", "Amount of memory installed on the machine.", machine.memory_bytes),
        ("machine_swap_bytes", "Amount of swap memory available on the machine.", machine.swap_bytes),
    ):
        yield from family(name, meaning, "gauge", [Sample({}, value)])
