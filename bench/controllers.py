"""Apply a Deployment on a machine whose pods run at once; print how long the control plane takes to call it Available.

API server, SQLite at FULL and controllers in one process; what a real node adds is not in it. Figures: our share of
the 0.40 s, and of the 10 s, that the whole way may take. Prints `name value unit figure` lines.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import structlog
import uvloop

from knarr.api.types.apps_v1 import Deployment
from knarr.api.types.core_v1 import Pod, ServiceAccount
from knarr.apiserver.server import ApiServer
from knarr.base.clock import SystemClock
from knarr.base.rng import Rng
from knarr.client.client import Client
from knarr.client.informers import Informers
from knarr.client.transport import InProcess
from knarr.controllers import starters
from knarr.reconcile.runner import Setup
from knarr.store.sqlite import open_sqlite

NAMES = ("deployment", "endpoints", "endpointslices", "replicaset", "serviceaccounts", "statefulset")
ROUNDS = 5
IDLE_S = 5.0
READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}


async def main() -> None:
    """Measure one replica, a hundred, and doing nothing."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        store = open_sqlite(Path(folder, "state.db"))
        server = ApiServer(store, clock=clock, rng=Rng(3))
        await server.start()
        informers = Informers(Client(InProcess(server.handle)), clock=clock, rng=Rng(1))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(informers.run())]
            setup = Setup(informers, clock, Rng(2))
            tasks += [group.create_task(start(setup)) for start in starters(NAMES).values()]
            tasks.append(group.create_task(kubelet(informers)))
            await ready(informers)
            for replicas, figure_ms in ((1, 100), (100, 1_500)):
                taken_ms = [await measure(informers, f"d{replicas}-{n}", replicas) for n in range(ROUNDS)]
                print(f"deployment_{replicas}_available {statistics.median(taken_ms):.0f} ms {figure_ms}")
            await asyncio.sleep(1)
            before_s = time.process_time()
            await asyncio.sleep(IDLE_S)
            print(f"controllers_idle {(time.process_time() - before_s) / IDLE_S * 100:.3f} % 0.5")
            for task in tasks:
                task.cancel()
        await store.close()


async def measure(informers: Informers, name: str, replicas: int) -> float:
    """Return the milliseconds from sending a Deployment until it is Available with all replicas."""
    done = asyncio.Event()

    def changed(old: Deployment | None, new: Deployment | None) -> None:
        if new is not None and new.metadata.name == name and new.status.availableReplicas == replicas:
            done.set()

    informers.of(Deployment).on_change(changed)
    started_s = time.perf_counter()
    await informers.client.create(deployment(name, replicas))
    await asyncio.wait_for(done.wait(), 60)
    return (time.perf_counter() - started_s) * 1e3


async def kubelet(informers: Informers) -> None:
    """Run each pod as soon as it is there."""
    fresh: asyncio.Queue[Pod] = asyncio.Queue(maxsize=10_000)
    informers.of(Pod).on_change(lambda old, new: fresh.put_nowait(new) if old is None and new is not None else None)

    async def work() -> None:
        while True:
            pod = await fresh.get()
            number = int(pod.metadata.resourceVersion or 0)
            ip = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
            status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [READY]}
            namespace, name = pod.metadata.namespace or "", pod.metadata.name or ""
            await informers.client.patch(Pod, namespace, name, patch={"status": status}, subresource="status")

    async with asyncio.TaskGroup() as group:
        for _ in range(16):
            group.create_task(work())


async def ready(informers: Informers) -> None:
    """Wait until pods can be made: the namespace has its service account."""
    accounts = informers.of(ServiceAccount)
    made = asyncio.Event()
    accounts.on_change(lambda old, new: made.set() if new is not None and new.metadata.namespace == "default" else None)
    await made.wait()


def deployment(name: str, replicas: int) -> Deployment:
    """Return a Deployment of so many replicas."""
    template: dict[str, Any] = {
        "metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return msgspec.convert({"metadata": {"name": name, "namespace": "default"}, "spec": spec}, Deployment)


if __name__ == "__main__":
    uvloop.run(main())
