"""When a runtime can be used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from knarr.node.cri import runtime as door
from knarr.node.cri.face import AWAY, RuntimeFault

EARLY = RuntimeFault(AWAY, "server is not initialized yet")


class Young:
    """A runtime that was just started. faults: what it answers at first, to its version's and its network's question."""

    def __init__(self) -> None:
        self.door = door.CriRuntime("unix:///nonexistent")
        self.door._runtime = SimpleNamespace(Version=self._version)
        self.door.network_ready = self._network_ready
        self.version_faults: list[RuntimeFault] = []
        self.network_faults: list[RuntimeFault] = []
        self.asked = 0

    async def _version(self, *_: object, **__: object) -> SimpleNamespace:
        if self.version_faults:
            raise self.version_faults.pop()
        return SimpleNamespace(runtime_name="containerd", runtime_version="1.6")

    async def _network_ready(self) -> str:
        self.asked += 1
        if self.network_faults:
            raise self.network_faults.pop()
        return ""


@pytest.fixture
async def young(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Young]:
    monkeypatch.setattr(door, "LOOK_EVERY_S", 0.001)
    runtime = Young()
    yield runtime
    await runtime.door.close()


@pytest.mark.parametrize("early", [
    pytest.param(2, id="it listens before it has read what it runs"),
    pytest.param(0, id="at once"),
])
async def test_ready_waits_until_the_runtime_knows_its_pods(young, early):
    """`knarr down` after a restart asked too early, and was refused."""
    young.network_faults = [EARLY] * early
    assert "containerd" == (await young.door.ready(1.0)).name
    assert early + 1 == young.asked


async def test_another_fault_is_told(young):
    """A runtime that fails for good is not waited for."""
    young.network_faults = [RuntimeFault("INTERNAL", "broken")]
    with pytest.raises(RuntimeFault, match="broken"):
        await young.door.ready(1.0)


async def test_the_first_question_may_be_too_early(young):
    """containerd was killed and comes back: it refuses even to say its version, twice."""
    young.version_faults = [EARLY] * 2
    assert "1.6" == (await young.door.ready(1.0)).version
    assert [] == young.version_faults
