"""Turn the runtime's report of a container into a run, last words included.

Source: kube kuberuntime_container.go (getTerminationMessage, readLastStringFromContainerLogs).
"""

from __future__ import annotations

from pathlib import Path

from knarr.node.cri.face import ContainerReport
from knarr.node.podmachine.state import Run
from knarr.node.specs import IMAGE_NOTE

MESSAGE_BYTES_MAX = 4096       # of the termination log. Source: kube MaxContainerTerminationMessageLength
LOG_BYTES_MAX, LOG_LINES_MAX = 2048, 80    # of the log, where it stands in


def run_of(report: ContainerReport, *, image: str = "", message: str = "", fallback_started_s: float = 0.0) -> Run:
    """Return a run; image: as the spec names it (else from the note on the container)."""
    ended = report.state == "exited"
    return Run(
        id=report.id, attempt=report.attempt, image=image or report.annotations.get(IMAGE_NOTE, report.image),
        image_ref=report.image_ref, started_s=report.started_s or (0.0 if ended else fallback_started_s),
        finished_s=report.finished_s if ended else 0.0, exit_code=report.exit_code if ended else 0,
        reason=report.reason if ended else "", message=(message or report.message) if ended else "",
        runtime=report.runtime, read_only_below=report.read_only_below, identity=report.identity,
    )


def last_words(termination_log: Path, log_file: Path, *, policy: str, failed: bool) -> str:
    """Return what a run left in its termination log, or the end of its log where the policy says so."""
    words = tail_bytes(termination_log, MESSAGE_BYTES_MAX).decode(errors="replace")
    if words or not failed or policy != "FallbackToLogsOnError":
        return words
    lines = tail_bytes(log_file, 4 * LOG_BYTES_MAX).decode(errors="replace").splitlines(keepends=True)
    said = [line.split(" ", 3)[3] for line in lines if line.count(" ") >= 3]
    return "".join(said[-LOG_LINES_MAX:])[-LOG_BYTES_MAX:]


def tail_bytes(path: Path, size: int) -> bytes:
    """Return the end of a file, empty where there is none."""
    try:
        with open(path, "rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - size))
            return file.read(size)
    except FileNotFoundError:
        return b""
