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
