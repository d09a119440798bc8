"""Hand out keys to workers: a key that is added many times is worked once, and never by two workers at a time.

Source for the rules: client-go util/workqueue/queue.go and delaying_queue.go.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

KEYS_MAX = 1_000_000  # keys waiting; far above any cluster this process can hold in memory


class QueueFull(Exception):
    """More distinct keys wait than the queue may hold. The producer makes keys nobody can work off: a bug."""


class WorkQueue(Generic[K]):
    """A set of keys in order of arrival, with delayed adds. Lives on one loop; not for threads."""

    def __init__(self, keys_max: int = KEYS_MAX) -> None:
        self._keys_max = keys_max
        self._ready: deque[K] = deque()
        self._waiting: set[K] = set()       # in _ready, or to be put there by done()
        self._working: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._idlers: deque[asyncio.Future[None]] = deque()     # workers without a key, one is woken for each key

    def __len__(self) -> int:
        """Count the keys that wait for a worker."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Tell whether nothing waits and nobody works (timers may still be armed)."""
        return not self._waiting and not self._working

    def add(self, key: K) -> None:
        """Ask for `key` to be worked; while it is being worked it waits for its turn."""
        if key in self._waiting:
            return
        if len(self._waiting) >= self._keys_max:
            raise QueueFull(f"{self._keys_max} keys wait already; {key!r} found no room")
        self._waiting.add(key)
        if key not in self._working:
            self._push(key)

    def add_after(self, key: K, *, delay_s: float) -> None:
        """Add `key` once `delay_s` has passed; of two delays for one key the earlier wins."""
        if delay_s <= 0:
            self.add(key)
            return
        loop = asyncio.get_running_loop()
        armed = self._timers.get(key)
        if armed is not None and armed.when() <= loop.time() + delay_s:
            return
        if armed is not None:
            armed.cancel()
        elif len(self._timers) >= self._keys_max:
            raise QueueFull(f"{self._keys_max} timers are armed already; {key!r} found no room")
        self._timers[key] = loop.call_later(delay_s, self._ring, key)

    async def get(self) -> K:
        """Take the next key; give it back with `done`."""
        return (await self.get_batch(1))[0]

    async def get_batch(self, keys_max: int) -> list[K]:
        """Wait for work, then take all of it, up to `keys_max`. Each key must be given back with `done`."""
        while not self._ready:
            await self._arrival()
        batch = [self._ready.popleft() for _ in range(min(keys_max, len(self._ready)))]
        self._waiting.difference_update(batch)
        self._working.update(batch)
        return batch

    def done(self, key: K) -> None:
        """Give a key back; if it was added meanwhile it is ready again."""
        assert key in self._working, f"{key!r} was not taken"
        self._working.remove(key)
        if key in self._waiting:
            self._push(key)

    def close(self) -> None:
        """Disarm the timers."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _push(self, key: K) -> None:
        self._ready.append(key)
        self._wake()

    def _wake(self) -> None:
        """Wake one worker: a key is work for no more than one."""
        while self._idlers:
            idler = self._idlers.popleft()
            if not idler.done():
                idler.set_result(None)
                return

    async def _arrival(self) -> None:
        idler = asyncio.get_running_loop().create_future()
        self._idlers.append(idler)
        try:
            await idler
        except asyncio.CancelledError:
            if idler in self._idlers:
                self._idlers.remove(idler)
            elif self._ready:
                self._wake()        # it was for a key that we shall not take
            raise

    def _ring(self, key: K) -> None:
        del self._timers[key]
        self.add(key)
