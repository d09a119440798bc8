"""Informers that the test itself fills."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from knarr.api.types.core_v1 import Service


class Copy:
    """An informer that the test itself fills."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Any] = {}
        self.handlers: list[Callable[[Any, Any], None]] = []
        self.batch_handlers: list[Callable[[], None]] = []
        self.synced = True
        self.values_of: Callable[[Any], list[str]] = lambda _: []

    def get(self, namespace: str, name: str) -> Any:
        return self.objects.get((namespace, name))

    def index(self, _: str, values_of: Callable[[Any], list[str]]) -> None:
        self.values_of = values_of

    def by(self, _: str, value: str) -> list[Any]:
        return [obj for obj in self.objects.values() if value in self.values_of(obj)]

    def on_change(self, handler: Callable[[Any, Any], None]) -> None:
        self.handlers.append(handler)
        for obj in self.objects.values():
            handler(None, obj)

    def on_batch(self, handler: Callable[[], None]) -> None:
        self.batch_handlers.append(handler)

    async def wait_synced(self) -> None:
        return

    def put(self, obj: Any) -> None:
        key = (obj.metadata.namespace, obj.metadata.name)
        old, self.objects[key] = self.objects.get(key), obj
        for handler in self.handlers:
            handler(old, obj)
        for done in self.batch_handlers:
            done()


class Cluster:
    """Both informers, as `Informers` gives them."""

    def __init__(self) -> None:
        self.services, self.slices = Copy(), Copy()

    def of(self, kind: type) -> Copy:
        return self.services if kind is Service else self.slices

    def put(self, *objects: Any) -> None:
        for obj in objects:
            (self.services if isinstance(obj, Service) else self.slices).put(obj)


def uvloop_run(story: Coroutine[Any, Any, Any]) -> Any:
    """Run on the loop that the real process uses."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(story)
