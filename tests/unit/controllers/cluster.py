"""A control plane in one process, on virtual time: the real API server over memory, controllers, the scheduler."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import orjson

from knarr.api.http import Call
from knarr.apiserver.server import ApiServer
from knarr.base import virtual
from knarr.base.clock import ManualClock
from knarr.base.rng import Rng
from knarr.client.client import Client
from knarr.client.informers import Informers
from knarr.client.transport import CONTROL_PLANE, InProcess
from knarr.controllers import starters
from knarr.reconcile.runner import Setup
from knarr.scheduler.run import run as schedule
from knarr.store.memory import open_memory

PLURALS = {"Node": "nodes", "Namespace": "namespaces", "PersistentVolume": "persistentvolumes",
           "StorageClass": "storageclasses", "PriorityClass": "priorityclasses"}


@dataclass
class Cluster:
    """What a story may do: ask the API in plain JSON, and let time pass."""

    server: ApiServer
    clock: ManualClock

    async def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json", **query: str) -> Any:
        """Send a request; an answer of 400 and above fails the story unless it is asked for with `status`."""
        headers = {"content-type": kind}
        call = Call(method, path, query, headers, orjson.dumps(body) if body is not None else b"", CONTROL_PLANE)
        answer = await self.server.handle(call)
        found = orjson.loads(answer.body) if answer.body else {}
        assert answer.status < 400 or answer.status == 404, (method, path, found)
        return found if answer.status < 400 else None

    async def create(self, obj: dict[str, Any], namespace: str = "default") -> Any:
        """Create an object of a core kind, or of any kind by its apiVersion."""
        group = obj["apiVersion"]
        root = f"/apis/{group}" if "/" in group else f"/api/{group}"
        cluster_wide = obj["kind"] in PLURALS
        plural = PLURALS.get(obj["kind"], obj["kind"].lower() + "s")
        where = f"{root}/{plural}" if cluster_wide else f"{root}/namespaces/{namespace}/{plural}"
        return await self.ask("POST", where, obj)

    async def names(self, path: str) -> list[str]:
        """List names."""
        return [one["metadata"]["name"] for one in (await self.ask("GET", path))["items"]]

    async def events(self, namespace: str = "default") -> list[str]:
        """List `reason: message` of all events."""
        found = (await self.ask("GET", f"/api/v1/namespaces/{namespace}/events"))["items"]
        return [f"{one['reason']}: {one['message']}" for one in found]

    async def pass_time(self, seconds_s: float = 1.0) -> None:
        """Let everything settle."""
        await asyncio.sleep(seconds_s)


def live(names: tuple[str, ...], story: Callable[[Cluster], Awaitable[None]], *, scheduler: bool = False) -> None:
    """Start the server and some controllers, and let the story happen."""
    clock = ManualClock(1_767_225_600.0)

    async def program() -> None:
        server = ApiServer(open_memory(), clock=clock, rng=Rng(3))
        await server.start()
        informers = Informers(Client(InProcess(server.handle)), clock=clock, rng=Rng(1))
        setup = Setup(informers, clock, Rng(2), SimpleNamespace(ca_pem="PEM"))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(informers.run())]
            tasks += [group.create_task(start(setup)) for start in starters(names).values()]
            tasks += [group.create_task(schedule(setup))] if scheduler else []
            await asyncio.sleep(0.5)
            await story(Cluster(server, clock))
            for task in tasks:
                task.cancel()

    virtual.run(program(), clock)


def node(name: str) -> dict[str, Any]:
    """Make a node that is ready."""
    room = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    return {
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}, "annotations": {
            "knarr.dev/volumes-dir": "/data/volumes"}},
        "status": {
            "allocatable": room, "capacity": room,
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]}}


def pod(name: str, **spec: Any) -> dict[str, Any]:
    """Make a pod."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
            "spec": {"containers": [{"name": "c", "image": "i"}], **spec}}
