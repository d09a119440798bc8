"""Know the machine's control groups, version 1 and 2: where a pod's go, and how to remove ours.

The runtime makes the groups; we only name their parents. Groups and mounts of others are never changed.
Source of the layout: kube cm/helpers_linux.go and cm/pod_container_manager_linux.go (cgroupfs driver).
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
QOS_DIRS = {"Guaranteed": "", "Burstable": "/burstable", "BestEffort": "/besteffort"}


def pod_parent(cgroup_parent: str, qos_class: str, pod_uid: str) -> str:
    """Return the cgroup that holds a pod's containers.

    >>> pod_parent("/knarr", "BestEffort", "u1")
    '/knarr/besteffort/podu1'
    """
    return f"{cgroup_parent}{QOS_DIRS[qos_class]}/pod{pod_uid}"


def hierarchies(root: Path = ROOT) -> list[Path]:
    """Return the mounted hierarchies: one in version 2, one per controller in version 1."""
    if (root / "cgroup.controllers").exists():
        return [root]
    return [path for path in root.iterdir() if path.is_dir() and not path.is_symlink()] if root.exists() else []


def groups(parent: str, root: Path = ROOT) -> list[Path]:
    """Return all groups at and below `parent`, the deepest first."""
    assert parent.startswith("/"), f"cgroup parent must be absolute (got {parent})"
    assert len(parent) > 1, "the root group is nobody's to remove"
    found: list[Path] = []
    for hierarchy in hierarchies(root):
        top = hierarchy / parent.lstrip("/")
        for folder, _, _ in os.walk(top, topdown=False):
            found.append(Path(folder))
    return found


def tasks(group: str, root: Path = ROOT) -> int:
    """Return how many tasks are at and below a group, 0 where nobody counts them."""
    for top in (root, root / "pids"):
        try:
            return int((top / group.lstrip("/") / "pids.current").read_text())
        except OSError:
            continue        # the other version's tree, or the pod has just gone
    return 0


def kill(parent: str) -> set[int]:
    """Kill every process at and below `parent`; return their pids."""
    pids: set[int] = set()
    for group in groups(parent):
        try:
            pids.update(int(line) for line in (group / "cgroup.procs").read_text().split())
        except FileNotFoundError:
            continue        # the group went while we walked
    for pid in pids - {0, os.getpid()}:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return pids


def remove(parent: str, root: Path = ROOT) -> list[Path]:
    """Remove all groups at and below `parent`; return those that are still in use."""
    left = []
    for group in groups(parent, root):
        try:
            group.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            left.append(group)
    return left
