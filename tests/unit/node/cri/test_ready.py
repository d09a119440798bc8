"""When a runtime can be used."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from knarr.node.cri import runtime as door
from knarr.node.cri.face import RuntimeFault


async def version(*_, **__):
    return SimpleNamespace(runtime_name="containerd", runtime_version="1.6")


@pytest.mark.parametrize(("faults", "looks"), [
    pytest.param(["server is not initialized yet"] * 2, 3, id="it listens before it has read what it runs"),
    pytest.param([], 1, id="at once"),
])
async def test_ready_waits_until_the_runtime_knows_its_pods(monkeypatch, faults, looks):
    """`knarr down` after a restart asked too early, and was refused."""
    seen = []

    async def network_ready():
        seen.append(1)
        if len(seen) <= len(faults):
            raise RuntimeFault("UNKNOWN", faults[len(seen) - 1])

    monkeypatch.setattr(door, "LOOK_EVERY_S", 0.001)
    runtime = door.CriRuntime("unix:///nonexistent")
    runtime._runtime = SimpleNamespace(Version=version)
    runtime.network_ready = network_ready
    try:
        assert "containerd" == (await runtime.ready(1.0)).name
    finally:
        await runtime.close()

    assert looks == len(seen)


async def test_another_fault_is_told(monkeypatch):
    """A runtime that fails for good is not waited for."""

    async def network_ready():
        raise RuntimeFault("INTERNAL", "broken")

    runtime = door.CriRuntime("unix:///nonexistent")
    runtime._runtime = SimpleNamespace(Version=version)
    runtime.network_ready = network_ready
    with pytest.raises(RuntimeFault, match="broken"):
        await runtime.ready(1.0)
    await runtime.close()


async def test_the_first_question_may_be_too_early(monkeypatch):
    """containerd was killed and comes back: it refuses even to say its version, twice."""
    asked = []

    async def early(*_, **__):
        asked.append(1)
        if len(asked) <= 2:
            raise RuntimeFault("UNKNOWN", "server is not initialized yet")
        return await version()

    async def network_ready():
        return ""

    monkeypatch.setattr(door, "LOOK_EVERY_S", 0.001)
    runtime = door.CriRuntime("unix:///nonexistent")
    runtime._runtime = SimpleNamespace(Version=early)
    runtime.network_ready = network_ready
    try:
        assert "1.6" == (await runtime.ready(1.0)).version
    finally:
        await runtime.close()

    assert 3 == len(asked)


async def test_who_is_never_ready_is_given_up(monkeypatch):
    """The time is over and the runtime still reads."""

    async def network_ready():
        raise RuntimeFault("UNKNOWN", "server is not initialized yet")

    monkeypatch.setattr(door, "LOOK_EVERY_S", 0.001)
    runtime = door.CriRuntime("unix:///nonexistent")
    runtime._runtime = SimpleNamespace(Version=version)
    runtime.network_ready = network_ready
    with pytest.raises(RuntimeFault, match="not initialized"):
        await runtime.ready(0.01)
    await runtime.close()
