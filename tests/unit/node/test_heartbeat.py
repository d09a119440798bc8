"""How often this node's lease is renewed, and what that promises."""

from __future__ import annotations

import pytest

from knarr.api.types.coordination_v1 import Lease
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.base.clock import ManualClock
from knarr.node.heartbeat import PACE, Heartbeat, renew_s
from knarr.node.settings import Settings


@pytest.mark.parametrize(("notes", "every_s", "promised"), [
    pytest.param({}, 10.0, 40, id="nothing said: as kubelet"),
    pytest.param({PACE: "10"}, 10.0, 40, id="alone"),
    pytest.param({PACE: "2"}, 2.0, 6, id="others can take over"),
    pytest.param({PACE: "0"}, 1.0, 3, id="nonsense is bounded"),
    pytest.param({PACE: "soon"}, 10.0, 40, id="no number"),
    pytest.param({PACE: "900"}, 10.0, 40, id="never rarer than kubelet"),
])
def test_the_pace_of_renewals(notes, every_s, promised, tmp_path):
    """A controller writes the pace into the lease; the agent keeps it and promises accordingly."""
    lease = Lease(metadata=ObjectMeta(name="n", annotations=notes))
    heart = Heartbeat(Settings(tmp_path, "n1", "192.0.2.1"), None, None, facts=None, clock=ManualClock(0.0))
    assert every_s == renew_s(lease)
    assert promised == heart._renewed(lease).spec.leaseDurationSeconds
    assert {PACE: "10", **notes} == heart._renewed(lease).metadata.annotations
