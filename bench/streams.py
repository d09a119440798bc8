"""Measure what idle streams cost the API server in memory and time: watches, execs, port-forwards, logs. Prints lines.

    python -m bench.streams [streams] [sort …]        2,000 of each sort unless told otherwise

The server runs in a process of its own; behind it an agent of ours takes every upgrade and says nothing more. The
memory is what the server's process grew by, TLS on both sides included, divided by the streams.
"""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

import orjson
import uvloop

from bench.api import ADMIN, Anybody, resident_mb, tell
from knarr.api.http import Call
from knarr.apiserver.edge import Edge, server_tls
from knarr.apiserver.server import ApiServer, Security
from knarr.apiserver.settings import Settings
from knarr.assembly import process
from knarr.store.memory import open_memory
from tests.wire.certificates import Pki, make_pki

SPACE = "/api/v1/namespaces/default"
AT_ONCE = 64  # handshakes under way
REST_S = 3.0  # in which nothing happens
WATCH_KB, STREAM_KB, IDLE_PERCENT, ECHO_MS = 120.0, 250.0, 1.0, 5.0  # figures to reach
POD = {"metadata": {"name": "p"}, "spec": {"nodeName": "here", "containers": [{"name": "c", "image": "i"}]}}
STANDS = {"watch": b"}\n", "log": b"line\n"}  # what tells that a stream stands; else the head's end
UPGRADE = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
LOG = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nline\n\r\n"
Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def main() -> None:
    """Serve in a child, and hold streams from here."""
    process.allow_files()
    if len(sys.argv) > 3 and sys.argv[1] == "serve":
        process.run(lambda: serve(Path(sys.argv[2]), int(sys.argv[3])), Path(sys.argv[2]) / "server.log")
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    sorts = tuple(sys.argv[2:]) or ("watch", "exec", "portforward", "log")
    folder = Path(tempfile.mkdtemp(prefix="knarr-bench-"))
    try:
        uvloop.run(drive(folder, count, sorts))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def drive(folder: Path, count: int, sorts: tuple[str, ...]) -> None:
    """Be the agent, start the server, and hold each sort of stream in turn."""
    pki = make_pki(folder)
    agent = await asyncio.start_server(take, "127.0.0.1", 0, ssl=server_tls(*pki.files("server"), str(pki.ca)))
    command = [sys.executable, "-m", "bench.streams", "serve", str(folder), str(agent.sockets[0].getsockname()[1])]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220  once, before all else
    try:
        assert child.stdout is not None
        port = int(await asyncio.to_thread(child.stdout.readline))
        for sort in sorts:
            await measure(sort, count, Server(port, pki, child.pid))
    finally:
        child.terminate()
        child.wait()
        agent.close()


async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take an upgrade, and send back what comes."""
    try:
        asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(LOG if asked.startswith(b"GET /containerLogs") else UPGRADE)
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        return  # the bench is over
    finally:
        writer.close()


class Server:
    """Where the server is."""

    def __init__(self, port: int, pki: Pki, pid: int) -> None:
        self.port, self.pid, self.tls = port, pid, client_tls(pki)

    async def open(self, sort: str, gate: asyncio.Semaphore) -> Pipe:
        """Open one stream and wait until it stands."""
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls, limit=4096)
            writer.write(head(sort))
            await reader.readuntil(STANDS.get(sort, b"\r\n\r\n"))
            return reader, writer

    def cpu_s(self) -> float:
        """Return the processor time the server has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


def client_tls(pki: Pki) -> ssl.SSLContext:
    """Return an administrator's TLS."""
    context = ssl.create_default_context(cafile=str(pki.ca))
    context.load_cert_chain(*pki.files("admin"))
    return context


def head(sort: str) -> bytes:
    """Return the request of a sort of stream."""
    if sort == "watch":
        return f"GET {SPACE}/pods?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    if sort == "log":
        return f"GET {SPACE}/pods/p/log?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    query = "exec?command=sh&stdin=1&stdout=1" if sort == "exec" else "portforward?ports=80"
    lines = (f"GET {SPACE}/pods/p/{query} HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "", "")
    return "\r\n".join(lines).encode()


async def measure(sort: str, count: int, server: Server) -> None:
    """Hold `count` streams of a sort, and print what they cost."""
    gate = asyncio.Semaphore(AT_ONCE)
    warm = [await server.open(sort, gate) for _ in range(8)]
    before_mb = resident_mb(server.pid)
    opened = await asyncio.gather(*(server.open(sort, gate) for _ in range(count)))
    grown_kb = (resident_mb(server.pid) - before_mb) * 1024 / count
    began_s = server.cpu_s()
    await asyncio.sleep(REST_S)
    idle = (server.cpu_s() - began_s) / REST_S * 100
    tell(f"streams.{sort}.memory", grown_kb, "kB", WATCH_KB if sort == "watch" else STREAM_KB)
    tell(f"streams.{sort}.idle", idle, "%", IDLE_PERCENT)
    if sort in ("exec", "portforward"):
        tell(f"streams.{sort}.echo", await echo_ms(*opened[0]), "ms", ECHO_MS)
    for _, writer in [*warm, *opened]:
        writer.transport.abort()
    await asyncio.sleep(1)  # the server notices


async def echo_ms(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> float:
    """Return how long a byte takes to the agent and back, beside all the idle streams."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for _ in range(100):
        writer.write(b"x")
        await reader.readexactly(1)
    return (loop.time() - began_s) * 10


async def serve(folder: Path, agent_port: int) -> None:
    """Serve until terminated; say the port."""
    pki = Pki(folder)
    server = ApiServer(open_memory(), Settings(agent_tls=client_tls(pki)), security=Security(authenticator=Anybody()))
    await server.start()
    node = {"metadata": {"name": "here"}, "status": {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": agent_port}}}}
    account = {"metadata": {"name": "default"}}
    made = (("/api/v1/nodes", node), (f"{SPACE}/serviceaccounts", account), (f"{SPACE}/pods", POD))
    for path, body in made:
        answer = await server.handle(Call("POST", path, body=orjson.dumps(body), user=ADMIN))
        assert answer.status == 201, answer.body
    edge = Edge(server.handle, uploads=server.uploads)
    await edge.start("127.0.0.1", 0, server_tls(*pki.files("server"), str(pki.ca)))
    print(edge.port, flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await server.stop()


if __name__ == "__main__":
    main()
