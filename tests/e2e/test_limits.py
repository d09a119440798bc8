"""What one pod takes from the machine is bounded; its neighbours and the node go on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.devices.plugin import RESOURCE
from tests.e2e.cluster import PODS_TASKS, pod, until


def test_forks_without_end(cluster, namespace):
    """It forks until it may not any more; the neighbour and the node notice nothing, and it can be deleted."""
    bomb = pod("bomb", "(while true; do sleep 300 & done); sleep inf", container={"resources": {"limits": {"cpu": "300m"}}})
    cluster.apply(bomb, pod("neighbour"), namespace=namespace)
    uid = cluster.get("pod/bomb", namespace=namespace)["metadata"]["uid"]
    patterns = [f"pids/knarr-*/burstable/pod{uid}", f"knarr-*/burstable/pod{uid}"]
    group, = until(lambda: [found for each in patterns for found in Path("/sys/fs/cgroup").glob(each)], "the pod's group is made")
    refused = group / "pids.events"
    until(lambda: refused.read_text() != "max 0\n" or any(
        each.read_text() != "max 0\n" for each in group.glob("*/pids.events")), "a fork has been refused", patience_s=90)

    assert int((group / "pids.current").read_text()) <= PODS_TASKS
    assert "here" in cluster.exec("neighbour", "echo", "here", namespace=namespace)
    cluster.knarr("delete", "pod", "bomb", "-n", namespace)
    until(lambda: not group.exists(), "the pod's group is gone")


def test_a_device_of_a_plugin(cluster, namespace):
    """A vendor's plugin offers two lamps: a pod gets one, with all that belongs to it, and is told when it falls ill."""
    folder = cluster.data_dir / "device-plugins"
    plugin = subprocess.Popen([sys.executable, "-m", "tests.devices.plugin", str(folder), "2"])
    try:
        until(lambda: cluster.get("nodes")["items"][0]["status"]["allocatable"].get(RESOURCE) == "2", "two lamps are offered")
        asked = {"limits": {RESOURCE: "1"}, "requests": {RESOURCE: "1"}}
        cluster.apply(pod("lit", container={"resources": asked}), namespace=namespace)
        until(lambda: cluster.get("pod/lit", namespace=namespace)["status"]["phase"] == "Running", "the pod runs")
        said = cluster.exec("lit", "sh", "-c", "echo $LAMPS; ls /dev/lamp /etc/lamps", namespace=namespace)
        assert ("lamp-0", "/dev/lamp", True) == (*said.split()[:2], "kubelet.sock" in said)

        def health():
            status = cluster.get("pod/lit", namespace=namespace)["status"]["containerStatuses"][0]
            return status["allocatedResourcesStatus"][0]["resources"]

        assert [{"resourceID": "lamp-0", "health": "Healthy"}] == health()
        (folder / "ill-lamp-0").touch()
        until(lambda: health() == [{"resourceID": "lamp-0", "health": "Unhealthy"}], "the pod's status shows it")
        until(lambda: cluster.get("nodes")["items"][0]["status"]["allocatable"][RESOURCE] == "1", "one lamp is offered")
    finally:
        plugin.terminate()
        plugin.wait()


def test_a_whole_pod_grows(cluster, namespace):
    """The pod alone has a limit; its container lives under it, and under the next one without a restart."""
    quota = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max 2>/dev/null; true"
    cluster.apply(pod("family", resources={"limits": {"cpu": "400m"}, "requests": {"cpu": "100m"}}), namespace=namespace)
    assert "40000" in cluster.exec("family", "sh", "-c", quota, namespace=namespace)
    shown = cluster.get("pod/family", namespace=namespace)
    del shown["metadata"]["resourceVersion"]
    shown["spec"]["resources"]["limits"]["cpu"] = "600m"
    cluster.kubectl("replace", "--raw", f"/api/v1/namespaces/{namespace}/pods/family/resize", "-f", "-", stdin=json.dumps(shown))

    until(lambda: "60000" in cluster.exec("family", "sh", "-c", quota, namespace=namespace), "the kernel has the new limit")
    until(lambda: cluster.get("pod/family", namespace=namespace)["status"]["resources"]["limits"] == {"cpu": "600m"},
          "the status shows it")
    assert 0 == cluster.get("pod/family", namespace=namespace)["status"]["containerStatuses"][0]["restartCount"]
