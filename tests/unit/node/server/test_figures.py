"""What a node's control groups, networks and probes say, in both versions of control groups, and how it is shown."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from knarr.api.types.core_v1 import (
    Container,
    ContainerState,
    ContainerStateRunning,
    ContainerStatus,
    Pod,
    PodSpec,
    PodStatus,
)
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.base.clock import ManualClock
from knarr.node.cri.face import Usage
from knarr.node.faces import ContainerRef
from knarr.node.probes.ask import Subject
from knarr.node.probes.counts import ProbeCounts
from knarr.node.server import agentmetrics, cadvisor, groupfigures, machinefigures, stats
from knarr.node.server.look import KEPT_S, Looker
from knarr.node.settings import Settings

POD = Pod(
    metadata=ObjectMeta(name="p", namespace="ns", uid="u"),
    spec=PodSpec(containers=(Container(name="c"),)),
    status=PodStatus(
        phase="Running", startTime="2026-01-01T00:00:00Z", qosClass="BestEffort",
        containerStatuses=(ContainerStatus(
            name="c", image="i:1", containerID="containerd://run", imageID="", ready=True, restartCount=0,
            state=ContainerState(running=ContainerStateRunning(startedAt="2026-01-01T00:00:01Z"))),)))
FIRST = {
    "cpu/G/cpu.stat": "nr_periods 10\nnr_throttled 4\nthrottled_time 5000\n", "cpu/G/cpu.shares": "512",
    "cpu/G/cpu.cfs_quota_us": "50000", "cpu/G/cpu.cfs_period_us": "100000",
    "cpuacct/G/cpuacct.usage": "7000000000", "cpuacct/G/cpuacct.usage_user": "4000000000",
    "cpuacct/G/cpuacct.usage_sys": "3000000000", "memory/G/memory.usage_in_bytes": "1000",
    "memory/G/memory.stat": "cache 1\ntotal_cache 300\ntotal_rss 600\ntotal_inactive_file 100\ntotal_pgfault 9\n",
    "memory/G/memory.limit_in_bytes": "9223372036854771712", "memory/G/cgroup.procs": "1\n2\n",
    "blkio/G/blkio.throttle.io_service_bytes_recursive": "8:0 Read 40\n8:0 Write 50\nTotal 90\n",
    "blkio/G/blkio.throttle.io_serviced_recursive": "8:0 Read 4\n8:0 Write 5\nTotal 9\n", "pids/G/pids.max": "max",
}
SECOND = {
    "cgroup.controllers": "cpu memory", "G/cpu.max": "50000 100000", "G/cpu.weight": "20",
    "G/cpu.stat": "usage_usec 7000000\nuser_usec 4000000\nsystem_usec 3000000\nnr_periods 10\nnr_throttled 4\nthrottled_usec 5\n",
    "G/memory.current": "1000", "G/memory.max": "max",
    "G/memory.stat": "file 300\nanon 600\ninactive_file 100\npgfault 9\n", "G/cgroup.procs": "1\n2\n", "G/pids.max": "max",
    "G/io.stat": "8:0 rbytes=40 wbytes=50 rios=4 wios=5\n",
    "G/cpu.pressure": "some avg10=1.50 avg60=0.00 avg300=0.00 total=2000000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n",
}
DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0: 5000      50    1    2    0     0          0         0     6000      60    3    4    0     0       0          0
"""


