"""Every pair of a state and an event is decided: it leads somewhere, comes late, or is impossible."""

from __future__ import annotations

from itertools import product

import pytest

from knarr.node.podmachine.table import (
    CONTAINER,
    LATE_CUES,
    LATE_TURNS,
    POD,
    Cue,
    Phase,
    Stage,
    Turn,
    next_phase,
    next_stage,
)


@pytest.mark.parametrize(("stage", "cue"), list(product(Stage, Cue)), ids=lambda value: value.name)
def test_every_container_pair_is_decided(stage, cue):
    """Whatever happens to a container: it moves, stays because the news is old, or a bug is called one."""
    if (stage, cue) in CONTAINER:
        assert CONTAINER[stage, cue] is next_stage(stage, cue)
    elif cue in LATE_CUES:
        assert stage is next_stage(stage, cue)
    else:
        with pytest.raises(AssertionError, match=f"{cue.name} is impossible in {stage.name}"):
            next_stage(stage, cue)


@pytest.mark.parametrize(("phase", "turn"), list(product(Phase, Turn)), ids=lambda value: value.name)
def test_every_pod_pair_is_decided(phase, turn):
    """Likewise for the pod."""
    if (phase, turn) in POD:
        assert POD[phase, turn] is next_phase(phase, turn)
    elif turn in LATE_TURNS:
        assert phase is next_phase(phase, turn)
    else:
        with pytest.raises(AssertionError, match=f"{turn.name} is impossible in {phase.name}"):
            next_phase(phase, turn)


def test_every_stage_can_be_reached_and_left():
    """No container is stuck: from each stage there is a way on, and from each phase a way to GONE."""
    reachable = {Phase.NEW}
    for _ in Phase:
        reachable |= {to for (phase, _turn), to in POD.items() if phase in reachable}

    assert set(Phase) == reachable
    assert set(Stage) == {stage for stage, _ in CONTAINER}
    assert {Phase.GONE} == set(Phase) - {phase for phase, _ in POD}
