"""Real Helm keeps a release whose crew rows: hooks that are Jobs, `--wait`, a failing hook, `--atomic`, a test, an end."""

from __future__ import annotations

import uuid

import pytest

from tests.e2e.cluster import until
from tests.wire.test_helm import CHART, take

PATIENT = {"wait": "watcher", "timeout": 60}


@pytest.fixture(scope="module")
def harbour(cluster):
    """A namespace for this module's releases."""
    name = f"helm-{uuid.uuid4().hex[:6]}"
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    cluster.knarr("delete", "namespace", name, "--detach", check=False)


def test_a_release_with_pods(cluster, harbour):
    """Waits mean ready pods and finished Jobs; what fails is brought back; the test pod reaches the Service."""
    installed, tested, sunk, leaking, history = take(
        cluster.kubeconfig, harbour,
        ("install", [CHART, "saga", {}], PATIENT),
        ("test", ["saga"], {"timeout": 60, "logs": True}),
        ("upgrade", [CHART, "saga", {"sinks": True}], {"timeout": 30}),
        ("upgrade", [CHART, "saga", {"leaks": True}], {"timeout": 8, "wait": "watcher", "rollback_on_failure": True}),
        ("history", ["saga"], {}),
    )
    crew = cluster.get("deployment", "saga-crew", namespace=harbour)
    caulk = cluster.get("job", "saga-caulk", namespace=harbour)

    assert "deployed" == installed["status"], installed
    assert "wool" in tested.get("logs", ""), tested
    assert "pre-upgrade hooks failed" in sunk["said"]
    assert "has been rolled back" in leaking["said"]
    assert ["superseded", "failed", "failed", "deployed"] == [one["status"] for one in history]
    assert 1 == crew["status"]["availableReplicas"]
    assert "/" == crew["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["httpGet"]["path"]
    assert 1 == caulk["status"]["succeeded"]


def test_scaling_rolling_back_and_taking_away(cluster, harbour):
    """A larger crew, then the old one; in the end no pod is left."""
    _, upgraded, back = take(
        cluster.kubeconfig, harbour,
        ("install", [CHART, "edda", {"crew": 2}], PATIENT),
        ("upgrade", [CHART, "edda", {"crew": 1, "cargo": "tar"}], PATIENT),
        ("rollback", ["edda"], {"version": 1, **PATIENT}),
    )
    assert "deployed" == upgraded["status"]
    assert back is None
    assert 2 == cluster.get("deployment", "edda-crew", namespace=harbour)["status"]["readyReplicas"]

    done, = take(cluster.kubeconfig, harbour, ("uninstall", ["edda"], PATIENT))
    assert "uninstalled" == done["release"]["status"]
    until(lambda: not [one for one in cluster.get("pods", namespace=harbour)["items"]
                       if one["metadata"]["name"].startswith("edda-crew")], "the crew is gone")
