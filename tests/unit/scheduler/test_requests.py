"""What a pod asks for, over all its containers."""

from __future__ import annotations

import pytest

from knarr.api.types import core_v1
from knarr.scheduler import requests


def container(cpu: str = "", memory: str = "", restart: str | None = None) -> core_v1.Container:
    asked = {name: value for name, value in (("cpu", cpu), ("memory", memory)) if value}
    return core_v1.Container(restartPolicy=restart, resources=core_v1.ResourceRequirements(requests=asked))


def spec(*running, first=(), **rest) -> core_v1.PodSpec:
    return core_v1.PodSpec(containers=running, initContainers=first, **rest)


@pytest.mark.parametrize(("asked", "cpu", "memory"), [
    pytest.param(spec(container("500m", "1Gi"), container("1")), 1500, 2**30, id="containers run together: the sum"),
    pytest.param(spec(container("500m"), first=(container("2"), container("1"))), 2000, 0,
                 id="init containers run alone: the largest"),
    pytest.param(spec(container("500m"), first=(container("100m", restart="Always"), container("1"))), 1100, 0,
                 id="an init container runs beside the sidecars before it"),
    pytest.param(spec(container("500m"), first=(container("1"), container("700m", restart="Always"))), 1200, 0,
                 id="a sidecar runs beside the containers"),
    pytest.param(spec(container("500m"), overhead={"cpu": "250m", "memory": "1Mi"}), 750, 2**20, id="overhead is added"),
    pytest.param(spec(container("500m"), resources=core_v1.ResourceRequirements(requests={"cpu": "2"})), 2000, 0,
                 id="the pod's own word counts"),
    pytest.param(spec(container("1.5m", "0.5")), 2, 1, id="parts are rounded up"),
])
def test_requests(asked, cpu, memory):
    """cpu in milli, memory in bytes."""
    found = requests.of_pod(asked)

    assert (cpu, memory) == (found.get("cpu", 0), found.get("memory", 0))


def test_what_asks_for_nothing_counts_as_something():
    """For scores, each container without requests counts as 100m and 200Mi."""
    assert (100 + 300, 2 * 200 * 2**20) == requests.nonzero(spec(container(), container("300m")))


@pytest.mark.parametrize(("wanted", "granted", "why", "counts"), [
    pytest.param("500m", "500m", "", 500, id="nothing is under way"),
    pytest.param("2", "500m", "Deferred", 2000, id="it will grow when there is room"),
    pytest.param("500m", "2", "", 2000, id="it shrinks, but has not yet"),
    pytest.param("64", "500m", "Infeasible", 500, id="the node will never grant it"),
])
def test_what_counts_while_a_pod_is_resized(wanted, granted, why, counts):
    """The spec says one thing, the node has allocated another."""
    waits = (core_v1.PodCondition(type="PodResizePending", status="True", reason=why),) if why else ()
    status = core_v1.PodStatus(conditions=waits, containerStatuses=(
        core_v1.ContainerStatus(name="", allocatedResources={"cpu": granted}),))
    pod = core_v1.Pod(spec=spec(container(wanted)), status=status)

    assert counts == requests.of_pod(requests.as_counted(pod).spec)["cpu"]


def test_a_whole_pod_that_is_resized():
    """Its own word in the spec, and what its node has allocated: the greater counts."""
    whole = core_v1.ResourceRequirements(requests={"cpu": "1"})
    pod = core_v1.Pod(spec=spec(container("100m"), resources=whole), status=core_v1.PodStatus(allocatedResources={"cpu": "3"}))

    assert 3000 == requests.of_pod(requests.as_counted(pod).spec)["cpu"]
