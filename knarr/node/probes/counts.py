"""Count and time probes, as `/metrics/probes` shows them. Bounded by the containers that are probed now.

Source: kube kubelet/prober/prober_manager.go (prober_probe_total, prober_probe_duration_seconds).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from knarr.node.faces import ProbeCount, ProbeKind
from knarr.node.probes.ask import Subject
from knarr.node.probes.tally import Result

BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # Source: prometheus DefBuckets
SHOWN: Final[dict[Result, str]] = {
    "success": "successful", "warning": "successful", "failure": "failed", "error": "unknown"}


class ProbeCounts:
    """The counts of all probes of this node."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, ProbeKind], ProbeCount] = {}

    def add(self, subject: Subject, kind: ProbeKind, *, result: Result, took_s: float) -> None:
        """Take one answer in. Source: only answers, not failures to ask, are timed."""
        key = subject.container_id, kind
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = ProbeCount(
                kind, subject.pod, subject.container.name, took=[0] * (len(BOUNDS_S) + 1))
        word = SHOWN[result]
        row.results[word] = row.results.get(word, 0) + 1
        if result != "error":
            row.took[bisect_left(BOUNDS_S, took_s)] += 1
            row.total_s += took_s

    def forget(self, container_id: str) -> None:
        """Drop what a run's probes said."""
        kinds: tuple[ProbeKind, ...] = ("startup", "readiness", "liveness")
        for kind in kinds:
            self._rows.pop((container_id, kind), None)

    def __iter__(self) -> Iterator[ProbeCount]:
        return iter(tuple(self._rows.values()))
