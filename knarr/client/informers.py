"""Share one informer per kind among all components of a process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar, cast

from knarr.api.kinds import Kind
from knarr.base.clock import Clock
from knarr.base.rng import Rng
from knarr.client.client import EVERYTHING, Client, Partial, Selection, row_of
from knarr.client.informer import Informer, What

T = TypeVar("T")


class Informers:
    """Make informers on demand, run each, and give the same one to all who ask for the same."""

    def __init__(self, client: Client, *, clock: Clock, rng: Rng) -> None:
        self.client = client
        self._clock = clock
        self._rng = rng
        self._kept: dict[tuple[type[Any], What], Informer[Any]] = {}
        self._fresh: list[Informer[Any]] = []       # bounded by the kinds there are
        self._asked = asyncio.Event()

    def of(self, of: type[T], selection: Selection = EVERYTHING) -> Informer[T]:
        """Return the informer of a typed kind. It starts with `run`, or at once if that is running."""
        return self._keep(of, What(row_of(of), selection))

    def metadata_of(self, kind: Kind) -> Informer[Partial]:
        """Return the informer of a kind's metadata alone, for kinds one has no struct for, or no use."""
        return self._keep(Partial, What(kind))

    def __iter__(self) -> Iterator[Informer[Any]]:
        """Walk the informers made so far."""
        return iter(list(self._kept.values()))

    async def wait_synced(self) -> None:
        """Wait for the first list of every informer asked for so far."""
        for informer in self:
            await informer.wait_synced()

    async def run(self) -> NoReturn:
        """Run all informers, present and to come, for ever. A bug in one ends all."""
        async with asyncio.TaskGroup() as group:
            while True:
                while self._fresh:
                    informer = self._fresh.pop()
                    group.create_task(informer.run(), name=f"informer {informer.kind.plural}")
                self._asked.clear()
                await self._asked.wait()
        raise AssertionError("unreachable: the loop above ends only by an exception")

    def _keep(self, of: type[T], what: What) -> Informer[T]:
        kept = self._kept.get((of, what))
        if kept is None:
            rng = self._rng.child(f"informer/{what.kind.resource}")
            kept = self._kept[of, what] = Informer(self.client, of, clock=self._clock, rng=rng, what=what)
            self._fresh.append(kept)
            self._asked.set()
        return cast("Informer[T]", kept)
