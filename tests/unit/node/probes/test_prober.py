"""Probes on a virtual clock: delays, periods, thresholds and what is told of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from knarr.api.types.core_v1 import Container, Pod, Probe
from knarr.base import virtual
from knarr.base.clock import ManualClock
from knarr.node.faces import ExecResult, ExecTimeout, ProbeEvent, Verdict
from knarr.node.probes import Prober
from knarr.node.probes.ask import Asker, Subject, http_target, port_number
from knarr.node.probes.tally import Outcome, Tally

POD = msgspec.convert({"metadata": {"name": "p", "namespace": "ns", "uid": "u1"}}, Pod)
OK, BAD, BROKEN = Outcome("success"), Outcome("failure", "it said no"), Outcome("error", "no route")


async def never(*_: object) -> ExecResult:
    """Stand in for the runtime where no command is run."""
    raise AssertionError("no command expected")


class Story:
    """A container whose answers are scripted by probe kind, and all that was told of it with its time."""

    def __init__(self, *, answers: dict[str, Callable[[float], Outcome]], takes_s: float = 0.0) -> None:
        self.clock = ManualClock()
        self.answers, self.takes_s = answers, takes_s
        self.told: list[tuple[float, str, bool, str]] = []
        self.events: list[tuple[float, str]] = []
        self.asked: list[tuple[float, str]] = []

    def now(self) -> float:
        """Seconds since the story began."""
        return self.clock.monotonic_s()

    async def ask(self, subject: Subject, probe: Probe) -> Outcome:
        """Answer as scripted."""
        container = subject.container
        kind = next(kind for kind in ("startup", "readiness", "liveness")
                    if getattr(container, f"{kind}Probe") is probe)
        self.asked.append((self.now(), kind))
        await self.clock.sleep(self.takes_s)
        return self.answers[kind](self.now())

    def run(self, for_s: float, **probes: dict[str, Any]) -> None:
        """Let the container run with these probes."""
        container = msgspec.convert({"name": "c", **{f"{kind}Probe": spec for kind, spec in probes.items()}}, Container)

        def sink(verdict: Verdict) -> None:
            self.told.append((self.now(), verdict.kind, verdict.ok, verdict.message))

        def event(told: ProbeEvent) -> None:
            self.events.append((self.now(), f"{told.reason}: {told.message}"))

        async def program() -> None:
            prober = Prober(self.clock, never, sink, event, ask=self.ask)
            async with asyncio.TaskGroup() as group:
                running = group.create_task(prober.run())
                await asyncio.sleep(0)
                for _ in range(2):          # idempotent
                    prober.watch(POD, container, container_id="id1", pod_ip="10.0.0.9", started_s=self.clock.now_s())
                await self.clock.sleep(for_s)
                prober.stop_pod("u1")
                prober.stop("id1")
                running.cancel()

        virtual.run(program(), self.clock)


def test_ready_at_once_and_said_once() -> None:
    """The first success is told; equal ones after it are not."""
    story = Story(answers={"readiness": lambda _now: OK})
    story.run(35, readiness={"periodSeconds": 10})

    assert [(0, "readiness", True, "")] == story.told
    assert [0, 10, 20, 30] == [at for at, _ in story.asked]


def test_unready_after_three_failures_and_back_after_two_successes() -> None:
    """A backend goes away for a while: each failure is an event, the thresholds decide the verdict."""
    story = Story(answers={"readiness": lambda now: BAD if 10 <= now < 45 else OK})
    story.run(75, readiness={
        "periodSeconds": 10, "failureThreshold": 3, "successThreshold": 2, "initialDelaySeconds": 5})

    assert [(35, "readiness", False, "it said no"), (55, "readiness", True, "")] == story.told
    assert [(at, "Unhealthy: Readiness probe failed: it said no") for at in (15, 25, 35)] == story.events[:3]


def test_liveness_stops_after_its_verdict() -> None:
    """The verdict kills the container; nothing more is asked of this run."""
    story = Story(answers={"liveness": lambda _now: BAD})
    story.run(100, liveness={"periodSeconds": 5, "failureThreshold": 2})

    assert [(5, "liveness", False, "it said no")] == story.told
    assert 2 == len(story.asked)


def test_startup_holds_the_others_back() -> None:
    """A slow starter: readiness and liveness are asked only once the startup probe has succeeded."""
    story = Story(answers={"startup": lambda now: OK if now >= 20 else BAD, "readiness": lambda _now: OK,
                           "liveness": lambda _now: OK})
    story.run(29, startup={"periodSeconds": 10, "failureThreshold": 30}, readiness={}, liveness={})

    assert [(20, "startup", True, ""), (20, "readiness", True, ""), (20, "liveness", True, "")] == story.told
    assert ["startup"] * 3 == [kind for _, kind in story.asked[:3]]


def test_startup_failure_is_final() -> None:
    """It never started: one verdict, no readiness or liveness question ever."""
    story = Story(answers={"startup": lambda _now: BAD})
    story.run(100, startup={"periodSeconds": 1, "failureThreshold": 3}, readiness={})

    assert [(2, "startup", False, "it said no")] == story.told


def test_slow_answers_drop_beats() -> None:
    """An answer takes 12 s of a 5 s period: the next ask waits for the beat at 15 s, none pile up."""
    story = Story(answers={"readiness": lambda _now: OK}, takes_s=12)
    story.run(44, readiness={"periodSeconds": 5})

    assert [0, 15, 30] == [at for at, _ in story.asked]


def test_errors_are_retried_and_do_not_count() -> None:
    """The runtime could not run the command: three tries at once, an event, and no verdict either way."""
    story = Story(answers={"liveness": lambda _now: BROKEN})
    story.run(9, liveness={"periodSeconds": 10, "failureThreshold": 1})

    assert [] == story.told
    assert [0, 0, 0] == [at for at, _ in story.asked]
    assert [(0, "Unhealthy: Liveness probe errored and resulted in unknown state: no route")] == story.events


@pytest.mark.parametrize(("outcomes", "verdicts"), [
    pytest.param("++", [True, None], id="told once"),
    pytest.param("---", [None, None, False], id="three failures"),
    pytest.param("--+---", [None, None, True, None, None, False], id="a success starts the count anew"),
    pytest.param("+--+--", [True, None, None, None, None, None], id="never three in a row"),
])
def test_tally(outcomes: str, verdicts: list[bool | None]) -> None:
    """One success, three failures: as a readiness probe's defaults."""
    tally = Tally(success_threshold=1, failure_threshold=3)

    assert verdicts == [tally.add(outcome == "+") for outcome in outcomes]


