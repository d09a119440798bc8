"""A CSI driver and its sidecars, processes beside a real Knarr, give real containers their volumes."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.csi.driver import NAME
from tests.e2e.cluster import pod, until
from tests.e2e.test_kills import kill
from tests.e2e.test_pods import ready

CLASS = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "shelves"}, "provisioner": NAME,
         "allowVolumeExpansion": True, "volumeBindingMode": "WaitForFirstConsumer"}
CLAIM = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": {
    "accessModes": ["ReadWriteOncePod"], "storageClassName": "shelves", "resources": {"requests": {"storage": "1Gi"}}}}


@pytest.fixture
def driver(cluster):
    """Start driver and sidecars, and wait until the node knows the driver."""
    node = cluster.get("nodes")["items"][0]["metadata"]["name"]
    folder = cluster.data_dir / "plugins" / NAME
    words = [[f"{__package__.rpartition('.')[0]}.csi.driver", str(folder), str(cluster.data_dir / "plugins_registry"), node],
             [f"{__package__.rpartition('.')[0]}.csi.sidecars", str(cluster.kubeconfig)]]
    running = [subprocess.Popen([sys.executable, "-m", *one]) for one in words]
    until(lambda: [one for one in cluster.get("csinodes")["items"] if one["spec"].get("drivers")], "the driver is known")
    yield folder
    for one in running:
        one.send_signal(signal.SIGTERM)
    for one in running:
        one.wait(20)


def test_a_container_keeps_its_data_on_a_drivers_volume(cluster, namespace, driver):
    """Written by one pod, read by the next, grown under it while the agent is killed; at the end nothing is left."""
    def writer(name, command):
        made = pod(name, command)
        made["spec"]["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
        made["spec"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/data"}]
        made["spec"]["terminationGracePeriodSeconds"] = 0
        return made

    def attachments():
        return cluster.get("volumeattachments")["items"]

    cluster.apply(CLASS, wait=False)
    cluster.apply(CLAIM, writer("first", "echo kept > /data/note; sleep inf"), namespace=namespace)
    until(lambda: ready(cluster, "first", namespace), "it is ready", patience_s=120)
    until(lambda: "kept\n" == cluster.exec("first", "cat", "/data/note", namespace=namespace), "it is written")
    assert [True] == [one["status"]["attached"] for one in attachments()]
    cluster.knarr("delete", "pod", "first", "-n", namespace)
    cluster.apply(writer("second", "sleep inf"), namespace=namespace)
    until(lambda: ready(cluster, "second", namespace), "it is ready", patience_s=120)
    assert "kept\n" == cluster.exec("second", "cat", "/data/note", namespace=namespace)
    cluster.kubectl("patch", "pvc", "data", "-n", namespace, "-p", '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}')
    until(lambda: cluster.get("pvc", "data", namespace=namespace)["status"]["capacity"] == {"storage": "2Gi"}, "it has grown", patience_s=60)
    assert str(2 << 30) == cluster.exec("second", "cat", "/data/size", namespace=namespace)
    containers = cluster.get("pod", "second", namespace=namespace)["status"]["containerStatuses"]
    kill(cluster, "agent")
    until(lambda: "kept\n" == cluster.exec("second", "cat", "/data/note", namespace=namespace, check=False), "it goes on")
    assert containers == cluster.get("pod", "second", namespace=namespace)["status"]["containerStatuses"]
    cluster.knarr("delete", "pod", "second", "-n", namespace)
    until(lambda: not attachments(), "it is detached", patience_s=60)
    cluster.knarr("delete", "pvc", "data", "-n", namespace)
    until(lambda: not cluster.get("persistentvolumes")["items"], "it is deleted", patience_s=60)
    cluster.kubectl("delete", "storageclass", "shelves")
    with open("/proc/self/mountinfo") as lines:
        assert [] == [line for line in lines if "kubernetes.io~csi" in line and str(cluster.data_dir) in line]
