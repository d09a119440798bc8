"""Whether a node has room for what a running pod asks for now."""

from __future__ import annotations

import pytest

from knarr.api.types.core_v1 import ResourceRequirements
from knarr.node.allocation import judge, lowered_limit_bytes
from knarr.node.faces import NodeFacts
from tests.unit.node.making import pod

NODE = NodeFacts("n1", "192.0.2.1", 4000, 1 << 30)


def asking(name, cpu, **status):
    """Return a pod that asks for some processor."""
    return pod(name=name, status=status, containers=[
        {"name": "c", "image": "app:1", "resources": {"requests": {"cpu": cpu}}}])


@pytest.mark.parametrize(("cpu", "reason", "message"), [
    pytest.param("3", "", "", id="beside the other"),
    pytest.param("3500m", "Deferred", "Node didn't have enough resource: cpu, requested: 3500, used: 1000, capacity: 4000",
                 id="when the other has gone"),
    pytest.param("5", "Infeasible", "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000", id="never"),
])
def test_room(cpu, reason, message):
    """The node has four cores; another pod holds one, a finished one holds none, and the pod's own old share is free."""
    others = [asking("other", "1"), asking("done", "4", phase="Succeeded"), asking("web", "2")]
    found = judge(asking("web", cpu), others, NODE)

    assert (reason, message) == (found.reason, found.message)


@pytest.mark.parametrize(("had", "wanted", "limit"), [
    pytest.param({"memory": "2Ki"}, {"memory": "1Ki"}, 1024, id="lower"),
    pytest.param({}, {"memory": "1Ki"}, 1024, id="there was none"),
    pytest.param({"memory": "1Ki"}, {"memory": "2Ki"}, 0, id="higher"),
])
def test_a_limit_that_goes_down_is_compared_with_what_is_used(had, wanted, limit):
    """Only then can the kernel refuse."""
    assert limit == lowered_limit_bytes(ResourceRequirements(limits=had), ResourceRequirements(limits=wanted))
