"""Keep Knarr's processes alive: start them, start again what dies, stop them all when told to.

Run as a script, on the standard library alone (a few MB): `supervise.py RUN_DIR LOG_DIR -- name command… -- name …`.
It sleeps in the kernel until a child dies or a signal comes. A part that dies at once is tried again after 0.2 s,
doubling to 5 s; one that had run for 3 s starts the count anew. `RUN_DIR/<name>.pid` tells pid and start time of each.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

FIRST_WAIT_S = 0.2
WAIT_MAX_S = 5.0
SETTLED_S = 3.0  # a crash at start comes sooner; what lived longer has at least begun its work
STOP_GRACE_S = 20.0


class Part:
    """One child: its command, its process, and when it may start again."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        self.command = command
        self.process: subprocess.Popen[bytes] | None = None
        self.started_s = 0.0
        self.wait_s = FIRST_WAIT_S
        self.due_s = 0.0


def main(arguments: list[str]) -> int:
    """Supervise until SIGTERM or SIGINT. Returns the exit code."""
    run_dir, log_dir = Path(arguments[0]), Path(arguments[1])
    parts = [Part(words[0], words[1:]) for words in split(arguments[2:])]
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: asked.append(received))
    wake = wake_pipe()
    write_pid(run_dir / "supervisor.pid", os.getpid())
    while not asked:
        now_s = time.monotonic()
        for part in parts:
            look_after(part, now_s, run_dir=run_dir, log_dir=log_dir)
        sleep_until_something_happens(wake, min((p.due_s - now_s for p in parts if p.process is None), default=None))
    return stop(parts, run_dir)


def split(words: list[str]) -> list[list[str]]:
    """Split the command line at each `--`."""
    groups: list[list[str]] = []
    for word in words:
        if word == "--":
            groups.append([])
        else:
            groups[-1].append(word)
    return groups


def look_after(part: Part, now_s: float, *, run_dir: Path, log_dir: Path) -> None:
    """Bury a dead child and start one that is due."""
    if part.process is not None and part.process.poll() is not None:
        say(log_dir, f"{part.name} ended with {part.process.returncode}; starting it again")
        part.process = None
        part.wait_s = FIRST_WAIT_S if now_s - part.started_s > SETTLED_S else min(part.wait_s * 2, WAIT_MAX_S)
        part.due_s = now_s + part.wait_s
    if part.process is None and now_s >= part.due_s:
        with (log_dir / f"{part.name}.log").open("ab") as log:
            part.process = subprocess.Popen(part.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        part.started_s = now_s
        write_pid(run_dir / f"{part.name}.pid", part.process.pid)


def stop(parts: list[Part], run_dir: Path) -> int:
    """Ask every child to end; end it if it does not."""
    alive = [part.process for part in parts if part.process is not None]
    for process in alive:
        process.terminate()
    deadline_s = time.monotonic() + STOP_GRACE_S
    for process in alive:
        try:
            process.wait(max(0.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for file in run_dir.glob("*.pid"):
        file.unlink()
    return 0


def wake_pipe() -> int:
    """Return a pipe that becomes readable when any signal arrives: no time is spent looking."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.signal(signal.SIGCHLD, lambda _received, _frame: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    return reader


def sleep_until_something_happens(reader: int, wait_s: float | None) -> None:
    """Sleep in the kernel until a signal, or until the next start is due (None: for ever)."""
    select.select([reader], [], [], None if wait_s is None else max(0.0, wait_s))
    try:
        os.read(reader, 512)
    except BlockingIOError:
        return


def write_pid(path: Path, pid: int) -> None:
    """Write pid and start time: a number alone may belong to a stranger after a reboot."""
    path.write_text(f"{pid} {start_time(pid)}\n")


def start_time(pid: int) -> str:
    """Return when a process started, in ticks since boot; empty if it is gone. Source: proc(5), stat, field 22."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]  # a zombie is dead; whoever should bury it may never come


def say(log_dir: Path, text: str) -> None:
    """Add a line to the supervisor's log, which is cut when it grows."""
    path = log_dir / "supervisor.log"
    if path.exists() and path.stat().st_size > 1_000_000:  # bytes: a crash loop must not fill a disk
        path.replace(path.with_suffix(".log.1"))
    with path.open("a") as log:
        log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
