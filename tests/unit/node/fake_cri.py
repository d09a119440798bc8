"""The runtime in memory, for tests: it notes what it was asked, and refuses what it is told to refuse."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from knarr.sim.runtime import MemoryRuntime


@dataclass(slots=True)
class FakeRuntime(MemoryRuntime):
    """faults: method name -> what the next calls raise, in order. held: method name -> what its calls wait for."""

    calls: list[str] = field(default_factory=list)
    faults: dict[str, list[BaseException]] = field(default_factory=dict)
    held: dict[str, asyncio.Event] = field(default_factory=dict)

    async def reach(self, call: str) -> None:
        self.calls.append(call)
        if call in self.held:
            await self.held[call].wait()
        if self.faults.get(call):
            raise self.faults[call].pop(0)
