"""Measure a watch fan-out over TLS: a thousand watchers, twenty events a second of 2.5 kB. Prints lines.

    python -m bench.fanout [watchers]

Server and watchers are two processes on the same cores. Latency: from before the write is sent to the event's arrival,
so it holds the commit too.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from pathlib import Path
from typing import Any

import orjson
import uvloop

from bench.api import connect, read_answer, served, tell
from tests.wire.certificates import Pki

EVENTS_PER_S, LASTS_S = 20, 8
FILLING = "x" * 2200  # with metadata and managed fields some 2.5 kB
PATH = "/api/v1/namespaces/default/configmaps"
SENT = b'"sent":"'
OPENING = 50  # connections opened at once, so that none is refused


class Watching(asyncio.Protocol):
    """One watcher: asks, and notes how old each event is when it comes."""

    def __init__(self, ages_s: list[float], begun: asyncio.Future[None]) -> None:
        self._ages_s, self._begun, self._bytes = ages_s, begun, 0
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: Any) -> None:
        """Ask for everything from now on."""
        transport.write(f"GET {PATH}?watch=1&resourceVersion=0 HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        """Note the age of what came; an event that is cut in two is noted by its first half."""
        if not self._begun.done():
            self._begun.set_result(None)
        at = data.find(SENT)
        if at >= 0:
            end = data.find(b'"', at + len(SENT))
            if end > 0:
                self._ages_s.append(self._loop.time() - float(data[at + len(SENT) : end]))


async def measure(port: int, pki: Pki, watchers: int, pid: int) -> None:
    """Open the watches, write at the pace, and tell what came."""
    ages_s: list[float] = []
    context = ssl.create_default_context(cafile=str(pki.ca))
    context.load_cert_chain(*pki.files("admin"))
    loop = asyncio.get_running_loop()
    reader, writer = await connect(port, pki)
    await write(reader, writer, "POST", PATH, 201)
    for start in range(0, watchers, OPENING):
        begun = [loop.create_future() for _ in range(min(OPENING, watchers - start))]
        for one in begun:
            await loop.create_connection(lambda one=one: Watching(ages_s, one), "127.0.0.1", port, ssl=context)
        await asyncio.gather(*begun)
    ages_s.clear()
    before_s, started_s = cpu_s(pid), loop.time()
    for number in range(EVENTS_PER_S * LASTS_S):
        await asyncio.sleep(max(0, started_s + number / EVENTS_PER_S - loop.time()))
        await write(reader, writer, "PUT", f"{PATH}/fan", 200)
    await asyncio.sleep(1)
    used_s, wanted = cpu_s(pid) - before_s, watchers * EVENTS_PER_S * LASTS_S
    ages_s.sort()
    tell("watch_fanout_delivered", 100 * len(ages_s) / wanted, "percent", 99)
    tell("watch_fanout_p50", 1000 * ages_s[len(ages_s) // 2], "ms", 250)
    tell("watch_fanout_p99", 1000 * ages_s[len(ages_s) * 99 // 100], "ms", 250)
    tell("watch_fanout_cpu_per_event_and_watcher", 1e6 * used_s / wanted, "us", 50)


async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, path: str, code: int) -> None:
    """Write the object with the time in it."""
    sent = f"{asyncio.get_running_loop().time():.6f}"
    body = orjson.dumps({"metadata": {"name": "fan"}, "data": {"filling": FILLING, "sent": sent}})
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    await read_answer(reader, code)


def cpu_s(pid: int) -> float:
    """Return the CPU time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main() -> None:
    """Serve in a child, watch from here."""
    watchers = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with served() as (port, pki, pid):
        uvloop.run(measure(port, pki, watchers, pid))


if __name__ == "__main__":
    main()
