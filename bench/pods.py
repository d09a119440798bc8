"""Measure pods on a real node: how fast they run and go, what an exec costs, and what 250 of them cost at rest.

Prints `name value unit figure` lines; `bare_…` lines tell what the runtime alone needs for the same, in the same run.
Needs root and containerd. `python -m bench.pods one exec many rest` runs those parts only.
"""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import sys
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from bench import runtime
from bench.machine import ask, cpu_s, pause, resident_mb, tell
from knarr.cli.connect import Server, connect
from knarr.node.cri.runtime import CriRuntime
from knarr.node.server import spdy, translate
from knarr.node.server.upstream import open_stream
from knarr.node.settings import Settings
from tests.e2e.cluster import Cluster, new_cluster, pod

PODS = "/api/v1/namespaces/default/pods"
ROUNDS = 7
MANY, FULL = 100, 250
REST_S = 20.0
LOOK_S = 0.1
NO_GRACE = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n"
)


def main(parts: list[str]) -> int:
    """Run the parts named, or all, on one fresh instance."""
    cluster = new_cluster()
    measures: dict[str, Callable[[Node], None]] = {
        "one": measure_one, "exec": measure_exec, "many": measure_many, "rest": measure_rest,
    }  # fmt: skip
    try:
        runtime.prepare(cluster)
        node = Node(cluster)
        for name in parts or measures:
            measures[name](node)
    finally:
        cluster.knarr("down", "--purge", check=False)
    return 0


