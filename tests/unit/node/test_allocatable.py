"""What a node has, and what of it pods may use."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from knarr.node.allocatable import Machine, allocatable, capacity, spelled
from knarr.node.rules import Rules, Threshold

GI, MI = 1 << 30, 1 << 20
MACHINE = Machine(cpus=4, memory_bytes=8 * GI, storage_bytes=100 * GI, pods=110, hugepages={2 * MI: 64 * MI, GI: 0})


def test_nothing_reserved():
    """kubelet's own thresholds alone are kept free: 100Mi of memory, a tenth of the disk; huge pages are apart."""
    shown = spelled(allocatable(MACHINE, Rules()))

    assert {"cpu": "4", "memory": f"{(8 * GI - 164 * MI) // 1024}Ki", "ephemeral-storage": str(90 * GI), "pods": "110",
            "hugepages-2Mi": "64Mi", "hugepages-1Gi": "0"} == shown


def test_reserves_and_thresholds_add_up():
    """Both reserves, and what hard thresholds keep; soft ones keep nothing."""
    rules = Rules(kube_reserved={"cpu": 250, "memory": GI}, system_reserved={"cpu": 250, "ephemeral-storage": 10 * GI},
                  thresholds=(Threshold("memory.available", "10%"), Threshold("nodefs.available", "1Gi", soft=True)))
    left = allocatable(Machine(4, 10 * GI, 100 * GI, 110), rules)

    assert ("3500m", 8 * GI, 90 * GI) == (spelled(left)["cpu"], left["memory"], left["ephemeral-storage"])


@given(st.integers(1, 512), st.integers(0, 1 << 50), st.dictionaries(
    st.sampled_from(["cpu", "memory", "ephemeral-storage", "pid"]), st.integers(0, 1 << 52)))
def test_never_more_than_there_is(cpus, memory, reserve):
    """Whatever is reserved: between nothing and all."""
    machine = Machine(cpus, memory, 50 * GI, 110)
    whole, left = capacity(machine), allocatable(machine, Rules(kube_reserved=reserve))

    assert all(0 <= left[name] <= whole[name] for name in whole)
