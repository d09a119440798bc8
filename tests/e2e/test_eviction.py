"""A pod that takes more of the disk than it may has to go; its neighbour stays."""

from __future__ import annotations

from tests.e2e.cluster import pod, until


def test_an_empty_dir_beyond_its_limit(cluster, namespace):
    """It writes four megabytes where one is allowed: it is evicted, and told why."""
    greedy = pod("greedy", "dd if=/dev/zero of=/v/big bs=1M count=4; sleep inf",
                 container={"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
                 volumes=[{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}])
    cluster.apply(greedy, pod("modest"), namespace=namespace, wait=False)

    def over():
        status = cluster.get("pod/greedy", namespace=namespace)["status"]
        return status if status["phase"] == "Failed" else None

    status = until(over, "the greedy pod has failed", patience_s=60)
    assert ("Evicted", 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ') == (status["reason"], status["message"])
    assert "Running" == cluster.get("pod/modest", namespace=namespace)["status"]["phase"]


def test_the_dead_are_remembered(cluster, namespace):
    """A pod fails, says why, and is deleted: its last words can still be read."""
    cluster.apply(pod("late", "echo the disk is on fire; exit 7", restartPolicy="Never"), namespace=namespace, wait=False)
    until(lambda: cluster.get("pod/late", namespace=namespace)["status"]["phase"] == "Failed", "the pod has failed")
    cluster.knarr("delete", "pod", "late", "-n", namespace)
    said = cluster.knarr("logs", "--dead", "late", "-n", namespace).stdout

    assert "late/main  run 0  exit code 7  Error\n  the disk is on fire" in said
