"""Keep audit events in a file: one line each, written in batches by a thread, turned over by size, thinned out by age.

Nobody waits for the disk. What cannot be written is counted and told to the program's log: events beyond the bound
while the disk is slow, and batches that the disk refuses.
Source: kube plugin/pkg/audit/log, buffered; lumberjack names the old files.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from knarr.base.clock import Clock
from knarr.base.times import seconds

EVENTS_MAX = 10_000  # that wait for the disk. Source: kube audit options, BufferSize
BYTES_MAX = 64 << 20  # of them, for events carry whole objects
BATCH_S = 0.1  # arbitrary: what a reader of the file does not notice
DAY_S = 86_400

log = structlog.get_logger("audit")


@dataclass(frozen=True, slots=True)
class Place:
    """Where events lie. size_max: bytes of one file. age_max_s, backups_max: of old files; 0: no bound."""

    path: Path
    size_max: int = 100 << 20  # Source: kube audit options, MaxSize
    age_max_s: float = 0
    backups_max: int = 0


class AuditLog:
    """The file. `run` while there are requests; `flush` before the end."""

    def __init__(self, place: Place, clock: Clock) -> None:
        self.place, self._clock = place, clock
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._wanted = asyncio.Event()
        self.lost: Counter[str] = Counter()  # events, by why
        self._told = 0

    def write(self, line: bytes) -> None:
        """Take an event; drop and count it where the disk has fallen too far behind."""
        if len(self._waiting) >= EVENTS_MAX or self._bytes + len(line) > BYTES_MAX:
            self.lost["full"] += 1
            return
        self._waiting.append(line)
        self._bytes += len(line)
        self._wanted.set()

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._wanted.wait()
            await self._clock.sleep(BATCH_S)
            await self.flush()

    async def flush(self) -> None:
        """Write what waits."""
        self._wanted.clear()
        batch = list(self._waiting)
        self._waiting.clear()
        if not batch:
            return
        try:
            await asyncio.to_thread(self._append, b"".join(batch))
        except OSError as fault:
            self.lost["disk"] += len(batch)
            log.error("audit.unwritten", events=len(batch), file=str(self.place.path), error=str(fault))
        finally:
            self._bytes = sum(map(len, self._waiting))
        if self.lost["full"] > self._told:
            log.error("audit.dropped", events=self.lost["full"] - self._told)
            self._told = self.lost["full"]

    def _append(self, data: bytes) -> None:
        path = self.place.path
        if path.exists() and path.stat().st_size + len(data) > self.place.size_max and path.stat().st_size:
            self._turn(path)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)

    def _turn(self, path: Path) -> None:
        """Put the file aside under its time, and remove old ones that are too many or too old."""
        now_s = self._clock.now_s()
        path.rename(path.with_name(f"{path.stem}-{stamp(now_s)}{path.suffix}"))
        old = sorted(path.parent.glob(f"{path.stem}-*{path.suffix}"), reverse=True)
        dated = [(one, age_s(one, path, now_s)) for one in old]
        kept = [(one, age) for one, age in dated if age is not None]
        for at, (one, age) in enumerate(kept):
            too_many = self.place.backups_max and at >= self.place.backups_max
            too_old = self.place.age_max_s and age > self.place.age_max_s
            if too_many or too_old:
                one.unlink(missing_ok=True)


def stamp(now_s: float) -> str:
    """Return a time as it stands in an old file's name."""
    moment = datetime.fromtimestamp(now_s, UTC)
    return moment.strftime("%Y-%m-%dT%H-%M-%S.") + f"{moment.microsecond // 1000:03d}"


def age_s(old: Path, path: Path, now_s: float) -> float | None:
    """Return how long ago a file was put aside; None for a file that is not ours."""
    text = old.name[len(path.stem) + 1 : len(old.name) - len(path.suffix) or None]
    day, _, time = text.partition("T")
    try:
        return now_s - seconds(f"{day}T{time.replace('-', ':')}Z")
    except ValueError:
        return None
