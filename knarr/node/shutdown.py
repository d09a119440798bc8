"""End pods before the machine goes down: band by band, the least important first, each band within its own time.

A pod that is ended so has failed, with the reason Terminated, and its controller makes another elsewhere. Meanwhile the
node is not Ready and takes no pods. Source: kube kubelet/nodeshutdown/nodeshutdown_manager.go.
"""

from __future__ import annotations

import bisect
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Final

import structlog

from knarr.base.clock import Clock
from knarr.node.podmachine.state import Evict, Refusal
from knarr.node.rules import Band
from knarr.node.status import OVER, TERMINAL
from knarr.node.worker import PodWorker

REASON, MESSAGE = "Terminated", "Pod was terminated in response to imminent node shutdown."
REFUSED: Final = Refusal("NodeShutdown", "Pod was rejected as the node is shutting down.")
TROUBLE: Final = "node is shutting down"
LOOK_S: Final = 0.1           # how often it is looked whether a band has ended
SEEN, CANCELLED = "Shutdown manager detected shutdown event", "Shutdown manager detected shutdown cancellation"

log = structlog.get_logger()


class Shutdown:
    """One node's way down. `active` from the moment it is known until it is called off."""

    def __init__(self, bands: Sequence[Band], clock: Clock, *, workers: Callable[[], Iterable[PodWorker]]) -> None:
        self._bands = bands
        self._clock = clock
        self._workers = workers
        self.active = False

    def trouble(self) -> str:
        """Return why the node takes no pods, empty where it does."""
        return TROUBLE if self.active else ""

    def refusal(self) -> Refusal | None:
        """Return what a pod is told that comes now."""
        return REFUSED if self.active else None

    async def run(self, coming: AsyncIterator[bool], tell: Callable[[str], None]) -> None:
        """Follow what is known of the machine: True: it goes down; False: it does not, after all.

        tell: records an event about the node, and has its condition shown at once.
        """
        async for down in coming:
            if not self._bands:
                log.info("shutdown.immediate", coming=down)
            elif down and not self.active:
                self.active = True
                tell(SEEN)
                await self._end_pods()
            elif self.active and not down:
                self.active = False
                tell(CANCELLED)

    async def _end_pods(self) -> None:
        living = [worker for worker in self._workers() if worker.machine.phase not in OVER
                  and worker.machine.pod.status.phase not in TERMINAL]
        for band, workers in banded(self._bands, living):
            log.info("shutdown.band", priority=band.priority, pods=len(workers), grace_s=band.grace_s)
            for worker in workers:
                asked_s = worker.machine.pod.spec.terminationGracePeriodSeconds
                grace_s = band.grace_s if asked_s is None else min(float(asked_s), band.grace_s)
                worker.post(Evict(MESSAGE, grace_s, REASON))
            await self._ended(workers, band.grace_s)

    async def _ended(self, workers: Sequence[PodWorker], limit_s: float) -> None:
        """Wait until nothing of these pods runs, or their time is over."""
        until_s = self._clock.monotonic_s() + limit_s
        while any(worker.machine.phase not in OVER for worker in workers) and self._clock.monotonic_s() < until_s:
            await self._clock.sleep(LOOK_S)


def banded(bands: Sequence[Band], workers: Iterable[PodWorker]) -> list[tuple[Band, list[PodWorker]]]:
    """Return the bands that have pods, lowest first: each pod in the highest band that is not above its priority.

    What is below the lowest band belongs to it, too. Pure.
    """
    ordered = sorted(bands, key=lambda band: band.priority)
    found: dict[int, list[PodWorker]] = {}
    for worker in workers:
        priority = worker.machine.pod.spec.priority or 0
        place = bisect.bisect_right([band.priority for band in ordered], priority) - 1
        found.setdefault(max(0, place), []).append(worker)
    return [(ordered[place], found[place]) for place in sorted(found)]
