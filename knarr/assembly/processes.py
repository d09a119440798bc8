"""Find, start and stop this instance's processes; a pid counts only together with its start time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from knarr.assembly import supervise
from knarr.assembly.instance import Instance
from knarr.base.clock import Clock

PARTS = ("supervisor", "server", "agent")


def alive(instance: Instance, part: str) -> int:
    """Return the pid of a running part, 0 when it does not run."""
    try:
        pid_text, started = (instance.run_dir / f"{part}.pid").read_text().split()
    except (OSError, ValueError):
        return 0
    return int(pid_text) if supervise.start_time(int(pid_text)) == started else 0


def start(instance: Instance) -> None:
    """Start the supervisor in a session of its own; it starts the rest. Leftovers of a killed one are ended first."""
    for part in ("agent", "server"):
        end(alive(instance, part))
    for folder in (instance.run_dir, instance.logs):
        folder.mkdir(parents=True, exist_ok=True)
    knarr = [sys.executable, "-m", "knarr.cli.main"]
    here = ["--data-dir", str(instance.data_dir)]
    command = [
        sys.executable,
        "-I",
        "-S",
        supervise.__file__,
        str(instance.run_dir),
        str(instance.logs),
        "--",
        "server",
        *knarr,
        "server",
        *here,
        "--",
        "agent",
        *knarr,
        "agent",
        *here,
    ]
    # gRPC's own fork handlers only complain here: children are programs, not forks that go on in Python
    environment = {**os.environ, "GRPC_ENABLE_FORK_SUPPORT": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with (instance.logs / "supervisor.log").open("ab") as log:
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/", env=environment
        )


def end(pid: int, signal_number: int = signal.SIGTERM) -> None:
    """Send a signal to a process that may be gone already. pid 0: nobody."""
    if pid:
        try:
            os.kill(pid, signal_number)
        except ProcessLookupError:
            return


async def stop(instance: Instance, clock: Clock, *, patience_s: float = 30.0) -> None:
    """End supervisor, server and agent, and wait until they are gone; kill what does not go."""
    for part in PARTS:
        end(alive(instance, part))
    deadline_s = clock.monotonic_s() + patience_s
    while running := [pid for part in PARTS if (pid := alive(instance, part))]:
        if clock.monotonic_s() > deadline_s:
            for pid in running:
                end(pid, signal.SIGKILL)
            deadline_s += 1.0
        await clock.sleep(0.02)
    for part in PARTS:
        (instance.run_dir / f"{part}.pid").unlink(missing_ok=True)


def last_words(path: Path, lines_max: int = 5) -> str:
    """Return the end of a log, for an error message."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in lines[-lines_max:])
