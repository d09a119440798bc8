"""The server on real sockets, in a private network namespace whose bridge comes later than the server."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.message
import pytest

from knarr.base.clock import SystemClock
from knarr.base.rng import Rng
from knarr.dns.forward import Source
from knarr.dns.run import Settings, run
from tests.unit.proxy.cluster import Cluster, uvloop_run
from tests.unit.proxy.objects import at, service, slice_of

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace needs root")]
CLONE_NEWNET = 0x40000000
BRIDGE = "10.244.0.1"
WEB = "web.default.svc.cluster.local"


def in_namespace(story: Callable[[Cluster], Awaitable[Any]], resolv_conf: Path) -> Any:
    """Run a server and a story in a network of their own, which is gone afterwards."""
    future: Future[Any] = Future()

    async def body() -> Any:
        cluster = Cluster()
        source = Source(resolv_conf=resolv_conf, own=(BRIDGE,))
        settings = Settings((BRIDGE,), source=source)
        task = asyncio.ensure_future(run(cluster, settings, clock=SystemClock(), rng=Rng(1)))  # type: ignore[arg-type]
        await asyncio.sleep(0.01)
        build_bridge()
        try:
            return await story(cluster)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def thread() -> None:
        try:
            assert ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) == 0
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            future.set_result(uvloop_run(body()))
        except (AssertionError, OSError, TimeoutError, dns.exception.DNSException) as error:
            future.set_exception(error)
        finally:
            future.cancel()

    runner = threading.Thread(target=thread)
    runner.start()
    runner.join()
    return future.result()


def build_bridge() -> None:
    subprocess.run(["ip", "link", "add", "cni0", "type", "bridge"], check=True)
    subprocess.run(["ip", "addr", "add", f"{BRIDGE}/24", "dev", "cni0"], check=True)


def query(name: str = WEB, kind: str = "A", **options: Any) -> dns.message.Message:
    return dns.message.make_query(name, kind, **options)


def addresses(message: dns.message.Message) -> list[str]:
    return sorted(rdata.to_text() for rrset in message.answer for rdata in rrset)


async def ask(message: dns.message.Message) -> dns.message.Message:
    return await dns.asyncquery.udp(message, BRIDGE, timeout=2)


def test_a_service_over_udp_and_tcp(tmp_path: Path) -> None:
    """A Service appears, is found both ways, changes its address, and the change is seen at once."""

    async def story(cluster: Cluster) -> Any:
        before = await ask(query())
        cluster.put(service())
        udp, tcp = await ask(query()), await dns.asyncquery.tcp(query(), BRIDGE, timeout=2)
        cluster.put(service(ip="10.96.0.2"))
        return before.rcode(), addresses(udp), addresses(tcp), addresses(await ask(query()))

    assert (3, ["10.96.0.1"], ["10.96.0.1"], ["10.96.0.2"]) == in_namespace(story, tmp_path / "none")


def test_a_long_answer_goes_over_tcp(tmp_path: Path) -> None:
    """A headless Service of two hundred pods: over UDP as many as fit, and the sign to ask over TCP."""

    async def story(cluster: Cluster) -> Any:
        cluster.put(service(ip="None"), slice_of("web", *(at(f"10.244.1.{n}") for n in range(200))))
        udp, fell_back = await dns.asyncquery.udp_with_fallback(query(), BRIDGE, timeout=2)
        short = await ask(query())
        return fell_back, len(addresses(udp)), bool(short.flags & dns.flags.TC), len(addresses(short))

    assert (True, 200, True, (512 - 12 - len(WEB) - 2 - 4) // 16) == in_namespace(story, tmp_path / "none")


def test_outside_names_go_to_the_hosts_resolver(tmp_path: Path) -> None:
    """The host's resolver answers; an answer longer than one datagram is fetched over TCP and passed on in one piece."""
    conf = tmp_path / "resolv.conf"
    conf.write_text(f"nameserver {BRIDGE}\nnameserver 127.0.0.9\n")

    class Host(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, peer: Any) -> None:
            response = dns.message.make_response(dns.message.from_wire(data))
            response.flags |= dns.flags.TC
            self.transport.sendto(response.to_wire(), peer)

    async def over_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        asked = dns.message.from_wire(data)
        response = dns.message.make_response(asked)
        texts = [f"93.184.{n // 250}.{n % 250}" for n in range(300)]
        response.answer.append(dns.rrset.from_text(asked.question[0].name, 60, "IN", "A", *texts))
        message = response.to_wire(max_size=65535)
        writer.write(len(message).to_bytes(2, "big") + message)
        writer.close()

    async def story(_: Cluster) -> Any:
        transport, _protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            Host, local_addr=("127.0.0.9", 53))
        server = await asyncio.start_server(over_tcp, "127.0.0.9", 53)
        whole = await dns.asyncquery.tcp(query("example.org"), BRIDGE, timeout=3)
        part = await ask(query("example.org", use_edns=0, payload=1232))
        transport.close()
        server.close()
        return len(addresses(whole)), bool(part.flags & dns.flags.TC), len(part.to_wire()) <= 1232

    assert (300, True, True) == in_namespace(story, conf)


def test_rubbish_and_silence_harm_nobody(tmp_path: Path) -> None:
    """Somebody sends noise over UDP and hangs up in the middle of TCP; the next client is served."""

    async def story(cluster: Cluster) -> Any:
        cluster.put(service())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
            for length in (0, 1, 11, 12, 13, 40):
                noise.sendto(os.urandom(length), (BRIDGE, 53))
        _, writer = await asyncio.open_connection(BRIDGE, 53)
        writer.write(b"\0\x40abc")
        writer.close()
        return addresses(await ask(query()))

    assert ["10.96.0.1"] == in_namespace(story, tmp_path / "none")
