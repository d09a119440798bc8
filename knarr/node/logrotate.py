"""Keep container logs bounded: rename a full one, have the runtime open a new one, compress and drop old ones.

    0.log                        written by the runtime
    0.log.20260102-030405        the one before, plain, so that a reader that follows can end it in peace
    0.log.20260102-020000.gz     older

Sizes are looked at now and then, by the file system alone; the runtime is asked only when one is full.
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
FILES_MAX: Final = 5          # of one run, the current one included. Source: kube, containerLogMaxFiles
UID_LABEL: Final = "io.kubernetes.pod.uid"

log = structlog.get_logger()


class LogRotation:
    """The logs of all containers of this node."""

    def __init__(self, settings: Settings, runtime: Runtime, clock: Clock) -> None:
        self._settings = settings
        self._runtime = runtime
        self._clock = clock

    async def run(self) -> NoReturn:
        """Look after the logs until cancelled."""
        while True:
            await self._clock.sleep(PERIOD_S)
            await self.look()

    async def look(self) -> None:
        """Rotate every log that is full now; our containerd's own, too."""
        root = self._settings.data_dir / "log" / "pods"
        await asyncio.to_thread(logfile.cut, self._settings.runtime_dir / RUNTIME_LOG)
        full = await asyncio.to_thread(full_logs, root, self._settings.max_container_log_bytes)
        if not full:
            return
        try:
            by_log = {self._log_of(line): line.id for line in await self._runtime.list_containers()
                      if line.state == "running"}
        except RuntimeFault as fault:
            log.warning("logs.rotate", error=str(fault))
            return
        for path in full:
            container_id = by_log.get(_place(path))
            if container_id is not None:
                await self._rotate(path, container_id)

    def _log_of(self, line: ContainerLine) -> tuple[str, str, str]:
        return line.labels.get(UID_LABEL, ""), line.name, f"{line.attempt}.log"

    async def _rotate(self, path: Path, container_id: str) -> None:
        """Rename, reopen, tidy; if the runtime does not open a new file, the old name comes back."""
        old = path.with_name(f"{path.name}.{datetime.fromtimestamp(self._clock.now_s(), UTC):%Y%m%d-%H%M%S}")
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
        await asyncio.to_thread(tidy, path)


def full_logs(root: Path, size_bytes: int) -> list[Path]:
    """Return the current logs that have at least this size; what vanishes meanwhile is passed over."""
    return [path for path in root.glob("*/*/*.log") if _size(path) >= size_bytes]


def tidy(path: Path) -> None:
    """Compress all rotated files of a log but the newest, and drop the oldest beyond the number to keep."""
    rotated = sorted(each.name for each in path.parent.glob(f"{path.name}.*") if not each.name.endswith(".tmp"))
    work = plan(rotated, FILES_MAX - 1)
    for name in work.drop:
        (path.parent / name).unlink(missing_ok=True)
    for name in work.compress:
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