def subject(**container: Any) -> Subject:
    """Return a running container of this spec."""
    return Subject(POD, msgspec.convert({"name": "c", **container}, Container), "id1", "10.0.0.9", 0)


@pytest.mark.parametrize(("result", "expected"), [
    pytest.param(ExecResult(0, b"fine", b""), Outcome("success", "fine"), id="zero is success"),
    pytest.param(ExecResult(1, b"out ", b"err\n"), Outcome("failure", "out err\n"), id="both streams are told"),
    pytest.param(ExecTimeout("timeout 1s exceeded"), Outcome("failure", "command timed out: timeout 1s exceeded"),
                 id="time is over"),
    pytest.param(OSError("socket gone"), Outcome("error", "socket gone"), id="the runtime is away"),
])
async def test_exec(result: ExecResult | Exception, expected: Outcome) -> None:
    """A command is run through the runtime, its static variables expanded."""
    ran: list[tuple[str, tuple[str, ...], float]] = []

    async def exec_sync(container_id: str, argv: tuple[str, ...], timeout_s: float) -> ExecResult:
        ran.append((container_id, argv, timeout_s))
        if isinstance(result, Exception):
            raise result
        return result

    probe = msgspec.convert({"exec": {"command": ["test", "$(A)"]}, "timeoutSeconds": 2}, Probe)

    assert expected == await Asker(exec_sync)(subject(env=[{"name": "A", "value": "x"}]), probe)
    assert [("id1", ("test", "x"), 2.0)] == ran


async def test_unknown_port_and_no_handler_are_errors() -> None:
    """A typo in the probe's port is the spec's fault, not the container's: it never counts."""
    asker = Asker(never)
    named = msgspec.convert({"tcpSocket": {"port": "web"}}, Probe)

    assert Outcome("error", "couldn't find port: web") == await asker(subject(), named)
    assert Outcome("error", "missing probe handler for p:c") == await asker(subject(), Probe())


def test_ports_and_targets() -> None:
    """Ports by number, by name, by a number in text; the path gets its slash, the host is the pod."""
    container = subject(ports=[{"name": "web", "containerPort": 8080}])
    probe = msgspec.convert({"httpGet": {"port": "web", "path": "ok", "scheme": "HTTPS"}}, Probe)
    assert probe.httpGet is not None

    assert [80, 8080, 81] == [port_number(container, port) for port in (80, "web", "81")]
    assert "https://10.0.0.9:8080/ok" == http_target(container, probe.httpGet).url
