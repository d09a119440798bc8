"""Work off the namespaces that are being deleted."""

from __future__ import annotations

import asyncio
from typing import NoReturn

import structlog

from knarr.api.errors import ApiError, Conflict, NotFound
from knarr.api.types.core_v1 import Namespace
from knarr.base.backoff import Backoff
from knarr.base.workqueue import WorkQueue
from knarr.client.client import Client
from knarr.client.informer import Informer
from knarr.controllers.namespace.observe import observe
from knarr.controllers.namespace.plan import Step, plan
from knarr.reconcile.runner import Setup

# What remains mostly waits for pods to end; the first looks are quick because most end at once.
LOOK_AGAIN = Backoff(first_s=0.05, factor=2, cap_s=2)
LOOKS_MAX, RARELY_S = 60, 30.0  # two minutes of that; what is left then waits for somebody, and a look lists all kinds
WORKERS = 4  # namespaces side by side

log = structlog.get_logger()


async def run(setup: Setup) -> NoReturn:
    """End namespaces for ever, or until a bug."""
    await Ender(setup).run()
    raise AssertionError("unreachable: workers end only by an exception")


class Ender:
    """The controller at work."""

    def __init__(self, setup: Setup) -> None:
        self._client: Client = setup.informers.client
        self._clock = setup.clock
        self._namespaces: Informer[Namespace] = setup.informers.of(Namespace)
        self._queue: WorkQueue[str] = WorkQueue()
        self._looks: dict[str, int] = {}

    async def run(self) -> None:
        """Follow namespaces and work."""
        self._namespaces.on_change(self._changed)
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(WORKERS):
                    group.create_task(self._work(), name=f"namespace {number}")
        finally:
            self._queue.close()

    def _changed(self, old: Namespace | None, new: Namespace | None) -> None:
        if new is None:
            self._looks.pop((old.metadata.name or "") if old else "", None)
        elif new.metadata.deletionTimestamp is not None and (old is None or old.metadata.deletionTimestamp is None):
            self._queue.add(new.metadata.name or "")

    async def _work(self) -> NoReturn:
        while True:
            name = await self._queue.get()
            try:
                if not await self._pass(name):
                    looks = self._looks[name] = self._looks.get(name, 0) + 1
                    delay_s = LOOK_AGAIN.delay_s(looks - 1) if looks <= LOOKS_MAX else RARELY_S
                    self._queue.add_after(name, delay_s=delay_s)
            finally:
                self._queue.done(name)

    async def _pass(self, name: str) -> bool:
        """Bring one namespace nearer to its end; tell whether it is there."""
        try:
            found = await self._client.get(Namespace, "", name)
            if found.metadata.deletionTimestamp is None:
                return True
            view = await observe(self._client, found, now_s=self._clock.now_s())
            return await self._write(plan(view))
        except NotFound:
            return True
        except Conflict:
            return False
        except (ApiError, OSError) as error:
            log.warning("namespace.retry", namespace=name, error=str(error))
            return False

    async def _write(self, step: Step) -> bool:
        stored = await self._client.update_status(step.status) if step.status is not None else None
        if step.final is None:
            return False
        version = (stored or step.final).metadata
        await self._client.update(Namespace(metadata=version, spec=step.final.spec), subresource="finalize")
        return True