def tree(root: Path, files: dict[str, str], group: str) -> Path:
    """Lay files out as the kernel shows them; G is the group."""
    for name, text in files.items():
        path = root / name.replace("G/", f"{group.lstrip('/')}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(("files", "shares"), [pytest.param(FIRST, 512, id="v1"), pytest.param(SECOND, 500, id="v2")])
def test_both_versions_say_the_same(tmp_path, files, shares):
    """One container's group: the same figures, whichever version of control groups the kernel mounts."""
    found = groupfigures.read("/a/b", tree(tmp_path, files, "/a/b"))
    assert found is not None
    assert (7_000_000_000, 4_000_000_000, 3_000_000_000) == (found.cpu_ns, found.cpu_user_ns, found.cpu_system_ns)
    assert (10, 4, 5000, 50_000, 100_000, shares) == (
        found.periods, found.throttled_periods, found.throttled_ns, found.cpu_quota_us, found.cpu_period_us, found.cpu_shares)
    assert (1000, 900, 300, 600, 9) == (
        found.memory_bytes, found.working_set_bytes, found.cache_bytes, found.rss_bytes, found.page_faults)
    assert (0, 0, 2) == (found.memory_limit_bytes, found.tasks_max, found.processes)
    assert {("8:0", "read"): (40, 4), ("8:0", "write"): (50, 5)} == dict(found.moved)
    assert groupfigures.read("/a/none", tmp_path) is None


def test_interfaces():
    """What the kernel says of networks; the loopback is left out."""
    assert (machinefigures.Interface("eth0", 5000, 50, 1, 2, 6000, 60, 3, 4),) == machinefigures.interfaces(DEV)
    assert "e1" == machinefigures.default_interface("head\ne0 0A 0 3 0 0 0 00FFFFFF\ne1 00000000 01 3 0 0 0 00000000\n")


class World:
    """An agent that runs one pod, on a made-up version 2 tree."""

    def __init__(self, tmp_path: Path) -> None:
        self.settings = Settings(tmp_path, "n", "10.0.0.1", cgroup_parent="/k", cgroup_root=tmp_path / "cgroup")
        self.clock, self.asked = ManualClock(), 0
        for path in ("/k", "/k/besteffort/podu", "/k/besteffort/podu/run", "/k/besteffort/podu/box"):
            tree(self.settings.cgroup_root, {**SECOND, "G/cgroup.procs": ""}, path)
        lookup = SimpleNamespace(
            pods=lambda: (POD,), sandbox_id=lambda *_: "box", container=lambda *_: ContainerRef(
                pod=POD, name="c", container_id="run", sandbox_id="box", attempt=0, running=True, tty=False, stdin=False))
        self.looker = Looker(self.settings, self, lookup, clock=self.clock)

    async def usage(self):
        self.asked += 1
        return (Usage("run", "c", "u", "p", "ns", 1, 2, 3.0, layer_bytes=4096, layer_inodes=3),)


async def test_cadvisors_families(tmp_path):
    """Dashboards sum containers by namespace, pod and container; the pod's own group and sandbox have no container."""
    look = await World(tmp_path).looker.look()
    lines = cadvisor.text(look, lambda number: f"/dev/{number}").splitlines()
    run = 'container="c",id="/k/besteffort/podu/run",image="i:1",name="run",namespace="ns",pod="p"'
    values = {line.split("} ")[0]: line.split("} ")[1].split()[0] for line in lines if "} " in line}
    assert "7.0" == values[f'container_cpu_usage_seconds_total{{{run},cpu="total"']
    assert "900" == values[f"container_memory_working_set_bytes{{{run}"]
    assert "2.0" == values[f"container_pressure_cpu_waiting_seconds_total{{{run}"]
    assert "40" == values[f'container_fs_reads_bytes_total{{{run},device="/dev/8:0"']
    assert "4096" == values[f'container_fs_usage_bytes{{{run},device="nodefs"']
    assert "50000" == values[f"container_spec_cpu_quota{{{run}"]
    assert 'container_memory_rss{container="",id="/k/besteffort/podu",image="",name="",namespace="ns",pod="p"' in values
    assert any(line.startswith('container_network_receive_bytes_total{container="",id="/"') for line in lines)
    heads = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(heads) == len(set(heads))
    assert any(line.startswith("machine_cpu_cores ") for line in lines)


async def test_summary(tmp_path):
    """The summary's parts that tools read: the pod's group as a whole, its container's layer, the machine's disk."""
    found = stats.summary("n", await World(tmp_path).looker.look())
    pod = found["pods"][0]
    assert (7_000_000_000, 900) == (pod["cpu"]["usageCoreNanoSeconds"], pod["memory"]["workingSetBytes"])
    assert (4096, 3) == (pod["containers"][0]["rootfs"]["usedBytes"], pod["containers"][0]["rootfs"]["inodesUsed"])
    assert {"total": 2_000_000_000, "avg10": 1.5, "avg60": 0.0, "avg300": 0.0} == pod["cpu"]["psi"]["some"]
    assert found["node"]["fs"]["capacityBytes"] > 0
    assert {"cpu", "memory", "network", "fs", "runtime", "rlimit", "swap"} <= found["node"].keys()


async def test_one_look_serves_many(tmp_path):
    """Prometheus, metrics-server and a dashboard ask within seconds: the machine is read once."""
    world = World(tmp_path)
    await world.looker.look()
    await world.looker.look()
    assert 1 == world.asked
    world.clock.advance(KEPT_S + 1)
    await world.looker.look()
    assert 2 == world.asked


def test_probes_are_counted():
    """A probe succeeds, fails and cannot be asked; when its run ends, its rows go."""
    counts = ProbeCounts()
    subject = Subject(POD, POD.spec.containers[0], "run", "", 0.0)
    for result, took_s in (("success", 0.02), ("failure", 20.0), ("error", 1.0)):
        counts.add(subject, "liveness", result=result, took_s=took_s)
    lines = agentmetrics.probes(counts).splitlines()
    named = 'container="c",namespace="ns",pod="p",probe_type="Liveness"'
    for word in ("successful", "failed", "unknown"):
        assert f'prober_probe_total{{{named},pod_uid="u",result="{word}"}} 1' in lines
    assert f'prober_probe_duration_seconds_bucket{{{named},le="10.0"}} 1' in lines
    assert f"prober_probe_duration_seconds_count{{{named}}} 2" in lines
    counts.forget("run")
    assert "" == agentmetrics.probes(counts).strip()


def test_the_agents_own():
    """How many pods and containers this node runs."""
    lines = agentmetrics.own(Settings(Path("/d"), "n", "10.0.0.1"), [POD]).splitlines()
    assert "kubelet_running_pods 1" in lines
    assert 'kubelet_running_containers{container_state="running"} 1' in lines
    assert 'kubelet_node_name{node="n"} 1' in lines
