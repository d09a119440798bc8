"""Run controllers against the toy API server on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from knarr.base import virtual
from knarr.base.clock import ManualClock
from knarr.base.rng import Rng
from knarr.client.client import Client
from knarr.client.informers import Informers
from knarr.client.transport import InProcess
from knarr.reconcile.runner import Controller, Setup
from tests.unit.fake_api import FakeApi

START_S = 1_767_225_600.0     # 2026-01-01T00:00:00Z, the toy server's creationTimestamp


def play(controllers: list[Controller[Any]], story: Callable[[FakeApi], Awaitable[None]]) -> FakeApi:
    """Start controllers, let the story happen, and return the server as it was left."""
    clock = ManualClock(START_S)
    api = FakeApi()

    async def program() -> None:
        informers = Informers(Client(InProcess(api.handle)), clock=clock, rng=Rng(1))
        setup = Setup(informers, clock, Rng(2))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(informers.run())]
            tasks += [group.create_task(controller.run(setup)) for controller in controllers]
            await asyncio.sleep(0.001)
            await story(api)
            for task in tasks:
                task.cancel()

    virtual.run(program(), clock)
    return api


def events(api: FakeApi) -> list[str]:
    """Return the events as `reason: message`, in order."""
    told = sorted(api.all("events"), key=lambda event: int(event["metadata"]["resourceVersion"]))
    return [f"{event['reason']}: {event['message']}" for event in told]
