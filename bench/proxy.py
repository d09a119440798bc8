"""Measure the service proxy in a private network namespace: loading 10,000 Services, then one change. Needs root."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import time

from knarr.proxy.act import Kernel
from knarr.proxy.desired import Desired
from knarr.proxy.elements import Element, elements
from knarr.proxy.plan import Backend, Frontend
from knarr.proxy.render import Names, chains_of, change, table

SERVICES = 10_000
ENDPOINTS = 3
ROUNDS = 50


def main() -> None:
    """Make a namespace, measure, remove it."""
    space = f"bench-proxy-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", space], check=True)
    try:
        asyncio.run(measure(Kernel(("ip", "netns", "exec", space, "nft"))))
    finally:
        subprocess.run(["ip", "netns", "del", space], check=True)


async def measure(kernel: Kernel) -> None:
    """Load all, then let one Service gain, change and lose an endpoint."""
    desired = Desired()
    started = time.perf_counter()
    desired.update((str(n), wanted(n, ENDPOINTS)) for n in range(SERVICES))
    text = table(Names(), desired.all())
    tell("proxy_render_10000_services", (time.perf_counter() - started) * 1000, "ms", 500)
    started = time.perf_counter()
    await kernel.load(text)
    tell("proxy_load_10000_services", (time.perf_counter() - started) * 1000, "ms", 1400)
    chains = chains_of(desired.all().values())
    took: list[float] = []
    for number in range(ROUNDS):
        started = time.perf_counter()
        diff = desired.update([("7", wanted(7, ENDPOINTS + number % 3, first=number))])
        fresh = chains_of(diff.added.values()) - chains
        await kernel.change(change(Names(), diff, fresh))
        chains |= fresh
        took.append(time.perf_counter() - started)
    tell("proxy_one_update", statistics.median(took) * 1000, "ms", 0.4)
    tell("proxy_one_update_worst", max(took) * 1000, "ms", 50)
    await kernel.close()


def wanted(number: int, endpoints: int, *, first: int = 0) -> dict[Element, str]:
    """Return the elements of one Service."""
    high, low = number // 250, number % 250 + 1
    backends = tuple(Backend(f"10.244.{high}.{(low + first + n) % 250}", 8080) for n in range(endpoints))
    return elements([Frontend(f"10.96.{high}.{low}", "tcp", 80, backends)], [])


def tell(name: str, value: float, unit: str, figure: float) -> None:
    """Print one line that a machine can compare."""
    print(f"{name} {value:.2f} {unit} {figure}")


if __name__ == "__main__":
    main()
