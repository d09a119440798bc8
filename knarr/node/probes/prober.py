"""Run every container's probes and report when a threshold is crossed.

One task per probe. A startup probe goes first and alone; readiness and liveness begin when it has succeeded. A failed
startup or liveness verdict ends that run's probing: the container will be killed, and its next run is another id.
Source: kube kubelet/prober/worker.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from knarr.api.types.core_v1 import Container, Pod, Probe
from knarr.base.clock import Clock
from knarr.node.faces import ExecSync, ProbeEvent, ProbeKind, Verdict
from knarr.node.probes.ask import Ask, Asker, Subject
from knarr.node.probes.counts import ProbeCounts
from knarr.node.probes.tally import Outcome, Tally

ERROR_RETRIES_MAX: Final = 3          # at once, when the question could not be put. Source: kube, maxProbeRetries
PERIOD_S: Final = 10                  # Source: kube defaulting, as are the next two
SUCCESS_THRESHOLD: Final = 1
FAILURE_THRESHOLD: Final = 3


@dataclass(slots=True)
class _Watched:
    subject: Subject
    started: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Prober:
    """All probes of this node. `run` must be running for any to be asked.

    sink: told of verdicts; event: told of each failure for `kubectl describe`. Both are called on the event loop.
    """

    def __init__(
        self, clock: Clock, exec_sync: ExecSync, sink: Callable[[Verdict], None], event: Callable[[ProbeEvent], None],
        *, ask: Ask | None = None, counts: ProbeCounts | None = None,
    ) -> None:
        self._clock = clock
        self._sink = sink
        self._event = event
        self._ask: Ask = ask if ask is not None else Asker(exec_sync)
        self._counts = counts if counts is not None else ProbeCounts()
        self._watched: dict[str, _Watched] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Own the probes' tasks until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._group:
                for watched in self._watched.values():
                    self._start(watched)
                await asyncio.Event().wait()
        finally:
            self._group = None

    def watch(self, pod: Pod, container: Container, *, container_id: str, pod_ip: str, started_s: float) -> None:
        """Begin all probes of one run of a container. Idempotent by container_id."""
        if container_id in self._watched:
            return
        watched = _Watched(Subject(pod, container, container_id, pod_ip, started_s))
        if container.startupProbe is None:
            watched.started.set()
        self._watched[container_id] = watched
        self._start(watched)

    def stop(self, container_id: str) -> None:
        """End the probes of one run. Idempotent."""
        watched = self._watched.pop(container_id, None)
        for task in watched.tasks if watched is not None else ():
            task.cancel()
        self._counts.forget(container_id)

    def stop_pod(self, pod_uid: str) -> None:
        """End all probes of a pod."""
        for container_id, watched in list(self._watched.items()):
            if watched.subject.pod.metadata.uid == pod_uid:
                self.stop(container_id)

    def _start(self, watched: _Watched) -> None:
        if self._group is None:
            return
        container = watched.subject.container
        wanted: tuple[tuple[ProbeKind, Probe | None], ...] = (
            ("startup", container.startupProbe), ("readiness", container.readinessProbe),
            ("liveness", container.livenessProbe))
        for kind, probe in wanted:
            if probe is not None:
                name = f"probe {kind} {watched.subject.container_id[:12]}"
                watched.tasks.append(self._group.create_task(self._probe(watched, kind, probe), name=name))

    async def _probe(self, watched: _Watched, kind: ProbeKind, probe: Probe) -> None:
        """Ask every period until the verdict is final."""
        if kind != "startup":
            await watched.started.wait()
        age_s = self._clock.now_s() - watched.subject.started_s
        await self._clock.sleep(max(0.0, (probe.initialDelaySeconds or 0) - age_s))
        tally = Tally(probe.successThreshold or SUCCESS_THRESHOLD, probe.failureThreshold or FAILURE_THRESHOLD)
        period_s = float(probe.periodSeconds or PERIOD_S)
        due_s = self._clock.monotonic_s()
        while True:
            asked_s = self._clock.monotonic_s()
            outcome = await self._outcome(watched.subject, probe)
            self._counts.add(watched.subject, kind, result=outcome.result, took_s=self._clock.monotonic_s() - asked_s)
            self._tell(watched.subject, kind, outcome)
            if outcome.result != "error" and self._judge(watched, kind, outcome=outcome, tally=tally):
                return
            # The next beat, like a ticker: a slow answer drops beats, it does not shift them.
            due_s += period_s * max(1, -(-(self._clock.monotonic_s() - due_s) // period_s))
            await self._clock.sleep(due_s - self._clock.monotonic_s())

    async def _outcome(self, subject: Subject, probe: Probe) -> Outcome:
        outcome = await self._ask(subject, probe)
        for _ in range(ERROR_RETRIES_MAX - 1):
            if outcome.result != "error":
                break
            outcome = await self._ask(subject, probe)
        return outcome

    def _judge(self, watched: _Watched, kind: ProbeKind, *, outcome: Outcome, tally: Tally) -> bool:
        """Count the outcome, report a change, and tell whether this probe is done."""
        verdict = tally.add(outcome.ok)
        if verdict is None:
            return False
        subject = watched.subject
        message = "" if verdict else outcome.message
        self._sink(Verdict(subject.pod.metadata.uid or "", subject.container.name, subject.container_id,
                           kind, verdict, message))
        if kind == "startup" and verdict:
            watched.started.set()
        return kind == "startup" or (kind == "liveness" and not verdict)

    def _tell(self, subject: Subject, kind: ProbeKind, outcome: Outcome) -> None:
        if outcome.result == "success":
            return
        reason, words = {
            "failure": ("Unhealthy", "failed"), "warning": ("ProbeWarning", "warning"),
            "error": ("Unhealthy", "errored and resulted in unknown state"),
        }[outcome.result]
        message = f"{kind.capitalize()} probe {words}: {outcome.message}"
        self._event(ProbeEvent(subject.pod.metadata.uid or "", subject.container.name, reason, message))
