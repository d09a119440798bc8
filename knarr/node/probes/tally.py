"""Count a probe's outcomes towards its thresholds. Pure.

Source: kube kubelet/prober/worker.go, doProbe.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Result: TypeAlias = Literal["success", "warning", "failure", "error"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one ask gave. error: the question could not be put, which says nothing of the container."""

    result: Result
    message: str = ""

    @property
    def ok(self) -> bool:
        """Tell whether it counts as a success; a warning does."""
        return self.result in ("success", "warning")


@dataclass(slots=True)
class Tally:
    """How long the present run of equal outcomes is, and what it has led to.

    verdict: None before the first threshold is crossed.
    """

    success_threshold: int
    failure_threshold: int
    verdict: bool | None = None
    run_ok: bool = True
    run_count: int = 0

    def add(self, ok: bool) -> bool | None:
        """Count one outcome. Return the new verdict where it changes, else None."""
        self.run_count = self.run_count + 1 if ok == self.run_ok else 1
        self.run_ok = ok
        threshold = self.success_threshold if ok else self.failure_threshold
        if self.run_count < threshold or ok == self.verdict:
            return None
        self.verdict = ok
        return ok
