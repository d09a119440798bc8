"""Keep what dead containers said last, and how they ended, for a day: pods go, questions stay.

    <data dir>/dead/<end, ms>_<pod uid>_<container>_<attempt>.json      one run each, the oldest first by name

Written when a run ends, before anybody can remove its log; read by `knarr logs --dead`. Bounded by age, by number and
by bytes of each, so that a crash loop costs no more than `FILES_MAX * LINES_BYTES_MAX`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import structlog

from knarr.api.types.core_v1 import Pod
from knarr.base.clock import Clock
from knarr.node.podmachine.state import Run
from knarr.node.runs import tail_bytes
from knarr.node.settings import Settings

KEPT_S: Final = 24 * 3600.0
FILES_MAX: Final = 2000            # 16 MiB at most
SLACK: Final = 100                 # files beyond the most before the oldest are dropped: a listing costs time
LINES_MAX, LINES_BYTES_MAX = 100, 8192

log = structlog.get_logger()


class Death(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one run ended. Times: wall seconds. lines: the end of its log, oldest first."""

    namespace: str
    pod: str
    uid: str
    container: str
    attempt: int
    image: str
    started_s: float
    finished_s: float
    exit_code: int
    reason: str
    message: str
    lines: tuple[str, ...]


class DeadLogs:
    """The dead of one node."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._folder = settings.data_dir / "dead"
        self._held: int | None = None       # files there, once they were counted

    def keep(self, pod: Pod, container: str, run: Run) -> None:
        """Write down how a run ended; twice the same is once. What cannot be written is lost, and logged."""
        meta = pod.metadata
        path = self._settings.log_file(
            meta.namespace or "", meta.name or "", meta.uid or "", container, run.attempt)
        death = Death(meta.namespace or "", meta.name or "", meta.uid or "", container, run.attempt, run.image,
                      run.started_s, run.finished_s, run.exit_code, run.reason, run.message, last_lines(path))
        name = f"{int(run.finished_s * 1000):014d}_{meta.uid}_{container}_{run.attempt}.json"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self._folder / name).write_bytes(msgspec.json.encode(death))
        except OSError as error:
            log.warning("dead.lost", container=container, error=str(error))
            return
        self._held = FILES_MAX + SLACK if self._held is None else self._held + 1
        if self._held >= FILES_MAX + SLACK:
            self._drop_old()

    def read(self, *, namespace: str = "", pod: str = "", container: str = "") -> list[Death]:
        """Return the dead of the last day, oldest first. Empty words match all; a pod's name may be its beginning."""
        found = []
        for path in self._files():
            try:
                death = msgspec.json.decode(path.read_bytes(), type=Death)
            except (FileNotFoundError, msgspec.DecodeError):
                continue        # just dropped, or half written when the machine died
            if namespace in ("", death.namespace) and death.pod.startswith(pod) and container in ("", death.container):
                found.append(death)
        return found

    def _files(self) -> Iterator[Path]:
        """Yield the files that are young enough, the oldest first."""
        oldest_ms = (self._clock.now_s() - KEPT_S) * 1000
        for path in sorted(self._folder.glob("*.json")):
            if int(path.name.partition("_")[0]) >= oldest_ms:
                yield path

    def _drop_old(self) -> None:
        """Remove what is too old or too much."""
        kept = list(self._files())[-FILES_MAX:]
        for path in set(self._folder.glob("*.json")) - set(kept):
            path.unlink(missing_ok=True)
        self._held = len(kept)


def last_lines(path: Path) -> tuple[str, ...]:
    """Return the end of a log in CRI format, without times and streams; parts of a long line are joined."""
    raw = tail_bytes(path, 2 * LINES_BYTES_MAX).decode(errors="replace").splitlines()
    text = ""
    for line in raw:
        parts = line.split(" ", 3)
        if len(parts) == 4 and parts[1] in ("stdout", "stderr"):      # the first one may be cut
            text += parts[3] + ("" if parts[2] == "P" else "\n")
    return tuple(text[-LINES_BYTES_MAX:].splitlines()[-LINES_MAX:])
