"""What pods keep, and what keeps pods: claims of StatefulSets, mounts that travel, budgets."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.e2e.cluster import deployment, kubectls, pod, service, until

SIZE = {"requests": {"storage": "1Mi"}}


def ready(cluster, name, namespace):
    conditions = cluster.get(f"pod/{name}", namespace=namespace)["status"].get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def names(cluster, what, namespace):
    return {one["metadata"]["name"] for one in cluster.get(what, namespace=namespace)["items"]}


def test_claims_go_or_stay_as_the_set_says(cluster, namespace):
    """Scaled down, the last member's claim and its volume go; the set deleted, the first one's data stays, and is found again."""
    def stateful(replicas):
        template = pod("db", "sleep inf", container={"volumeMounts": [{"name": "data", "mountPath": "/data"}]})
        return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {
            "serviceName": "db", "replicas": replicas, "selector": {"matchLabels": {"app": "db"}},
            "podManagementPolicy": "Parallel", "ordinals": {"start": 5},
            "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete", "whenDeleted": "Retain"},
            "volumeClaimTemplates": [
                {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": SIZE}}],
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": template["spec"]}}}

    cluster.apply(service("db", clusterIP="None"), stateful(2), namespace=namespace)
    claims = cluster.get("pvc", namespace=namespace)["items"]
    volumes = {one["metadata"]["name"]: one["spec"]["volumeName"] for one in claims}
    assert {"data-db-5", "data-db-6"} == set(volumes)
    (room,) = cluster.get("csistoragecapacities", namespace="kube-system")["items"]
    assert ("local-path", True) == (room["storageClassName"], int(room["capacity"]) > 0)
    cluster.exec("db-5", "sh", "-c", "echo mine > /data/me", namespace=namespace)

    cluster.apply(stateful(1), namespace=namespace)
    until(lambda: {"data-db-5"} == names(cluster, "pvc", namespace), "the last member's claim goes")
    until(lambda: volumes["data-db-6"] not in names(cluster, "pv", namespace), "and its volume")
    cluster.knarr("delete", "statefulset", "db", "-n", namespace)
    until(lambda: not names(cluster, "pods", namespace), "the set is gone")
    cluster.apply(stateful(1), namespace=namespace)

    assert {"data-db-5"} == names(cluster, "pvc", namespace)
    assert "mine" == cluster.exec("db-5", "cat", "/data/me", namespace=namespace).strip()


def test_mounts_travel_as_far_as_they_are_told(cluster, namespace, tmp_path):
    """What the machine mounts later is seen by one container and not by another; what a third mounts, the machine sees."""
    shared = tmp_path / "shared"
    (shared / "late").mkdir(parents=True)
    (shared / "early").mkdir()
    subprocess.run(["mount", "--bind", shared, shared], check=True)
    subprocess.run(["mount", "--make-shared", shared], check=True)

    def mounting(how, **more):
        return {"volumeMounts": [{"name": "v", "mountPath": "/v", "mountPropagation": how}], **more}

    volume = {"volumes": [{"name": "v", "hostPath": {"path": str(shared)}}]}
    maker = "busybox mount -t tmpfs none /v/early && echo made > /v/early/file && sleep inf"
    try:
        cluster.apply(
            pod("follows", container=mounting("HostToContainer"), **volume),
            pod("alone", container=mounting("None"), **volume),
            pod("makes", maker, container=mounting("Bidirectional", securityContext={"privileged": True}), **volume),
            namespace=namespace, wait=False)
        for one in ("follows", "alone", "makes"):
            until(lambda one=one: ready(cluster, one, namespace), f"{one} is ready", patience_s=60)
        until((shared / "early/file").exists, "the machine sees the container's mount")
        subprocess.run(["mount", "-t", "tmpfs", "none", shared / "late"], check=True)
        (shared / "late/file").write_text("later")

        assert "later" == cluster.exec("follows", "cat", "/v/late/file", namespace=namespace).strip()
        assert "" == cluster.exec("alone", "cat", "/v/late/file", namespace=namespace, check=False)
        assert "made" == cluster.exec("follows", "cat", "/v/early/file", namespace=namespace).strip()
        cluster.knarr("delete", "pod", "follows", "alone", "makes", "-n", namespace)
    finally:
        subprocess.run(["umount", "--recursive", shared], check=True)


@pytest.mark.skipif(not kubectls(), reason="no kubectl is installed here")
def test_a_budget_holds_a_drain_back(cluster, namespace):
    """The only pod may not be missed: the drain says so and gives up; without the budget it goes, and comes back."""
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "one"},
              "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "only"}}}}
    cluster.apply(deployment("only", 1, "sleep inf"), budget, namespace=namespace)
    until(lambda: cluster.get("pdb/one", namespace=namespace)["status"].get("currentHealthy") == 1, "it is counted")
    (before,) = names(cluster, "pods", namespace)
    node = json.loads(cluster.kubectl("get", "nodes", "-o", "json").stdout)["items"][0]["metadata"]["name"]
    drain = ("drain", node, "--ignore-daemonsets", "--pod-selector=app=only", "--force")
    try:
        held = cluster.kubectl(*drain, "--timeout=2s", check=False)
        assert held.returncode != 0
        assert "Cannot evict pod as it would violate the pod's disruption budget." in held.stderr
        assert {before} == names(cluster, "pods", namespace)
        cluster.kubectl("delete", "pdb", "one", "-n", namespace)
        cluster.kubectl(*drain, "--timeout=60s")
    finally:
        cluster.kubectl("uncordon", node)

    until(lambda: any(one != before and ready(cluster, one, namespace) for one in names(cluster, "pods", namespace)),
          "another takes its place", patience_s=60)
