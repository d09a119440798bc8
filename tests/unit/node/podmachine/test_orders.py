"""News may come late, twice, in any order or never, and the agent may die meanwhile: a full relist finds nothing to mend."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knarr.node.podmachine.state import Exited, PodGone, Rang, SandboxLost
from knarr.node.podmachine.table import Phase
from tests.unit.node.making import pod
from tests.unit.node.podmachine.unruly import World

IMAGE = {"image": "app:1"}
SIDECAR = {"name": "s", "restartPolicy": "Always", **IMAGE}
SPECS: dict[str, dict[str, Any]] = {
    "always": {},
    "never": {"restartPolicy": "Never", "containers": [{"name": "a", **IMAGE}, {"name": "b", **IMAGE}]},
    "on failure, init container and sidecar": {
        "restartPolicy": "OnFailure", "initContainers": [{"name": "i", **IMAGE}, SIDECAR]},
    "deadline": {"activeDeadlineSeconds": 60, "initContainers": [SIDECAR]},
}
KINDS = ("readiness", "liveness", "startup")
STEPS = {
    "answer": lambda world, n: world.answer(n),
    "fail": lambda world, n: world.answer(n, well=False),
    "crash": lambda world, n: world.crash(n, 1),
    "complete": lambda world, n: world.crash(n, 0),
    "sandbox dies": lambda world, n: world.stop_sandboxes(),
    "hear": lambda world, n: world.hear(n),
    "hear again": lambda world, n: world.hear_again(n),
    "miss": lambda world, n: world.miss(n),
    "relist": lambda world, n: world.relist(),
    "time": lambda world, n: world.pass_time(2.0**n),
    "probe": lambda world, n: world.probe(n, KINDS[n % 3], ok=n % 2 == 0),
    "agent dies": lambda world, n: world.restart(),
}
ENDS = ("lives on", "deleted", "deleted, then gone")
step = st.tuples(st.sampled_from(["answer"] * 8 + ["hear"] * 2 + list(STEPS)), st.integers(0, 7))


@settings(max_examples=300)
@given(spec=st.sampled_from(sorted(SPECS)), first=st.lists(step, max_size=40), end=st.sampled_from(ENDS),
       then=st.lists(step, max_size=12))
def test_any_order_of_news_ends_as_a_full_relist_would(spec, first, end, then):
    """Whatever came before: once all is quiet the machine holds what is true, and a new agent finds nothing to do."""
    world = World(pod(**SPECS[spec]))
    play(world, first)
    if end != "lives on" and not world.worker.gone:
        world.see(pod(deleted=5, **SPECS[spec]))
        play(world, then)
        if "gone" in end and not world.worker.gone:
            world.worker.post(PodGone())
    world.settle()

    phase, believed = world.worker.machine.phase, world.believed()
    assert phase in (Phase.UP, Phase.ENDED, Phase.GONE)
    assert phase is Phase.GONE or end == "lives on"
    assert world.alive() == sorted(run for _, run in believed.values() if run)
    assert phase is Phase.UP or not (world.alive() or any(world.sandboxes.values()))
    if phase is not Phase.GONE:
        asked_for_nothing_new(world, believed)


def play(world: World, steps: list[tuple[str, int]]) -> None:
    """Take the steps; nothing that was asked for may run twice meanwhile."""
    for name, number in steps:
        if world.worker.gone:
            return
        STEPS[name](world, number)
        names = [world.processes[run].container for run in world.alive()]
        assert len(names) == len(set(names)), f"run twice: {names}"


def asked_for_nothing_new(world: World, believed: dict[str, tuple[str, str]]) -> None:
    """A new agent, which has only what the runtime lists and the API shows, comes to the same and changes nothing."""
    runs, sandboxes = world.runs, dict(world.sandboxes)
    world.restart()
    world.settle()

    assert believed == world.believed()
    assert (runs, sandboxes) == (world.runs, world.sandboxes)


@pytest.mark.parametrize("late", [
    pytest.param(lambda world: SandboxLost("sandbox-7"), id="an older sandbox's end"),
    pytest.param(lambda world: Rang("c", 99), id="a timer overtaken"),
    pytest.param(lambda world: Rang("", 99), id="the pod's timer overtaken"),
    pytest.param(lambda world: Exited("c", next(iter(world.processes.values())).run), id="an older run's end"),
])
def test_an_echo_changes_nothing(late):
    """Each kind of old news alone, told to a pod whose second run stands."""
    world = World(pod())
    world.settle()
    world.crash(0, 1)
    world.settle()
    before = world.worker.machine
    world.worker.post(late(world))

    assert before == world.worker.machine
    assert [] == world.asked
