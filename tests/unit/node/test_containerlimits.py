"""What the kernel is told of one container."""

from __future__ import annotations

import pytest

from knarr.node.containerlimits import Ground, resources
from tests.unit.node.making import pod

GI, MI = 1 << 30, 1 << 20
SWAPPING = Ground(10 * GI, swap_bounded=True, swap_bytes=5 * GI, swap="LimitedSwap")


def of(ground, *, requests=None, limits=None, qos="Burstable", **spec):
    """Return the limits of a pod's first container."""
    made = pod(status={"qosClass": qos}, containers=[
        {"name": "c", "image": "app:1", "resources": {"requests": requests or {}, "limits": limits or {}}},
        {"name": "d", "image": "app:1"}], **spec)
    return resources(made, made.spec.containers[0], ground)


@pytest.mark.parametrize(("ground", "shape", "expected"), [
    pytest.param(SWAPPING, {"requests": {"memory": "1Gi"}}, str(GI // 2), id="its part of the swap, as of the memory"),
    pytest.param(SWAPPING, {"requests": {"memory": "1Gi"}, "limits": {"memory": "1Gi"}}, "0", id="exactly its limit"),
    pytest.param(SWAPPING, {"requests": {"cpu": "1"}}, "0", id="asks for no memory"),
    pytest.param(SWAPPING, {"qos": "BestEffort"}, "0", id="best effort"),
    pytest.param(SWAPPING, {"requests": {"memory": "1Gi"}, "priority": 2_000_000_000}, "0", id="critical"),
    pytest.param(Ground(10 * GI, swap_bounded=True, swap_bytes=GI), {"requests": {"memory": "1Gi"}}, "0", id="NoSwap"),
])
def test_swap(ground, shape, expected):
    """Burstable containers alone, and only where the node allows it."""
    assert {"memory.swap.max": expected} == of(ground, **shape).unified


def test_swap_is_nobodys_where_the_kernel_does_not_count_it():
    """Control groups of version 1: nothing is written."""
    assert {} == of(Ground(GI), requests={"memory": "1Gi"}).unified


def test_huge_pages():
    """Every size that the kernel counts has its limit, and none is the limit of who asks for none."""
    ground = Ground(GI, hugepages=(2 * MI, GI))

    assert {2 * MI: 4 * MI, GI: 0} == of(ground, limits={"hugepages-2Mi": "4Mi"}).hugepages


def test_the_pods_own_limits_hold_for_a_container_without():
    """Its quota and memory; and its part of what only the pod asks for keeps it from being killed first."""
    whole = {"resources": {"requests": {"memory": "6Gi"}, "limits": {"cpu": "500m", "memory": "8Gi"}}}
    limits = of(Ground(10 * GI), requests={"memory": "2Gi"}, **whole)

    assert (50_000, 8 * GI) == (limits.cpu_quota_us, limits.memory_limit_bytes)
    assert 1000 - 400 == limits.oom_score_adj       # 2Gi of its own, and half of the 4Gi that nobody asked for
