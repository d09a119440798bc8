"""Tell a pod how far a long pull has come, in its events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from knarr.base.clock import Clock
from knarr.node.cri.face import PullProgress, Runtime, RuntimeFault
from knarr.node.images import ImageFault, normalize

FIRST_S, MOST_S = 10.0, 60.0     # until the first word, doubled for each that follows, up to the second
MB = 1_000_000


@asynccontextmanager
async def told(runtime: Runtime, image: str, *, clock: Clock, say: Callable[[str], None]) -> AsyncIterator[None]:
    """Say now and then how far a pull is, while it goes on inside. Where the runtime does not know, nothing is said."""
    failed: ImageFault | None = None
    async with asyncio.TaskGroup() as group:
        telling = group.create_task(_tell(runtime, image, clock, say))
        try:
            yield
        except ImageFault as fault:
            failed = fault      # kept from the group, which would wrap it
        finally:
            telling.cancel()
    if failed is not None:
        raise failed


async def _tell(runtime: Runtime, image: str, clock: Clock, say: Callable[[str], None]) -> None:
    pause_s, before = FIRST_S, 0
    while True:
        await clock.sleep(pause_s)
        try:
            found = await runtime.pull_progress(normalize(image))
        except RuntimeFault:
            return      # it cannot tell, or is away: the pull itself says what is wrong
        if found is not None:
            say(f'Pulling image "{image}": {described(found, before, pause_s)}')
            before = found.done_bytes
        pause_s = min(2 * pause_s, MOST_S)


def described(now: PullProgress, before_bytes: int, passed_s: float) -> str:
    """Say how much is there, of how much, and how fast it comes.

    >>> described(PullProgress(120_000_000, 480_000_000), 0, 10.0)
    '120.0 of 480.0 MB (25%), 12.0 MB/s'
    """
    share = 100 * now.done_bytes // max(1, now.total_bytes)
    rate = max(0, now.done_bytes - before_bytes) / MB / passed_s
    return f"{now.done_bytes / MB:.1f} of {now.total_bytes / MB:.1f} MB ({share}%), {rate:.1f} MB/s"
