"""What pods may use as a whole, in a made-up tree of control groups of either version."""

from __future__ import annotations

import pytest

from knarr.node.podgroups import Bounds, NoSuchGroup, PodGroups, bounds
from knarr.node.rules import Rules
from tests.unit.node.making import pod

MI = 1024 ** 2


def asking(*limits, requests=None, qos="Burstable", **spec):
    """Return a pod whose containers have these limits."""
    return pod(status={"qosClass": qos}, containers=[
        {"name": f"c{number}", "image": "app:1", "resources": {"limits": each, "requests": requests or each}}
        for number, each in enumerate(limits)], **spec)


@pytest.mark.parametrize(("made", "expected"), [
    pytest.param(asking({"cpu": "500m", "memory": "32Mi"}, {"cpu": "1", "memory": "32Mi"}),
                 Bounds(1536, 150_000, 64 * MI), id="limits add up"),
    pytest.param(asking({"cpu": "500m", "memory": "32Mi"}, {"cpu": "1"}), Bounds(1536, 150_000, 0),
                 id="one container has no limit on memory: so the pod has none"),
    pytest.param(asking({}, requests={"cpu": "250m"}), Bounds(256, 0, 0), id="requests alone"),
    pytest.param(asking({}, resources={"limits": {"cpu": "2", "memory": "64Mi"}}), Bounds(2048, 200_000, 64 * MI),
                 id="the pod's own word counts"),
    pytest.param(asking({}), Bounds(2, 0, 0), id="nothing"),
    pytest.param(asking({"cpu": "500m"}, overhead={"cpu": "250m", "memory": "16Mi"}), Bounds(768, 75_000, 0),
                 id="overhead is added, and makes no limit"),
])
def test_bounds(made, expected):
    """Shares by requests, quota and memory by limits."""
    assert expected == bounds(made)


@pytest.fixture
def split(tmp_path):
    """A tree of version 1, or rather of what is looked at in it."""
    for name in ("cpu", "memory", "pids"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def unified(tmp_path):
    """A tree of version 2; the kernel would make the files of every new group."""
    for name in ("", "k", "k/burstable"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    return tmp_path


def test_a_pod_in_version_one(split):
    """Its group stands below its class, in the hierarchies that bound it and in no other."""
    PodGroups("/k", split).place(asking({"cpu": "500m", "memory": "32Mi"}))
    cpu, memory = (split / name / "k/burstable/poduid-web" for name in ("cpu", "memory"))

    assert ("512", "50000", str(32 * MI)) == tuple(path.read_text() for path in (
        cpu / "cpu.shares", cpu / "cpu.cfs_quota_us", memory / "memory.limit_in_bytes"))
    assert "4096" == (split / "pids/k/burstable/poduid-web/pids.max").read_text()


def test_a_pod_in_version_two(unified):
    """One tree: weights in place of shares, and the controllers are let in on the way down."""
    PodGroups("/k", unified).place(asking({"cpu": "500m", "memory": "32Mi"}))
    group = unified / "k/burstable/poduid-web"

    assert ("20", "50000 100000", str(32 * MI)) == tuple(
        (group / name).read_text() for name in ("cpu.weight", "cpu.max", "memory.max"))
    assert "+cpu +memory +pids" == (unified / "k/burstable/cgroup.subtree_control").read_text()


def test_a_group_widens_before_its_containers_grow(split):
    """More processor and less memory: the one at once, the other only when the containers have shrunk."""
    groups = PodGroups("/k", split)
    groups.place(asking({"cpu": "500m", "memory": "32Mi"}))
    wanted = asking({"cpu": "1", "memory": "16Mi"})
    quota = split / "cpu/k/burstable/poduid-web/cpu.cfs_quota_us"
    limit = split / "memory/k/burstable/poduid-web/memory.limit_in_bytes"

    groups.place(wanted, widen=True)
    assert ("100000", str(32 * MI)) == (quota.read_text(), limit.read_text())
    groups.place(wanted)
    assert ("100000", str(16 * MI)) == (quota.read_text(), limit.read_text())


def test_classes_share_by_what_they_ask_for(split):
    """Burstable pods together have what they ask for; those that ask for nothing have the least."""
    groups = PodGroups("/k", split)
    groups.prepare()
    groups.share([asking({}, requests={"cpu": "250m"}), asking({}, requests={"cpu": "1"}), asking({}, qos="BestEffort")])

    assert ("1280", "2") == tuple((split / f"cpu/k/{name}/cpu.shares").read_text() for name in ("burstable", "besteffort"))


def test_without_control_groups_nothing_is_done(tmp_path):
    """A machine that offers none is left alone."""
    PodGroups("/k", tmp_path).place(asking({"cpu": "1"}))

    assert [] == list(tmp_path.iterdir())


def test_tasks_are_bounded_whatever_a_pod_asks_for(split):
    """The bound is the node's; -1 in its configuration takes it away. No other file is written for who asks nothing."""
    PodGroups("/k", split, Rules(pids_per_pod=100)).place(asking({}, qos="BestEffort"))
    group = split / "pids/k/besteffort/poduid-web"
    assert "100" == (group / "pids.max").read_text()
    assert not (split / "cpu/k").exists()

    PodGroups("/k", split, Rules(pids_per_pod=0)).place(asking({}, qos="Guaranteed"))
    assert not (split / "pids/k/poduid-web").exists()


def test_huge_pages_are_only_for_who_asks(tmp_path):
    """A pod that asks for none gets none; sizes that the kernel does not count are not written."""
    (tmp_path / "hugetlb").mkdir()
    groups = PodGroups("/k", tmp_path, hugepages=(2 * MI, 1 << 30))
    groups.place(asking({"hugepages-2Mi": "64Mi", "memory": "1Mi"}))
    group = tmp_path / "hugetlb/k/burstable/poduid-web"

    assert (str(64 * MI), "0") == tuple(
        (group / f"hugetlb.{size}.limit_in_bytes").read_text() for size in ("2MB", "1GB"))


def test_what_is_reserved_is_kept_from_all_pods(split):
    """The parent of all pods is bounded by what is left; a part of the system by what is kept for it, if asked."""
    rules = Rules(kube_reserved={"cpu": 500, "memory": 256 * MI}, system_reserved={"memory": 256 * MI, "pid": 1000},
                  system_reserved_group="/system", enforced=frozenset({"pods", "system-reserved"}))
    capacity = {"cpu": 2000, "memory": 1024 * MI, "pid": 5000}
    groups = PodGroups("/k", split, rules)
    with pytest.raises(NoSuchGroup, match="system-reserved: the control group /system does not exist"):
        groups.prepare(capacity)
    (split / "memory/system").mkdir()
    groups.prepare(capacity)

    assert ("1536", str(512 * MI), "4000") == tuple((split / name).read_text() for name in (
        "cpu/k/cpu.shares", "memory/k/memory.limit_in_bytes", "pids/k/pids.max"))
    assert (str(256 * MI), "1000") == tuple((split / name).read_text() for name in (
        "memory/system/memory.limit_in_bytes", "pids/system/pids.max"))


def test_nothing_reserved_leaves_the_parent_alone(split):
    """It has no bounds of ours."""
    PodGroups("/k", split).prepare({"cpu": 2000, "memory": 1024 * MI, "pid": 5000})

    assert not (split / "memory/k/memory.limit_in_bytes").exists()
