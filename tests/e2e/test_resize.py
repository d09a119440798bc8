"""A running container is given more, and asks for more than there is."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.cluster import pod, until

LIMITS = {"limits": {"cpu": "200m", "memory": "32Mi"}, "requests": {"cpu": "100m", "memory": "16Mi"}}
QUOTA = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max 2>/dev/null; true"


def resize(cluster, namespace, *, cpu):
    """Ask for another limit through the subresource."""
    shown = cluster.get("pod/grows", namespace=namespace)
    del shown["metadata"]["resourceVersion"]        # the node may write its status at the same moment
    shown["spec"]["containers"][0]["resources"]["limits"]["cpu"] = cpu
    shown["spec"]["containers"][0]["resources"]["requests"]["cpu"] = cpu
    path = f"/api/v1/namespaces/{namespace}/pods/grows/resize"
    cluster.kubectl("replace", "--raw", path, "-f", "-", stdin=json.dumps(shown))


def conditions(cluster, namespace):
    """Return the reasons of the conditions that speak of a resize."""
    shown = cluster.get("pod/grows", namespace=namespace)["status"]["conditions"]
    return {each["type"]: each.get("reason") for each in shown if "Resize" in each["type"]}


def test_a_running_container_grows(cluster, namespace):
    """The kernel's quota changes under the running process; what no node can give is refused, and told."""
    cluster.apply(pod("grows", container={"resources": LIMITS}), namespace=namespace)
    until(lambda: cluster.get("pod/grows", namespace=namespace)["status"]["phase"] == "Running", "it runs")
    resize(cluster, namespace, cpu="400m")

    def grown():
        status = cluster.get("pod/grows", namespace=namespace)["status"]["containerStatuses"][0]
        return status if status["resources"]["limits"]["cpu"] == "400m" else None

    status = until(grown, "the status shows the new limit")
    assert 0 == status["restartCount"]
    assert "40000" in cluster.exec("grows", "sh", "-c", QUOTA, namespace=namespace)
    until(lambda: not conditions(cluster, namespace), "no resize is under way")

    resize(cluster, namespace, cpu="1k")
    until(lambda: conditions(cluster, namespace) == {"PodResizePending": "Infeasible"}, "the node says that it cannot")
    assert "400m" == grown()["allocatedResources"]["cpu"]

    uid = cluster.get("pod/grows", namespace=namespace)["metadata"]["uid"]
    assert groups(uid)
    cluster.knarr("delete", "pod", "grows", "-n", namespace)
    until(lambda: not groups(uid), "the pod's control groups are gone")


def groups(uid):
    """Return the control groups of a pod, in either version's tree."""
    root = Path("/sys/fs/cgroup")
    return [*root.glob(f"knarr-*/burstable/pod{uid}"), *root.glob(f"*/knarr-*/burstable/pod{uid}")]
