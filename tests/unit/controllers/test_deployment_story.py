"""What real controllers did, ours do."""

from __future__ import annotations

import pytest

from knarr.controllers.deployment import CONTROLLER as DEPLOYMENT
from knarr.controllers.replicaset import CONTROLLER as REPLICASET
from tests.unit.controllers.story import load, replay, told, wrote


@pytest.mark.parametrize("name", [
    "deployment-create-scale", "deployment-rolling-update-and-undo", "deployment-recreate-pause",
    "deployment-bad-image-deadline",
])
def test_each_step_leads_where_it_led(name):
    """The same steps on the same template: status, conditions and revision after each are the recorded ones."""
    expected, got, api = replay(name, [DEPLOYMENT, REPLICASET], watch=("Deployment", "d"))

    assert expected == got
    assert set(told(load(name), "deployment-controller")) <= set(wrote(api, "deployment-controller"))


@pytest.mark.parametrize("name", ["deployment-create-scale", "deployment-recreate-pause"])
def test_events_are_the_recorded_ones_in_order(name):
    """Where nothing depends on which pod is ready first, the whole list of events is the same."""
    _, _, api = replay(name, [DEPLOYMENT, REPLICASET], watch=("Deployment", "d"))

    for component in ("deployment-controller", "replicaset-controller"):
        assert told(load(name), component) == wrote(api, component)
