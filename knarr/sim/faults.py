"""Strike the world: each fault begins, lasts, and ends by itself. Which, when and how long, the dice say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from knarr.sim.world import World


async def strike(world: World) -> None:
    """Let one fault happen, from its beginning to its end."""
    await world.rng.choice(FAULTS)(world)


Fault = Callable[[World], Awaitable[None]]
FAULTS: tuple[Fault, ...] = ()
