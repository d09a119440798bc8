"""What containers said last, long after their pods have gone."""

from __future__ import annotations

from knarr.base.clock import ManualClock
from knarr.node import deadlogs
from knarr.node.deadlogs import DeadLogs
from knarr.node.podmachine.state import Run
from knarr.node.settings import Settings
from tests.unit.node.making import pod


def dies(dead, settings, clock, *, name="web", attempt=0, said="T stdout F bye\n"):
    """A run of a pod's container ends now."""
    path = settings.log_file("shop", name, f"uid-{name}", "c", attempt)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(said)
    dead.keep(pod(name=name), "c", Run(f"r{attempt}", attempt, "app:1", "", 1.0, clock.now_s(), 3, "Error"))


def world(tmp_path):
    """Return the dead, where they lie, and the time."""
    settings, clock = Settings(tmp_path, "n1", "192.0.2.1"), ManualClock()
    return DeadLogs(settings, clock), settings, clock


def test_the_dead_are_remembered_for_a_day(tmp_path):
    """Twice told is once kept; after a day nobody asks any more."""
    dead, settings, clock = world(tmp_path)
    for _ in range(2):
        dies(dead, settings, clock)
    found, = dead.read(namespace="shop", pod="we")
    assert (("bye",), 3, "Error", 0) == (found.lines, found.exit_code, found.reason, found.attempt)
    assert [] == dead.read(namespace="other") + dead.read(pod="shop") + dead.read(container="d")

    clock.advance(deadlogs.KEPT_S + 1)
    assert [] == dead.read()


def test_a_crash_loop_costs_only_so_much(tmp_path, monkeypatch):
    """The oldest go first."""
    monkeypatch.setattr(deadlogs, "FILES_MAX", 3)
    monkeypatch.setattr(deadlogs, "SLACK", 2)
    dead, settings, clock = world(tmp_path)
    for attempt in range(12):
        clock.advance(1)
        dies(dead, settings, clock, attempt=attempt)

    assert list(range(12))[-len(dead.read()):] == [each.attempt for each in dead.read()]
    assert 3 <= len(dead.read()) <= 5


def test_last_lines(tmp_path):
    """Parts are joined, what is no log line (the cut first one) is left out, and there is an end to it."""
    path = tmp_path / "0.log"
    path.write_text("cut off\nT stdout P one \nT stderr F two\nT stdout F " + "x" * 20_000 + "\nT stdout F end\n")
    assert ("end",) == deadlogs.last_lines(path)[-1:]
    assert deadlogs.LINES_BYTES_MAX >= sum(map(len, deadlogs.last_lines(path)))

    path.write_text("cut off\nT stdout P one \nT stderr F two\n")
    assert ("one two",) == deadlogs.last_lines(path)
    assert () == deadlogs.last_lines(tmp_path / "none")
