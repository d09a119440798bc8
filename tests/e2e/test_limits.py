"""What one pod takes from the machine is bounded; its neighbours and the node go on."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.cluster import PODS_TASKS, pod, until


def test_forks_without_end(cluster, namespace):
    """It forks until it may not any more; the neighbour and the node notice nothing, and it can be deleted."""
    bomb = pod("bomb", "(while true; do sleep 300 & done); sleep inf", container={"resources": {"limits": {"cpu": "300m"}}})
    cluster.apply(bomb, pod("neighbour"), namespace=namespace)
    uid = cluster.get("pod/bomb", namespace=namespace)["metadata"]["uid"]
    group, = (found for pattern in (f"pids/knarr-*/burstable/pod{uid}", f"knarr-*/burstable/pod{uid}")
              for found in Path("/sys/fs/cgroup").glob(pattern))
    refused = group / "pids.events"
    until(lambda: refused.read_text() != "max 0\n" or any(
        each.read_text() != "max 0\n" for each in group.glob("*/pids.events")), "a fork has been refused", patience_s=90)

    assert int((group / "pids.current").read_text()) <= PODS_TASKS
    assert "here" in cluster.exec("neighbour", "echo", "here", namespace=namespace)
    cluster.knarr("delete", "pod", "bomb", "-n", namespace)
    assert not group.exists()
