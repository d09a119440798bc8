"""Keep container logs bounded: rename a full one, have the runtime open a new one, compress and drop old ones.

    0.log                        written by the runtime
    0.log.20260102-030405        the one before, plain, so that a reader that follows can end it in peace
    0.log.20260102-020000.gz     older

Sizes are looked at every ten seconds, by the file system alone; the runtime is asked only when one is full. A container
that talks faster than that must not fill the disk: when its free space falls quickly, sizes are looked at once, and as
long as logs fill up, five times a second; then nothing is compressed, for that would be too slow.
Source: kube kubelet/logs/container_log_manager.go.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

import structlog

from knarr.base import logfile
from knarr.base.clock import Clock
from knarr.node.containerd import RUNTIME_LOG
from knarr.node.cri.face import ContainerLine, Runtime, RuntimeFault
from knarr.node.settings import Settings

PERIOD_S: Final = 10.0        # Source: kube, containerLogMonitorInterval
WATCH_S: Final = 1.0          # how often the free space is looked at, which costs one system call
FLOOD_S: Final = 0.2          # how often sizes are looked at while logs fill up
FLOOD_LOGS: Final = 2         # a second in which this many full logs' worth of space went is one of a flood
UID_LABEL: Final = "io.kubernetes.pod.uid"

log = structlog.get_logger()


class LogRotation:
    """The logs of all containers of this node."""

    def __init__(self, settings: Settings, runtime: Runtime, clock: Clock) -> None:
        self._settings = settings
        self._runtime = runtime
        self._clock = clock
        self._last: dict[Path, float] = {}      # current log -> when it was rotated last, monotonic

    async def run(self) -> NoReturn:
        """Look after the logs until cancelled."""
        looked_s, flooded = self._clock.monotonic_s(), False
        while True:
            free_bytes = self._free_bytes()
            await self._clock.sleep(FLOOD_S if flooded else WATCH_S)
            fell = free_bytes - self._free_bytes() > FLOOD_LOGS * self._settings.rules.log_bytes_max
            if flooded or fell or self._clock.monotonic_s() - looked_s >= PERIOD_S:
                flooded, looked_s = await self.look(), self._clock.monotonic_s()

    def _free_bytes(self) -> int:
        disk = os.statvfs(self._settings.data_dir)
        return disk.f_bfree * disk.f_frsize

    async def look(self) -> bool:
        """Rotate every log that is full now; our containerd's own, too. Tells whether there was any."""
        root = self._settings.data_dir / "log" / "pods"
        await asyncio.to_thread(logfile.cut, self._settings.runtime_dir / RUNTIME_LOG)
        full = await asyncio.to_thread(full_logs, root, self._settings.rules.log_bytes_max)
        self._last = {path: at_s for path, at_s in self._last.items() if path in full or self._is_hot(path)}
        if not full:
            return False
        try:
            by_log = {self._log_of(line): line.id for line in await self._runtime.list_containers()
                      if line.state == "running"}
        except RuntimeFault as fault:
            log.warning("logs.rotate", error=str(fault))
            return False
        living = {path: by_log[_place(path)] for path in full if _place(path) in by_log}
        for path, container_id in living.items():
            await self._rotate(path, container_id)
        return bool(living)

    def _log_of(self, line: ContainerLine) -> tuple[str, str, str]:
        return line.labels.get(UID_LABEL, ""), line.name, f"{line.attempt}.log"

    async def _rotate(self, path: Path, container_id: str) -> None:
        """Rename, reopen, tidy; if the runtime does not open a new file, the old name comes back."""
        old = name_of_old(path, self._clock.now_s())
        try:
            path.rename(old)
            await self._runtime.reopen_log(container_id)
        except RuntimeFault as fault:
            if not path.exists():
                old.rename(path)
            log.warning("logs.rotate", path=str(path), error=str(fault))
            return
        except OSError as error:
            log.warning("logs.rotate", path=str(path), error=str(error))
            return
        hot = self._is_hot(path)
        self._last[path] = self._clock.monotonic_s()
        await asyncio.to_thread(tidy, path, self._settings.rules.log_files_max, compress=not hot)

    def _is_hot(self, path: Path) -> bool:
        """Tell whether a log fills up so quickly that its files are dropped before compressing them pays."""
        return self._clock.monotonic_s() - self._last.get(path, float("-inf")) < PERIOD_S


def name_of_old(path: Path, now_s: float) -> Path:
    """Return the name that a full log gets: by second, and finer where that one is taken."""
    now = datetime.fromtimestamp(now_s, UTC)
    old = path.with_name(f"{path.name}.{now:%Y%m%d-%H%M%S}")
    return path.with_name(f"{old.name}-{now:%f}") if old.exists() else old


def full_logs(root: Path, size_bytes: int) -> list[Path]:
    """Return the current logs that have at least this size; what vanishes meanwhile is passed over."""
    return [path for path in root.glob("*/*/*.log") if _size(path) >= size_bytes]


def tidy(path: Path, files_max: int, *, compress: bool = True) -> None:
    """Compress all rotated files of a log but the newest, and drop the oldest beyond the number to keep."""
    rotated = sorted(each.name for each in path.parent.glob(f"{path.name}.*") if not each.name.endswith(".tmp"))
    work = plan(rotated, files_max - 1)
    for name in work.drop:
        (path.parent / name).unlink(missing_ok=True)
    for name in work.compress if compress else ():
        _compress(path.parent / name)


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done to rotated files."""

    drop: tuple[str, ...]
    compress: tuple[str, ...]


def plan(rotated: Iterable[str], keep: int) -> Work:
    """Decide by name, which is by time.

    >>> plan(["0.log.1.gz", "0.log.2", "0.log.3"], keep=2)
    Work(drop=('0.log.1.gz',), compress=('0.log.2',))
    """
    names = sorted(rotated)
    kept = names[-keep:]
    return Work(tuple(names[:-keep]), tuple(name for name in kept[:-1] if not name.endswith(".gz")))


def _compress(path: Path) -> None:
    """Write the compressed file beside the plain one, then let it take its place."""
    partial = path.with_name(f"{path.name}.tmp")
    with path.open("rb") as plain, gzip.open(partial, "wb") as packed:
        shutil.copyfileobj(plain, packed)
    os.replace(partial, path.with_name(f"{path.name}.gz"))
    path.unlink()


def _place(path: Path) -> tuple[str, str, str]:
    """Return pod uid, container and file name. Directories are `<namespace>_<name>_<uid>/<container>/`."""
    return path.parent.parent.name.rsplit("_", 1)[-1], path.parent.name, path.name


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
