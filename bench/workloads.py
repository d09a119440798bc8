"""Run a thousand Deployments of ten replicas on simulated nodes; then leave them alone; then delete their namespace.

API server, SQLite at FULL, all controllers and the scheduler in one process, with nodes that tell the API what an agent
tells it and do nothing else (`bench.fleet`): in a cluster of a hundred machines their work is not done here. To have it
done here, by real agents over container runtimes in memory (`knarr.sim.machine`), say so. Prints `name value unit
figure` lines. The size may be given: `python -m bench.workloads 100`, `python -m bench.workloads 100 agents`.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import structlog
import uvloop

from bench.controllers import deployment
from bench.fleet import Fleet
from knarr.api.types.apps_v1 import Deployment
from knarr.api.types.core_v1 import Namespace, Node, Pod, ServiceAccount
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.apiserver.server import ApiServer
from knarr.assembly.components import PARTS, together
from knarr.assembly.process import collect_rarely
from knarr.base.clock import SystemClock
from knarr.base.rng import Rng
from knarr.client.client import Client, Selection
from knarr.client.informers import Informers
from knarr.client.transport import InProcess
from knarr.sim.machine import Machine, Plot
from knarr.store.sqlite import open_sqlite

DEPLOYMENTS, REPLICAS = 1_000, 10
PODS_OF_NODE = 100
NAMESPACE = "many"
SENDERS = 16
IDLE_S = 20.0
SETTLE_S = 5.0
LIMIT_S = 600.0
FIGURES = {"available_s": 40.0, "delete_s": 15.0, "idle_percent": 0.5}


async def main(deployments: int, *, agents: bool) -> None:
    """Measure coming up, idling and going. agents: real ones."""
    collect_rarely()  # as every process of ours
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory() as folder:
        store = open_sqlite(Path(folder, "state.db"))
        clock, rng = SystemClock(), Rng(3)
        server = ApiServer(store, clock=clock, rng=rng)
        await server.start()
        client = Client(InProcess(server.handle))
        watched = Informers(client, clock=clock, rng=rng.child("bench"))
        async with asyncio.TaskGroup() as group:
            settings = SimpleNamespace(ca_pem="PEM", ca_key_pem="", account_token=None, public_url="")

            def controllers() -> asyncio.Task[None]:
                return group.create_task(together(PARTS, client, clock=clock, rng=rng, settings=settings))

            tasks = [controllers(), group.create_task(watched.run())]
            nodes = -(-deployments * REPLICAS // PODS_OF_NODE) + 1
            lives = [Fleet(client, watched, clock, nodes=nodes).live]
            if agents:
                plots = [Plot(f"node-{number}", number, Path(folder, f"node-{number}"), cpus=64)
                         for number in range(1, nodes + 1)]
                lives = [Machine(plot, InProcess(server.handle), clock=clock, rng=rng.child(plot.name)).live
                         for plot in plots]
            tasks += [group.create_task(live()) for live in lives]
            await prepare(client, watched, nodes)
            await come_up(client, watched, deployments)
            await idle(tasks[0])
            tasks[0] = controllers()
            await asyncio.sleep(SETTLE_S)
            await go(client, watched)
            for task in tasks:
                task.cancel()
        await store.close()


async def prepare(client: Client, watched: Informers, nodes: int) -> None:
    """Wait for nodes that are ready and a namespace that may have pods."""
    await client.create(Namespace(metadata=ObjectMeta(name=NAMESPACE)))
    accounts, known = watched.of(ServiceAccount), watched.of(Node)
    watched.of(Deployment)
    watched.of(Pod, Selection(namespace=NAMESPACE))
    await watched.wait_synced()
    await until(lambda: accounts.get(NAMESPACE, "default") is not None and sum(map(is_ready, known.all())) >= nodes)


def is_ready(node: Node) -> bool:
    """Tell whether a node is ready."""
    return any(one.type == "Ready" and one.status == "True" for one in node.status.conditions)


async def come_up(client: Client, watched: Informers, deployments: int) -> None:
    """Create all, and wait until all are available."""
    began_s, cpu_s, memory_mb = time.perf_counter(), time.process_time(), resident_mb()
    names = iter(range(deployments))

    async def send() -> None:
        for number in names:
            made = deployment(f"d{number}", REPLICAS)
            meta = ObjectMeta(name=made.metadata.name, namespace=NAMESPACE)
            await client.create(Deployment(metadata=meta, spec=made.spec))

    async with asyncio.TaskGroup() as group:
        for _ in range(SENDERS):
            group.create_task(send())
    shown = watched.of(Deployment)
    await until(lambda: sum(one.status.availableReplicas or 0 for one in shown.all()) >= deployments * REPLICAS)
    taken_s, pods = time.perf_counter() - began_s, deployments * REPLICAS
    print(f"workloads_{deployments}_available {taken_s:.1f} s {FIGURES['available_s'] * deployments / DEPLOYMENTS:.1f}")
    print(f"workloads_rate {pods / taken_s:.0f} pods/s {DEPLOYMENTS * REPLICAS / FIGURES['available_s']:.0f}")
    print(f"workloads_cpu {(time.process_time() - cpu_s) / pods * 1e3:.2f} ms/pod 4.00")
    print(f"workloads_memory {(resident_mb() - memory_mb) / pods * 1e3:.0f} kB/pod 60")


async def idle(controllers: asyncio.Task[None]) -> None:
    """Let only the nodes' heartbeats come, and count what the controllers make of them: with them, and without."""
    await asyncio.sleep(SETTLE_S)
    whole = await percent()
    controllers.cancel()
    await asyncio.wait([controllers])
    rest = await percent()
    print(f"workloads_idle_controllers {whole - rest:.2f} % {FIGURES['idle_percent']}")


async def percent() -> float:
    """Return how much of one core this process takes."""
    cpu_s = time.process_time()
    await asyncio.sleep(IDLE_S)
    return (time.process_time() - cpu_s) / IDLE_S * 100


async def go(client: Client, watched: Informers) -> None:
    """Delete the namespace, and wait until it is gone."""
    pods = watched.of(Pod, Selection(namespace=NAMESPACE))
    count, began_s = len(pods.all()), time.perf_counter()
    await client.delete(Namespace, "", NAMESPACE)
    namespaces = watched.of(Namespace)
    await namespaces.wait_synced()
    await until(lambda: namespaces.get("", NAMESPACE) is None)
    figure_s = FIGURES["delete_s"] * count / (DEPLOYMENTS * REPLICAS)
    print(f"workloads_namespace_deleted {time.perf_counter() - began_s:.1f} s {figure_s:.1f}")


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; AssertionError when it never does."""
    end_s = time.perf_counter() + LIMIT_S
    while not holds():
        assert time.perf_counter() < end_s, f"not within {LIMIT_S} s"
        await asyncio.sleep(0.1)


def resident_mb() -> float:
    """Return the memory this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else DEPLOYMENTS, agents="agents" in sys.argv))