class Node:
    """A running instance, as a client and as the runtime's own user see it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.server: Server = connect(None, str(cluster.data_dir))
        self.link = self.server.connection(60)
        settings = Settings(data_dir=cluster.data_dir, node_name="bench", node_ip="127.0.0.1")
        self.loop = asyncio.Runner()

        async def client() -> CriRuntime:
            return CriRuntime(settings.endpoint)

        self.runtime = self.loop.run(client())

    def create(self, name: str) -> None:
        """Create a pod that sleeps."""
        ask(self.link, "POST", PODS, pod(name, "exec sleep inf"))

    def delete(self, name: str) -> None:
        """Delete a pod with no grace."""
        ask(self.link, "DELETE", f"{PODS}/{name}", NO_GRACE)

    def running(self) -> int:
        """Count the pods that run."""
        found = ask(self.link, "GET", PODS)["items"]
        return sum(one["status"].get("phase") == "Running" for one in found)

    def sandboxes(self) -> int:
        """Count what the runtime still holds of pods."""
        return len(self.loop.run(self.runtime.list_sandboxes()))

    def until(self, true: Callable[[], bool], look_s: float = LOOK_S) -> float:
        """Wait until something holds; return the seconds that took."""
        began_s = time.monotonic()
        while not true():
            pause(look_s, began_s)
        return time.monotonic() - began_s

    def empty(self) -> None:
        """Delete all pods, and wait until nothing of them is left."""
        for one in ask(self.link, "GET", PODS)["items"]:
            self.delete(one["metadata"]["name"])
        self.until(lambda: self.sandboxes() == 0)


def measure_one(node: Node) -> None:
    """Time create → Running of a pod whose image is present; and the same asked of the runtime alone."""
    times = []
    for number in range(ROUNDS):
        began_s = time.monotonic()
        node.create(f"one-{number}")
        path = f"{PODS}/one-{number}"
        node.until(lambda path=path: ask(node.link, "GET", path)["status"].get("phase") == "Running", 0.005)
        times.append(time.monotonic() - began_s)
    node.empty()
    tell("pod_running", statistics.median(times), "s", 0.25)


def measure_exec(node: Node) -> None:
    """Time an exec through API server and agent on a connection of its own, and the runtime's own exec between them."""
    node.create("exec")
    node.until(lambda: node.running() == 1)
    status = ask(node.link, "GET", f"{PODS}/exec")["status"]
    container_id = status["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    ours, bare, streamed = node.loop.run(execs(node, container_id))
    node.empty()
    tell("bare_exec", bare * 1000, "ms", 60)
    tell("bare_exec_streamed", streamed * 1000, "ms", 60)
    tell("exec_over_bare", (ours - bare) * 1000, "ms", 15)
    tell("exec_over_bare_streamed", (ours - streamed) * 1000, "ms", 15)


async def execs(node: Node, container_id: str) -> tuple[float, float, float]:
    """Return the medians of ours, of the runtime's ExecSync, and of its streamed Exec, taken in turn."""
    ways = (lambda: asyncio.to_thread(exec_once, node.server),
            lambda: node.runtime.exec_sync(container_id, ("true",), timeout_s=10),
            lambda: stream_once(node.runtime, container_id))
    took_s: list[list[float]] = [[] for _ in ways]
    for _ in range(5 * ROUNDS):
        for way, times in zip(ways, took_s, strict=True):
            began_s = time.monotonic()
            await way()
            times.append(time.monotonic() - began_s)
    ours, bare, streamed = map(statistics.median, took_s)
    return ours, bare, streamed


async def stream_once(runtime: CriRuntime, container_id: str) -> None:
    """Run `true` by the runtime's streaming server, which is how it carries stdin, terminals and long output."""
    url = await runtime.exec_url(container_id, ("true",), tty=False, stdin=False, stdout=True, stderr=False)
    stream = await open_stream(url, "POST", translate.SPDY_HEADERS)
    connection = spdy.Connection("client")
    for name in ("error", "stdout"):
        await stream.pipe.send(connection.open({"streamType": name})[1])
    while data := await stream.pipe.reader.read(65536):
        connection.receive(data)
        await stream.pipe.send(connection.take_output())
    stream.pipe.close()


def exec_once(server: Server) -> None:
    """Run `true` as kubectl does, by WebSocket, and wait for its exit code."""
    parts = urlsplit(server.url)
    with (
        socket.create_connection((parts.hostname or "", parts.port or 443)) as plain,
        server.tls.wrap_socket(plain, server_hostname=parts.hostname) as wire,
    ):
        path = f"{PODS}/exec/exec?command=true&stdout=1"
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\n{UPGRADE}\r\n"
        wire.sendall(head.encode())
        seen = b""
        while b'"status":"Success"' not in seen:
            data = wire.recv(65536)
            assert data, f"the exec ended without its code: {seen!r}"
            seen += data


def measure_many(node: Node) -> None:
    """Time 100 pods: created until all run, deleted with no grace until the runtime holds nothing of them.

    Before them the same is asked of the runtime alone: both slow down alike on a busy machine.
    """
    runtime.tell_floor(node.cluster)
    began_s = time.monotonic()
    for number in range(MANY):
        node.create(f"many-{number}")
    node.until(lambda: node.running() == MANY)
    tell(f"pods_running_of_{MANY}", time.monotonic() - began_s, "s", 8.5)
    began_s = time.monotonic()
    for number in range(MANY):
        node.delete(f"many-{number}")
    node.until(lambda: node.sandboxes() == 0)
    tell(f"pods_deleted_of_{MANY}", time.monotonic() - began_s, "s", 7.5)


def measure_rest(node: Node) -> None:
    """Fill the node, let it rest, and weigh the agent."""
    for number in range(FULL):
        node.create(f"rest-{number}")
    node.until(lambda: node.running() == FULL, 0.5)
    pid = json.loads(node.cluster.knarr("status", "-o", "json").stdout)["pids"]["agent"]
    time.sleep(5)
    before_s = cpu_s(pid)
    time.sleep(REST_S)
    tell(f"agent_memory_of_{FULL}", resident_mb(pid), "MB", 110)
    tell(f"agent_cpu_of_{FULL}", (cpu_s(pid) - before_s) / REST_S * 100, "%", 2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
