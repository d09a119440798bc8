"""Answer `/stats/summary`. Pure. Source: kube kubelet/pkg/apis/stats/v1alpha1/types.go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from knarr.api.types.core_v1 import Pod
from knarr.base.times import rfc3339, seconds
from knarr.node.server.groupfigures import Group, Pressure
from knarr.node.server.look import ContainerFigures, Look, PodFigures
from knarr.node.server.machinefigures import Disk, Interface, Machine


def summary(node_name: str, look: Look) -> dict[str, Any]:
    """Return the summary document: the machine, and every pod with its containers."""
    machine, host, time = look.machine, look.host, rfc3339(look.at_s)
    swap = {"time": time, "swapAvailableBytes": machine.swap_free_bytes,
            "swapUsageBytes": machine.swap_bytes - machine.swap_free_bytes}
    storage = _disk(machine.disk, machine.disk.used_bytes, time=time)
    room = {"time": time, "availableBytes": machine.disk.available_bytes, "capacityBytes": machine.disk.capacity_bytes}
    node = {
        "nodeName": node_name, "startTime": rfc3339(machine.started_s),
        "systemContainers": [{"name": "pods", "startTime": rfc3339(machine.started_s), **_amounts(look.parent, time)}],
        "cpu": {"time": time, "usageCoreNanoSeconds": host.cpu_ns, **_pressure(machine.pressure, "cpu")},
        "memory": {"time": time, "availableBytes": host.memory_available_bytes,
                   "usageBytes": look.root.memory_bytes,
                   "workingSetBytes": host.memory_working_set_bytes, "rssBytes": look.root.rss_bytes,
                   "pageFaults": look.root.page_faults, "majorPageFaults": look.root.major_faults,
                   **_pressure(machine.pressure, "memory")},
        "io": {"time": time, **_pressure(machine.pressure, "io")},
        "network": _network(machine.interfaces, machine.default_interface, time=time),
        "fs": storage, "runtime": {"imageFs": room, "containerFs": room},
        "rlimit": {"time": time, "maxpid": machine.tasks_max, "curproc": machine.tasks}, "swap": swap,
    }
    pods = sorted(look.pods, key=lambda each: (each.pod.metadata.namespace or "", each.pod.metadata.name or ""))
    return {"node": node, "pods": [_pod(each, machine, time=time) for each in pods if each.group is not None]}


def started_s(pods: Iterable[Pod]) -> dict[tuple[str, str, str], float]:
    """Return since when each running container runs, by namespace, pod and container. Pure."""
    found: dict[tuple[str, str, str], float] = {}
    for pod in pods:
        for row in (*pod.status.containerStatuses, *pod.status.initContainerStatuses):
            since = row.state.running.startedAt if row.state and row.state.running else None
            if since:
                found[pod.metadata.namespace or "", pod.metadata.name or "", row.name] = seconds(since)
    return found


def _pod(each: PodFigures, machine: Machine, *, time: str) -> dict[str, Any]:
    meta, group, disk = each.pod.metadata, each.group or Group(), machine.disk
    layers = sum(one.usage.layer_bytes for one in each.containers if one.usage is not None)
    stored = layers + sum(one.log_bytes for one in each.containers) + sum(each.volume_bytes.values())
    shown = {
        "podRef": {"name": meta.name, "namespace": meta.namespace, "uid": meta.uid},
        "startTime": rfc3339(each.started_s),
        "containers": [_container(one, disk, time=time) for one in each.containers], **_amounts(group, time),
        "process_stats": {"process_count": group.tasks},
        "swap": {"time": time, "swapUsageBytes": group.swap_bytes},
        "volume": [{"name": name, **_disk(disk, size, time=time, whole=False)}
                   for name, size in each.volume_bytes.items()],
        "ephemeral-storage": _disk(disk, stored, time=time, whole=False),
    }
    return shown | ({"network": _network(each.interfaces, "eth0", time=time)} if each.interfaces else {})


def _container(one: ContainerFigures, disk: Disk, *, time: str) -> dict[str, Any]:
    usage = one.usage
    return {
        "name": one.name, "startTime": rfc3339(one.started_s), **_amounts(one.group, time),
        "rootfs": _disk(disk, usage.layer_bytes if usage else 0, time=time, whole=False)
        | {"inodesUsed": usage.layer_inodes if usage else 0},
        "logs": _disk(disk, one.log_bytes, time=time, whole=False),
        "swap": {"time": time, "swapUsageBytes": one.group.swap_bytes},
    }


def _amounts(group: Group, time: str) -> dict[str, Any]:
    memory = {
        "time": time, "usageBytes": group.memory_bytes, "workingSetBytes": group.working_set_bytes,
        "rssBytes": group.rss_bytes, "pageFaults": group.page_faults, "majorPageFaults": group.major_faults,
        **_pressure(group.pressure, "memory"),
    }
    if group.memory_limit_bytes:
        memory["availableBytes"] = max(0, group.memory_limit_bytes - group.working_set_bytes)
    cpu = {"time": time, "usageCoreNanoSeconds": group.cpu_ns, **_pressure(group.pressure, "cpu")}
    waits = {"io": {"time": time, **_pressure(group.pressure, "io")}} if "io" in group.pressure else {}
    return {"cpu": cpu, "memory": memory, **waits}


def _disk(disk: Disk, used_bytes: int, *, time: str, whole: bool = True) -> dict[str, Any]:
    """Return a part of the file system; inodes used are known of the whole alone."""
    inodes = {"inodesUsed": disk.inodes - disk.inodes_free} if whole else {}
    return {"time": time, "availableBytes": disk.available_bytes, "capacityBytes": disk.capacity_bytes,
            "usedBytes": used_bytes, "inodesFree": disk.inodes_free, "inodes": disk.inodes, **inodes}


def _network(interfaces: Iterable[Interface], default: str, *, time: str) -> dict[str, Any]:
    shown = [{"name": one.name, "rxBytes": one.rx_bytes, "rxErrors": one.rx_errors, "txBytes": one.tx_bytes,
              "txErrors": one.tx_errors} for one in interfaces]
    first = next((one for one in shown if one["name"] == default), {})
    return {"time": time, **first, "interfaces": shown}


def _pressure(found: Mapping[str, Pressure], resource: str) -> dict[str, Any]:
    """Return the stalls of a resource, times in nanoseconds; nothing where the kernel does not count them."""
    one = found.get(resource)
    if one is None:
        return {}
    rows = {"some": (one.some_us, one.some), "full": (one.full_us, one.full)}
    return {"psi": {name: {"total": total_us * 1000, **dict(zip(("avg10", "avg60", "avg300"), averages, strict=False))}
                    for name, (total_us, averages) in rows.items()}}
