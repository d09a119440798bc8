"""Run controllers against the toy API server on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from knarr.base import virtual
from knarr.base.clock import ManualClock
from knarr.base.rng import Rng
from knarr.base.times import rfc3339
from knarr.client.client import Client
from knarr.client.informers import Informers
from knarr.client.transport import InProcess
from knarr.reconcile.runner import Controller, Setup
from tests.unit.fake_api import FakeApi

START_S = 1_767_225_600.0     # 2026-01-01T00:00:00Z, the toy server's creationTimestamp


def play(controllers: list[Controller[Any]], story: Callable[[FakeApi], Awaitable[None]]) -> FakeApi:
    """Start controllers, let the story happen, and return the server as it was left."""
    clock = ManualClock(START_S)
    api = FakeApi(clock.now_s)

    async def program() -> None:
        informers = Informers(Client(InProcess(api.handle)), clock=clock, rng=Rng(1))
        setup = Setup(informers, clock, Rng(2))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(informers.run()), group.create_task(kubelet(api))]
            tasks += [group.create_task(controller.run(setup)) for controller in controllers]
            await asyncio.sleep(0.001)
            await story(api)
            for task in tasks:
                task.cancel()

    virtual.run(program(), clock)
    return api


async def kubelet(api: FakeApi) -> None:
    """Run each pod a moment after it was made, one at a time, and make it ready; an absent image never runs."""
    while True:
        await asyncio.sleep(0.05)
        for pod in api.all("pods"):
            absent = any(c.get("image", "").startswith("absent") for c in pod["spec"].get("containers", ()))
            if absent or pod["status"].get("phase") == "Running" or pod["metadata"].get("deletionTimestamp"):
                continue
            ready = {"type": "Ready", "status": "True", "lastTransitionTime": rfc3339(api.now_s())}
            api.put({**pod, "metadata": dict(pod["metadata"]), "status": {"phase": "Running", "conditions": [ready]}})
            break


def events(api: FakeApi) -> list[str]:
    """Return the events as `reason: message`, in order."""
    told = sorted(api.all("events"), key=lambda event: int(event["metadata"]["resourceVersion"]))
    return [f"{event['reason']}: {event['message']}" for event in told]
