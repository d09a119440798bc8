"""Real Helm keeps a release on the server: what needs no node (tests/e2e/test_helm.py has the rest)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.wire.serving import Served, serving

HERE = Path(__file__).parent
CHART = str(HERE / "charts/boat")
TIMEOUT_S = 120


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as found:
        yield found


def take(kubeconfig: Path, namespace: str, *steps: tuple[str, list[Any], dict[str, Any]]) -> list[Any]:
    """Take the steps with Helm, in a process of its own; return what each gave."""
    pytest.importorskip("helm_python")
    command = [sys.executable, str(HERE / "guests/with_helm.py"), str(kubeconfig), namespace]
    done = subprocess.run(command, input=json.dumps(steps), capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


@pytest.mark.slow
def test_the_life_of_a_release(served):
    """Installed with its kind and a hook, upgraded, upgraded badly and brought back, rolled back, taken away."""
    ashore: dict[str, Any] = {"pods": False}
    patient = {"wait": "watcher", "timeout": 20}
    installed, twice, upgraded, broken, history, rolled_back, values, status, listed, tested, gone, rest, absent = take(
        served.kubeconfig, "default",
        ("install", [CHART, "saga", ashore], patient),
        ("install", [CHART, "saga", ashore], {}),
        ("upgrade", [CHART, "saga", {**ashore, "cargo": "tar", "crew": 2}], patient),
        ("upgrade", [CHART, "saga", {**ashore, "crew": -3}], {"rollback_on_failure": True, "timeout": 20}),
        ("history", ["saga"], {}),
        ("rollback", ["saga"], {"version": 1}),
        ("get_values", ["saga"], {}),
        ("status", ["saga"], {}),
        ("list", [], {}),
        ("test", ["saga"], {"timeout": 10}),
        ("uninstall", ["saga"], patient),
        ("list", [], {"all_states": True}),
        ("status", ["saga"], {}),
    )

    assert (1, "deployed") == (installed["revision"], installed["status"])
    assert 'before: "nothing"\n  serves: "true"' in installed["manifest"]  # `lookup` and capabilities ask the server
    assert "cannot reuse a name that is still in use" in twice["said"]
    assert (2, "deployed") == (upgraded["revision"], upgraded["status"])
    assert 'before: "wool"' in upgraded["manifest"]
    assert 'Rope.boat.example.com "saga-rope" is invalid: spec.length: Invalid value: -3' in broken["said"]
    assert "has been rolled back" in broken["said"]
    assert ["superseded", "superseded", "failed", "deployed"] == [one["status"] for one in history]
    assert rolled_back is None
    assert ashore == values
    assert (5, "deployed") == (status["revision"], status["status"])
    assert [("saga", 5)] == [(one["name"], one["revision"]) for one in listed]
    assert "error" not in tested
    assert "uninstalled" == gone["release"]["status"]
    assert [] == rest
    assert "HelmNotFoundError" == absent["error"]


@pytest.mark.slow
def test_what_a_release_leaves(served):
    """Hooks and definitions stay when a release goes, as Helm promises; everything else is gone; history is kept where asked."""
    kubernetes = pytest.importorskip("kubernetes")
    installed, tried, gone, history = take(
        served.kubeconfig, "default",
        ("install", [CHART, "edda", {"pods": False}], {"labels": {"sea": "north"}}),
        ("upgrade", [CHART, "edda", {"pods": False, "cargo": "fish"}], {"dry_run": "server"}),
        ("uninstall", ["edda"], {"keep_history": True}),
        ("history", ["edda"], {}),
    )
    loader = kubernetes.config.new_client_from_config(str(served.kubeconfig))
    core, kinds = kubernetes.client.CoreV1Api(loader), kubernetes.client.ApiextensionsV1Api(loader)
    maps = {one.metadata.name for one in core.list_namespaced_config_map("default").items}
    kept = core.list_namespaced_secret("default", label_selector="owner=helm,name=edda").items

    assert "north" == installed["labels"]["sea"]
    assert 'cargo: "fish"' in tried["manifest"]
    assert "uninstalled" == gone["release"]["status"]
    assert ["uninstalled"] == [one["status"] for one in history]
    assert "edda-blessing" in maps
    assert "edda-cargo" not in maps
    assert ["helm.sh/release.v1"] == [one.type for one in kept]
    assert "ropes.boat.example.com" in [one.metadata.name for one in kinds.list_custom_resource_definition().items]
