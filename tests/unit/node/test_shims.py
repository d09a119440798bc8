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

    assert ended == shims.Reaper(SimpleNamespace(runtime_dir=tmp_path)).reap(os.getpid(), known, 0.0)
    if ended:
        process.wait(5)
        assert child not in shims.children(process.pid)
    else:
        assert shims.children(process.pid) == [child]


@pytest.mark.parametrize(("known", "empty", "ended"), [
    pytest.param({},            False, [[], [], ["s1"]], id="never known: its making was broken off"),
    pytest.param({},            True,  [[], [], ["s1"]], id="never known, and empty"),
    pytest.param({"s1": False}, True,  [[], [], ["s1"]], id="its sandbox is over, and nothing runs in it"),
    pytest.param({"s1": False}, False, [[], [], ["s1"]], id="its sandbox is over, and what runs in it was forgotten"),
    pytest.param({"s1": True},  True,  [[], [], []],     id="its sandbox lives"),
])
def test_who_looks_left_over_for_a_while_is(tmp_path, monkeypatch, known, empty, ended):
    """A shim younger than its containerd: it is looked at at once, soon after, and when making and ending take no longer."""
    killed = []
    monkeypatch.setattr(shims, "shims", lambda _: [] if killed else [7])
    monkeypatch.setattr(shims, "id_of", lambda pid: "s1")
    monkeypatch.setattr(shims, "children", lambda pid: [] if empty else [8])
    monkeypatch.setattr(shims, "started_ticks", lambda pid: 200 if pid == 7 else 100)
    monkeypatch.setattr(shims, "is_homeless", lambda pid: False)
    monkeypatch.setattr(shims, "end", killed.append)
    reaper = shims.Reaper(SimpleNamespace(runtime_dir=tmp_path))

    assert ended == [reaper.reap(1, known, now_s) for now_s in (0.0, shims.DOUBT_S - 1, shims.DOUBT_S)]


def test_a_doubt_is_forgotten(tmp_path, monkeypatch):
    """A sandbox that was just being made is known by the next look: later on its shim is doubted anew, from then."""
    monkeypatch.setattr(shims, "shims", lambda _: [7])
    monkeypatch.setattr(shims, "id_of", lambda pid: "s1")
    monkeypatch.setattr(shims, "children", lambda pid: [])
    monkeypatch.setattr(shims, "started_ticks", lambda pid: 200 if pid == 7 else 100)
    monkeypatch.setattr(shims, "is_homeless", lambda pid: False)
    reaper = shims.Reaper(SimpleNamespace(runtime_dir=tmp_path))
    looks = [({}, 0.0), ({"s1": True}, 20.0), ({"s1": False}, 40.0)]

    assert [[], [], []] == [reaper.reap(1, known, now_s) for known, now_s in looks]
