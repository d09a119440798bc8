"""The bridge goes also where the process runs on uvloop."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
import uvloop

from knarr.node import cni


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_bridge_that_is_not_there_is_no_error(monkeypatch, factory):
    """Purging an instance that never ran a pod: there is no bridge to remove."""
    monkeypatch.setattr(cni, "remove_masquerade", lambda _: None)
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(cni.remove_bridge(SimpleNamespace(bridge="knarr-none")))


def test_notes_that_a_killed_runtime_had_only_begun(tmp_path):
    """Such a network could never be taken down; whole notes stay, and so do another instance's."""
    ours = SimpleNamespace(bridge="knarr1")
    for name, text in {"knarr1-a-eth0": "", "knarr1-b-eth0": "{\"kind\": ", "knarr1-c-eth0": "{}", "other-d-eth0": ""}.items():
        (tmp_path / name).write_text(text)
    cni.forget_torn(ours, tmp_path)
    assert {"knarr1-c-eth0", "other-d-eth0"} == {note.name for note in tmp_path.iterdir()}
    cni.forget_all(ours, tmp_path)
    assert ["other-d-eth0"] == [note.name for note in tmp_path.iterdir()]
