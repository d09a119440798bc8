"""Count and time what admission does: its two steps, webhooks, match conditions, policies.

Source: kube apiserver pkg/admission/metrics/metrics.go, plugin/policy/{validating,mutating}/metrics.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Final, Literal, Self

from knarr.apiserver.metrics import Histogram, counter, histogram, labelled
from knarr.base.clock import Clock

SECONDS: Final = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5)
WEBHOOK_SECONDS: Final = (*SECONDS, 10.0, 25.0)
POLICY_SECONDS: Final = (5e-7, 0.001, 0.01, 0.1, 1.0)
ROWS_MAX: Final = 1000  # of each family: webhooks and policies come and go; what is beyond is not counted
CODE_MAX: Final = 600
CALLING, INNER, NONE = "calling_webhook_error", "apiserver_internal_error", "no_error"  # why a webhook refused
INVALID: Final = "invalid_error"  # why a policy's expression did not count
STEP: Final = ("operation", "rejected", "type")
HOOK: Final = ("name", *STEP)
CONDITION: Final = ("kind", "name", "operation", "type")
POLICY: Final = ("enforcement_action", "error_type", "policy", "policy_binding")
MUTATION: Final = ("error_type", "policy", "policy_binding")
Key = tuple[str, ...]


class Timed:
    """Times one step of admission, and whether it refused. goes_on: it ends later than its block, by `end`."""

    __slots__ = ("_began_s", "_clock", "_operation", "_rows", "_step", "goes_on")

    def __init__(self, rows: dict[Key, Histogram], clock: Clock, *, step: str, operation: str) -> None:
        self._rows, self._clock, self._step, self._operation = rows, clock, step, operation
        self.goes_on = False

    def __enter__(self) -> Self:
        self._began_s = self._clock.monotonic_s()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None or not self.goes_on:
            self.end(refused=kind is not None)

    def end(self, *, refused: bool) -> None:
        """Take the time in."""
        key = (self._operation.upper(), "true" if refused else "false", self._step)
        observe(self._rows, key, self._clock.monotonic_s() - self._began_s, SECONDS)


class AdmissionMetrics:
    """All rows of one server. Keys are the values of labels, in the labels' order."""

    def __init__(self) -> None:
        self.steps: dict[Key, Histogram] = {}
        self.webhooks: dict[Key, Histogram] = {}
        self.conditions: dict[Key, Histogram] = {}
        self.policies: dict[Key, Histogram] = {}
        self.mutations: dict[Key, Histogram] = {}
        self.requests, self.rejections, self.opened = Counter[Key](), Counter[Key](), Counter[Key]()
        self.condition_faults, self.exclusions = Counter[Key](), Counter[Key]()

    def step(self, step: Literal["admit", "validate"], operation: str, clock: Clock) -> Timed:
        """Return what times a step: a context."""
        return Timed(self.steps, clock, step=step, operation=operation)

    def webhook(self, name: str, step: str, operation: str, *, took_s: float, code: int, error: str | None) -> None:
        """Take in that a webhook was asked. error: the sort of its refusal, None where it let the write through."""
        rejected, shown = str(error is not None).lower(), str(min(code, CODE_MAX))
        observe(self.webhooks, (name, operation, rejected, step), took_s, WEBHOOK_SECONDS)
        count(self.requests, (shown, name, operation, rejected, step))
        if error is not None:
            count(self.rejections, (error, name, operation, shown, step))

    def fallen_open(self, name: str, step: str) -> None:
        """Take in that a webhook's fault let a write through."""
        count(self.opened, (name, step))

    def condition(self, key: Key, took_s: float, holds: bool | None) -> None:
        """Take in that match conditions were looked at. key: as CONDITION; holds: None where they failed."""
        observe(self.conditions, key, took_s, SECONDS)
        if holds is None:
            count(self.condition_faults, key)
        elif not holds:
            count(self.exclusions, key)

    def families(self) -> Iterator[str]:
        """Yield the lines; families of webhooks and policies only once one was asked."""
        yield from timed("apiserver_admission_step_admission_duration_seconds", "Time of each step.", STEP, self.steps)
        if self.webhooks:
            yield from timed("apiserver_admission_webhook_admission_duration_seconds", "Time webhooks took.", HOOK,
                             self.webhooks)  # fmt: skip
        if self.conditions:
            yield from timed("apiserver_admission_match_condition_evaluation_seconds", "Time of match conditions.",
                             CONDITION, self.conditions)  # fmt: skip
        for prefix, names, rows in (("validating", POLICY, self.policies), ("mutating", MUTATION, self.mutations)):
            if rows:
                name = f"apiserver_{prefix}_admission_policy_check"
                checks = {key: sum(row.counts) for key, row in list(rows.items())}
                yield from timed(f"{name}_duration_seconds", "Time policies took.", names, rows)
                yield from counter(f"{name}_total", "Checks of policies.", labelled(names, checks))
        for name, what, labels, counts in (
            ("webhook_request_total", "Questions to webhooks.", ("code", *HOOK), self.requests),
            ("webhook_rejection_count", "Writes that webhooks refused.",
             ("error_type", "name", "operation", "rejection_code", "type"), self.rejections),
            ("webhook_fail_open_count", "Writes let through by a webhook's fault.", ("name", "type"), self.opened),
            ("match_condition_evaluation_errors_total", "Match conditions that failed.", CONDITION,
             self.condition_faults),
            ("match_condition_exclusions_total", "Match conditions that did not hold.", CONDITION, self.exclusions),
        ):  # fmt: skip
            if counts:
                yield from counter(f"apiserver_admission_{name}", what, labelled(labels, counts))


def observe(rows: dict[Key, Histogram], key: Key, value_s: float, bounds: Iterable[float]) -> None:
    """Take a time in."""
    row = rows.get(key)
    if row is None:
        if len(rows) >= ROWS_MAX:
            return
        row = rows[key] = Histogram.of(tuple(bounds))
    row.observe(value_s)


def count(counts: Counter[Key], key: Key) -> None:
    """Count one."""
    if key in counts or len(counts) < ROWS_MAX:
        counts[key] += 1


def timed(name: str, what: str, names: tuple[str, ...], rows: dict[Key, Histogram]) -> Iterator[str]:
    """Yield the lines of distributions."""
    yield from histogram(name, what, ((row, tuple(zip(names, key, strict=True))) for key, row in list(rows.items())))
