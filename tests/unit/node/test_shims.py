"""A shim that its containerd forgot is ended with what runs in it; a known one, and a young one, is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from knarr.node import shims

SHIM = "import subprocess,sys; child=subprocess.Popen(['sleep','60']); print(child.pid, flush=True); child.wait()"


@pytest.fixture
def shim(tmp_path):
    """A process that looks like a shim with a container in it, older than this test's `containerd`."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    words = [sys.executable, "-c", SHIM, "-namespace", "k8s.io", "-id", "s1"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, cwd=bundle)
    child = int(process.stdout.readline())
    yield process, child
    shims.end(process.pid)
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize(("known", "age_ticks", "bundle", "ended"), [
    pytest.param({},             1, True,  ["s1"], id="forgotten by a younger containerd"),
    pytest.param({"s1": True},   1, True,  [],     id="known"),
    pytest.param({"s1": False},  1, True,  [],     id="known and over, but something runs in it"),
    pytest.param({},            -1, True,  [],     id="just being made by this containerd"),
    pytest.param({},            -1, False, ["s1"], id="began late, for a containerd that was dead already"),
    pytest.param({"s1": True},  -1, False, [],     id="known, whatever its directory"),
])
def test_whom_it_ends(shim, tmp_path, monkeypatch, known, age_ticks, bundle, ended):
    """containerd's start lies after or before the shim's; the shim's bundle is there or not."""
    process, child = shim
    if not bundle:
        (tmp_path / "bundle").rmdir()
    born = shims.started_ticks(process.pid)
    monkeypatch.setattr(shims, "shims", lambda _: [process.pid])
    monkeypatch.setattr(shims, "started_ticks", lambda pid: born if pid == process.pid else born + age_ticks)

    assert ended == shims.reap(SimpleNamespace(runtime_dir=tmp_path), os.getpid(), known)
    if ended:
        process.wait(5)
        assert child not in shims.children(process.pid)
    else:
        assert shims.children(process.pid) == [child]


@pytest.mark.parametrize(("ready", "age_ticks", "forgotten"), [
    pytest.param(False,  1, True,  id="its sandbox is over, and containerd forgot the shim alone"),
    pytest.param(False, -1, False, id="its sandbox is ending just now"),
    pytest.param(True,   1, False, id="its sandbox lives"),
])
def test_an_empty_shim(monkeypatch, ready, age_ticks, forgotten):
    """Nothing runs in it any more."""
    monkeypatch.setattr(shims, "children", lambda pid: [])
    monkeypatch.setattr(shims, "started_ticks", lambda pid: 100)
    assert forgotten == shims.is_forgotten(os.getpid(), 100 + age_ticks, ready=ready)
