"""Deleted local-path volumes leave no directory behind, and nothing else is ever removed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from knarr.base.clock import SystemClock
from knarr.base.rng import Rng
from knarr.client.client import Client
from knarr.client.transport import InProcess
from knarr.node.settings import Settings
from knarr.node.volumes.reclaim import Reclaim
from tests.unit.fake_api import FakeApi

FINALIZER = "knarr.dev/local-path"


def volume(path: Path, *, node: str = "n1", deleted: bool = True, **changes: Any) -> dict[str, Any]:
    """Return a local-path volume of a node, by default one that is being deleted."""
    meta: dict[str, Any] = {"name": path.name, "uid": path.name, "finalizers": [FINALIZER, "other"],
                            "annotations": {"pv.kubernetes.io/provisioned-by": "knarr.dev/local-path"}, **changes}
    if deleted:
        meta["deletionTimestamp"] = "2026-01-02T00:00:00Z"
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}]
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": meta, "spec": {
        "hostPath": {"path": str(path)}, "nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}}


async def reclaimed(home: Path, *volumes: dict[str, Any], turns: int = 50) -> FakeApi:
    """Run this node's part for a moment."""
    api = FakeApi()
    for one in volumes:
        api.put(one)
    reclaim = Reclaim(Settings(home, "n1", "10.0.0.1"), Client(InProcess(api.handle)), clock=SystemClock(), rng=Rng(1))
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        task = group.create_task(reclaim.run())
        for _ in range(turns):
            await asyncio.sleep(0.001)
        task.cancel()
    return api


def filled(path: Path) -> Path:
    """Make a directory with a file, and a link that leads out of it."""
    (path / "d").mkdir(parents=True)
    (path / "d/row").write_text("x")
    (path / "link").symlink_to("/etc")
    return path


async def test_directory_goes_then_the_finalizer(tmp_path: Path) -> None:
    """The volume is being deleted: its directory is removed, the link in it not followed, other finalizers stay."""
    api = await reclaimed(tmp_path, volume(filled(tmp_path / "pvc-1")))

    assert not (tmp_path / "pvc-1").exists()
    assert Path("/etc/passwd").exists()
    assert [["other"]] == [one["metadata"]["finalizers"] for one in api.all("persistentvolumes")]


async def test_gone_already(tmp_path: Path) -> None:
    """The agent was killed between the two steps: the second is still done."""
    api = await reclaimed(tmp_path, volume(tmp_path / "pvc-1"))

    assert [["other"]] == [one["metadata"]["finalizers"] for one in api.all("persistentvolumes")]


@pytest.mark.parametrize("changes", [
    pytest.param({"deleted": False}, id="it lives"),
    pytest.param({"node": "n2"}, id="another node's"),
    pytest.param({"annotations": {}}, id="not the provisioner's"),
    pytest.param({"name": "other"}, id="a directory of another name"),
    pytest.param({"finalizers": ["other"]}, id="done before"),
])
async def test_left_alone(tmp_path: Path, changes: dict[str, Any]) -> None:
    """What is not clearly ours to remove stays."""
    await reclaimed(tmp_path, volume(filled(tmp_path / "pvc-1"), **changes))

    assert "x" == (tmp_path / "pvc-1/d/row").read_text()
