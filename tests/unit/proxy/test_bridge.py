"""The machine's bridge switch is put back as it was, by the last to go."""

from __future__ import annotations

import pytest

from knarr.proxy import bridge


@pytest.fixture
def switch(tmp_path, monkeypatch):
    """A switch that stands at 0, and a record of unloaded modules."""
    path = tmp_path / "bridge-nf-call-iptables"
    path.write_text("0\n")
    monkeypatch.setattr(bridge, "CALL_IPTABLES", path)
    return path


def test_a_changed_switch_is_put_back(switch, tmp_path):
    """It stood at 0; two instances come, the second finds 1; when the last one goes it stands at 0 again."""
    note = tmp_path / "note"
    for _ in range(2):
        bridge.remember(note)
        assert bridge.filtered()
    bridge.put_back(note)

    assert switch.read_text() == "0"
    assert not note.exists()


def test_an_unchanged_switch_is_left(switch, tmp_path):
    """It stood at 1 before us, perhaps for somebody else: it stays."""
    switch.write_text("1\n")
    bridge.remember(tmp_path / "note")
    bridge.put_back(tmp_path / "note")

    assert switch.read_text() == "1\n"


def test_a_module_we_loaded_goes(switch, tmp_path, monkeypatch):
    """There was no switch: the module was not loaded, and goes again."""
    switch.unlink()
    unloaded = []
    monkeypatch.setattr(bridge, "unload", unloaded.append)
    bridge.remember(tmp_path / "note")
    switch.write_text("1\n")
    bridge.put_back(tmp_path / "note")

    assert unloaded == ["br_netfilter"]
