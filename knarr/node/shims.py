"""End the shims that nobody knows: containerd was killed while it made or removed a sandbox, and forgot it.

A shim that is older than the containerd which does not know it can never be known again; nor can one whose bundle,
the directory that it works in, is gone. An agent that dies takes back what it was asking for: a containerd that is
interrupted so may leave a shim as well, younger than itself. One that looks left over for a while is. A sandbox that is
over stays known until it is removed; where containerd forgot its shim alone, and could not end what runs in it, it says
that nothing does: that, too, must have been so for a while, as what is ended just now takes its time. What runs in a
shim are its children, each the first process of a namespace of its own: with them all the rest goes.
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
DOUBT_S = 15.0  # to make or to end a sandbox takes containerd a second or two, some more on a busy machine


class Reaper:
    """Ends shims, and remembers which of them looked left over, since when."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._doubted: dict[tuple[int, int], float] = {}  # pid and start of the process -> monotonic seconds

    def reap(self, containerd_pid: int, known: Mapping[str, bool], now_s: float) -> list[str]:
        """End the shims of sandboxes that the running containerd has forgotten, and return their ids.

        known: sandbox id -> whether it is ready or a container of it runs. now_s: monotonic.
        """
        since, ended = started_ticks(containerd_pid), list[str]()
        doubted: dict[tuple[int, int], float] = {}
        for pid in shims(self._settings):
            sandbox_id, born = id_of(pid), started_ticks(pid)
            if not sandbox_id or known.get(sandbox_id):
                continue
            doubted[pid, born] = first_s = self._doubted.get((pid, born), now_s)
            certain = (born < since or is_homeless(pid)) and (sandbox_id not in known or not children(pid))
            if certain or now_s - first_s >= DOUBT_S:
                self._end(pid, sandbox_id)
                ended.append(sandbox_id)
        self._doubted = doubted
        return ended

    def _end(self, pid: int, sandbox_id: str) -> None:
        end(pid)
        state = self._settings.runtime_dir / "state"
        unmount_below(state / "io.containerd.runtime.v2.task" / "k8s.io" / sandbox_id)
        unmount_below(state / "io.containerd.grpc.v1.cri" / "sandboxes" / sandbox_id)


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
