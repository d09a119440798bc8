"""Read how much the machine has left of what pods share, and what a pod's files take."""

from __future__ import annotations

import os
from pathlib import Path

from knarr.api.types.core_v1 import Pod
from knarr.node.eviction.thresholds import Level
from knarr.node.nodestatus import meminfo, tasks_max
from knarr.node.settings import Settings

EMPTY_DIRS = "volumes/kubernetes.io~empty-dir"
BLOCK_BYTES = 512          # Source: stat(2), st_blocks


def read(settings: Settings) -> dict[str, Level]:
    """Return the levels by signal. Images lie below the data dir, as pods do: imagefs is nodefs."""
    memory, disk = meminfo(), os.statvfs(settings.data_dir)
    space = Level(disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize)
    inodes = Level(disk.f_favail, disk.f_files)
    tasks = int(Path("/proc/loadavg").read_text().split()[3].split("/")[1])
    most = tasks_max()
    return {
        "memory.available": Level(memory["MemAvailable"], memory["MemTotal"]),
        "nodefs.available": space, "imagefs.available": space,
        "nodefs.inodesFree": inodes, "imagefs.inodesFree": inodes,
        "pid.available": Level(most - tasks, most),
    }


def volume_bytes(settings: Settings, pod: Pod) -> dict[str, int]:
    """Return what a pod's emptyDirs take, by name; those in memory too."""
    home = settings.pod_dir(pod.metadata.uid or "") / EMPTY_DIRS
    return {volume.name: size_bytes(home / volume.name) for volume in pod.spec.volumes if volume.emptyDir is not None}


def log_bytes(settings: Settings, pod: Pod) -> dict[str, int]:
    """Return what a pod's logs take, by container."""
    meta = pod.metadata
    home = settings.log_dir(meta.namespace or "", meta.name or "", meta.uid or "")
    return {container.name: size_bytes(home / container.name) for container in pod.spec.containers}


def size_bytes(folder: Path) -> int:
    """Return what all files below a folder take on disk; links are not followed, what vanishes meanwhile is nothing."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(where, name)).st_blocks * BLOCK_BYTES
            except FileNotFoundError:
                continue
    return total
