"""Measure the DNS server: answering a query, taking in a Service, whole exchanges over a loopback socket."""

from __future__ import annotations

import asyncio
import socket
import time

import uvloop

from knarr.api.types.core_v1 import Service, ServicePort, ServiceSpec
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.base.clock import SystemClock
from knarr.base.rng import Rng
from knarr.dns import wire
from knarr.dns.forward import Forwarder, Source
from knarr.dns.server import Responder, Udp
from knarr.dns.zone import Zone, names_of

SERVICES = 10_000
ROUNDS = 50_000
EXCHANGES = 10_000


def main() -> None:
    """Fill a zone, then answer."""
    zone = Zone("cluster.local")
    started = time.perf_counter()
    for number in range(SERVICES):
        zone.update(f"shop/s{number}", names_of(service(number), (), "cluster.local"))
    tell("dns_take_in_a_service", (time.perf_counter() - started) / SERVICES * 1e6, "us", 100)
    forwarder = Forwarder(Source(), clock=SystemClock(), rng=Rng(1))
    responder = Responder(zone, forwarder, lambda: True)
    query = wire.ask(7, wire.pack_name("s77.shop.svc.cluster.local"), wire.A)
    started = time.perf_counter()
    for _ in range(ROUNDS):
        responder.at_once(query, over_udp=True)
    tell("dns_answer", (time.perf_counter() - started) / ROUNDS * 1e6, "us", 1)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        tell("dns_exchanges_over_udp", runner.run(exchanges(responder, query)), "queries/s", 15_000)


def service(number: int) -> Service:
    """Return a Service with one named port."""
    ip = f"10.96.{number // 250}.{number % 250 + 1}"
    return Service(
        metadata=ObjectMeta(name=f"s{number}", namespace="shop"),
        spec=ServiceSpec(clusterIP=ip, clusterIPs=(ip,), ports=(ServicePort(name="http", port=80),)))


async def exchanges(responder: Responder, query: bytes) -> float:
    """Return how many one client gets answered in a second, sixteen at a time; client and server share the core."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        transport, _ = await loop.create_datagram_endpoint(
            lambda: Udp(responder, group), local_addr=("127.0.0.1", 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(transport.get_extra_info("sockname"))
            client.setblocking(False)
            started = time.perf_counter()
            for _ in range(EXCHANGES // 16):
                for _ in range(16):
                    client.send(query)
                for _ in range(16):
                    await loop.sock_recv(client, 1500)
            took_s = time.perf_counter() - started
        transport.close()
    return EXCHANGES / took_s


def tell(name: str, value: float, unit: str, figure: float) -> None:
    """Print one line that a machine can compare."""
    print(f"{name} {value:.1f} {unit} {figure}")


if __name__ == "__main__":
    main()
