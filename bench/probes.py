"""Measure a thousand http probes a second, as the node agent asks them: its prober alone, in processor time.

A server in a process of its own answers. Prints `name value unit figure` lines.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from typing import cast

import msgspec
import uvloop

from bench.machine import tell
from knarr.api.types.core_v1 import Pod
from knarr.base.clock import SystemClock
from knarr.node.faces import ExecResult, ProbeEvent, Verdict
from knarr.node.probes.prober import Prober

PROBES = 1000  # each once a second
MEASURED_S = 8.0
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def main() -> None:
    """Serve in a child, and probe from here."""
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.Process(target=lambda: uvloop.run(serve(theirs)), daemon=True)
    child.start()
    try:
        uvloop.run(probe(ours.recv()))
    finally:
        child.terminate()
        child.join()


class Healthy(asyncio.Protocol):
    """A server that is always well."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a client."""
        self.transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer it."""
        self.transport.write(ANSWER)
        self.transport.close()


async def serve(pipe: Connection) -> None:
    """Listen until terminated; say the port."""
    server = await asyncio.get_running_loop().create_server(Healthy, "127.0.0.1", 0, backlog=PROBES)
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def probe(port: int) -> None:
    """Probe a thousand containers for a while, and tell what that costs of a core."""
    verdicts: list[Verdict] = []
    failures: list[ProbeEvent] = []
    prober = Prober(SystemClock(), no_exec, verdicts.append, failures.append)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(prober.run())
        await asyncio.sleep(0)
        for number in range(PROBES):
            pod = pod_with(port)
            started_s = time.time()
            prober.watch(
                pod, pod.spec.containers[0], container_id=f"c{number}", pod_ip="127.0.0.1", started_s=started_s
            )
            await asyncio.sleep(1 / PROBES)  # pods do not all start in the same instant
        before_s, began_s = cpu_s(), time.monotonic()
        await asyncio.sleep(MEASURED_S)
        tell(f"probes_of_{PROBES}_a_second", (cpu_s() - before_s) / (time.monotonic() - began_s) * 100, "%", 40)
        running.cancel()
    assert len(verdicts) == PROBES, f"{len(verdicts)} of {PROBES} answered"
    assert not failures, failures[0]


def cpu_s() -> float:
    """Return the processor seconds this process has used."""
    used = os.times()
    return used.user + used.system


def pod_with(port: int) -> Pod:
    """Return a pod whose container is asked every second."""
    asked = {"httpGet": {"path": "/healthz", "port": port}, "periodSeconds": 1, "timeoutSeconds": 5}
    return msgspec.convert({
        "metadata": {"name": "p", "namespace": "bench", "uid": "u"},
        "spec": {"containers": [{"name": "c", "image": "i", "readinessProbe": asked}]},
    }, Pod)  # fmt: skip


async def no_exec(container_id: str, argv: tuple[str, ...], timeout_s: float) -> ExecResult:
    """Nobody is to be asked this way."""
    raise AssertionError(f"{container_id} was asked to run {argv} within {timeout_s} s")


if __name__ == "__main__":
    main()
