"""One real Knarr for all end-to-end tests: its own data directory, port and networks; nothing is left behind."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.cluster import PODS_TASKS, WEB, Cluster, busybox_archive, deployment, kubectls, new_cluster, service
from tests.e2e.driving import Kubectl
from tests.e2e.place import Place


def missing() -> str:
    """Name what keeps containers from running here; empty when nothing does."""
    if os.geteuid() != 0:
        return "containers need root"
    absent = [
        name
        for name in ("containerd", "runc", "nft")
        if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") is None
    ]
    return f"not installed: {', '.join(absent)}" if absent else ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here runs real containers; where that cannot be, say so."""
    why = missing()
    for item in items:
        if "/e2e/" in str(item.path):
            item.add_marker(pytest.mark.containers)
            item.add_marker(pytest.mark.slow)
            if why:
                item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Knarr that is up, with the busybox image loaded."""
    made = new_cluster()
    try:
        made.knarr("up", "--port", str(made.port), "--pod-max-pids", str(PODS_TASKS))
        made.knarr("image", "load", str(busybox_archive(tmp_path_factory.mktemp("images") / "busybox.tar")))
        yield made
    finally:
        made.knarr("down", "--purge", check=False)


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A fresh namespace; everything in it goes with it."""
    name = f"t-{uuid.uuid4().hex[:6]}"
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    cluster.knarr("delete", "namespace", name, "--detach", check=False)


@pytest.fixture
def place(cluster: Cluster, namespace: str) -> Place:
    """The namespace, to be asked quickly."""
    return Place(cluster, namespace)


@pytest.fixture(scope="session", params=kubectls() or [None], ids=lambda path: Path(path).name if path else "none")
def kubectl(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[Kubectl]:
    """One kubectl after the other, each with a namespace of its own that holds a Deployment and a Service."""
    if request.param is None:
        pytest.skip("no kubectl is installed here")
    name = "k-" + Path(request.param).name.replace(".", "-")
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    run = Kubectl(cluster, request.param, name)
    objects = [deployment("web", 2, "echo up; echo two; " + WEB), service("web")]
    run("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))
    run("rollout", "status", "deployment/web", "--timeout=60s")
    yield run
    cluster.knarr("delete", "namespace", name, "--detach", check=False)
