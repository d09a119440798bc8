"""End the shims that nobody knows: containerd was killed while it made or removed a sandbox, and forgot it.

A shim that is older than the containerd which does not know it can never be known again; nor can one whose bundle,
the directory that it works in, is gone. What runs in it are its children, each the first process of a namespace of its
own: with them all the rest goes.
Source: containerd runtime/v2/shim_load.go, which removes such a shim's files, and lets its process live.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

from knarr.node.containerd import shims, unmount_below
from knarr.node.settings import Settings

PROC = Path("/proc")


def reap(settings: Settings, containerd_pid: int, known: Mapping[str, bool]) -> list[str]:
    """End the shims of sandboxes that the running containerd has forgotten, and return their ids.

    known: sandbox id -> whether it is ready.
    """
    since = started_ticks(containerd_pid)
    ended = []
    for pid in shims(settings):
        sandbox_id = id_of(pid)
        if sandbox_id and is_forgotten(pid, since, ready=known.get(sandbox_id)):
            end(pid)
            unmount_below(settings.runtime_dir / "state" / "io.containerd.runtime.v2.task" / "k8s.io" / sandbox_id)
            unmount_below(settings.runtime_dir / "state" / "io.containerd.grpc.v1.cri" / "sandboxes" / sandbox_id)
            ended.append(sandbox_id)
    return ended


def is_forgotten(pid: int, since: int, *, ready: bool | None) -> bool:
    """Tell whether nobody will ever ask a shim again. since: the ticks when containerd began; ready: None if unknown.

    One that is just being made is unknown, too; but it is younger, and has its bundle. A sandbox that is over stays
    known until it is removed: where containerd forgot its shim alone, nothing runs in it any more.
    """
    older = started_ticks(pid) < since
    if ready is None:
        return older or is_homeless(pid)
    return not ready and older and not children(pid)


def id_of(pid: int) -> str:
    """Return which sandbox a shim serves; empty when it is gone."""
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().decode().split("\0")
    except OSError:
        return ""
    return words[words.index("-id") + 1] if "-id" in words else ""


def is_homeless(pid: int) -> bool:
    """Tell whether the directory that a process works in was removed. Source: proc(5), cwd."""
    try:
        return (PROC / str(pid) / "cwd").readlink().name.endswith(" (deleted)")
    except OSError:
        return False


def end(pid: int) -> None:
    """Kill what runs in a shim, then the shim."""
    for each in (*children(pid), pid):
        try:
            os.kill(each, signal.SIGKILL)
        except ProcessLookupError:
            continue


def children(pid: int) -> list[int]:
    """Return the processes whose parent it is. Source: proc(5), task/*/children."""
    found: list[int] = []
    for task in (PROC / str(pid) / "task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text().split()]
        except OSError:
            continue
    return found


def started_ticks(pid: int) -> int:
    """Return when a process started, in ticks since boot; 0 when it is gone. Source: proc(5), stat, field 22."""
    try:
        return int((PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return 0
