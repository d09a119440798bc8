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
