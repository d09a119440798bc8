"""A status that changes many times a second is written now and then."""

from __future__ import annotations

import pytest

from knarr.api.types.core_v1 import ConfigMap
from knarr.reconcile import pace
from knarr.reconcile.actions import After, Event, Patch
from knarr.reconcile.pace import Pace

STATUS = Patch(ConfigMap(), {"status": {}}, subresource="status", spacing_s=0.5)
SPEC = Patch(ConfigMap(), {"spec": {}})
EVENT = Event(ConfigMap(), "Reason", "text")


@pytest.mark.parametrize(("times", "done"), [
    pytest.param((7.0,),                  [STATUS],                         id="the first one is due at once"),
    pytest.param((7.0, 7.125),            [STATUS, After(0.375)],           id="the second waits for its time"),
    pytest.param((7.0, 7.25, 7.5),        [STATUS, After(0.25), STATUS],    id="and is made when that has come"),
    pytest.param((0.0, 0.25),             [STATUS, After(0.25)],            id="a clock that begins at zero"),
])
def test_when_a_patch_is_due(times, done):
    """One key's status is asked for at these times."""
    known = Pace()

    assert done == [action for now_s in times for action in known.due("key", [STATUS], now_s=now_s)]


def test_what_does_not_wait():
    """Other keys' patches, other actions of the same pass, and a patch that says nothing of waiting."""
    known = Pace()
    known.due("key", [STATUS], now_s=1.0)

    assert [STATUS] == known.due("other", [STATUS], now_s=1.0)
    assert [SPEC, After(0.5), EVENT] == known.due("key", [SPEC, STATUS, EVENT], now_s=1.0)


def test_the_oldest_key_is_forgotten(monkeypatch):
    """More keys than are remembered: the one that was patched longest ago may be patched too early, no more."""
    monkeypatch.setattr(pace, "KEYS_MAX", 2)
    known = Pace()
    for key in ("a", "b", "c"):
        known.due(key, [STATUS], now_s=5.0)

    assert [STATUS] == known.due("a", [STATUS], now_s=5.0)
    assert [After(0.5)] == known.due("c", [STATUS], now_s=5.0)
