"""The simulated world on small, told stories; `tests/sim` plays whole seeds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from knarr.api.types.core_v1 import Node
from knarr.base import virtual
from knarr.base.clock import ManualClock
from knarr.base.rng import Rng
from knarr.client.client import STRATEGIC
from knarr.sim.mirror import is_ready
from knarr.sim.world import START_S, World

Story = Callable[[World], Awaitable[None]]


def live(folder: Path, story: Story, *, nodes: int = 2) -> None:
    """Let a story happen in a world of its own."""
    clock = ManualClock(START_S)

    async def program() -> None:
        async with asyncio.TaskGroup() as group:
            world = World(Rng(1), clock, folder, group=group)
            await world.start(nodes)
            await story(world)
            for part in world.parts():
                await part.crash()

    virtual.run(program(), clock)


def test_a_node_that_was_taken_for_lost_says_soon_that_it_lives(tmp_path):
    """The node controller has marked it Unknown; nothing about the node has changed, and yet it must say so again."""
    async def story(world):
        conditions = [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]
        await world.user.patch(Node, "", "node-1", patch={"status": {"conditions": conditions}},
                               content_type=STRATEGIC, subresource="status")
        await world.until(lambda: world.laws.ready_nodes() == 1)
        await world.until(lambda: world.laws.ready_nodes() == 2, limit_s=15)

    live(tmp_path, story)


def test_what_was_committed_outlives_the_server(tmp_path):
    """The server dies in the middle of its work, ten times; every node is there and ready after each."""
    async def story(world):
        for _ in range(10):
            names = sorted(node["metadata"]["name"] for node in world.laws.mirror.all("nodes"))
            assert ["node-1", "node-2"] == names
            world.network.doom_server()
            await world.server.crash()
            await asyncio.sleep(0.5)
            world.server.start()
            await world.until(lambda: world.network.server is not None)
            assert all(map(is_ready, world.laws.mirror.all("nodes")))
        assert [] == world.laws.broken

    live(tmp_path, story)
