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
    swapped = [await updated(kernel, desired, chains, wanted(7, ENDPOINTS, first=n + 1)) for n in range(ROUNDS)]
    scaled = [await updated(kernel, desired, chains, wanted(7, ENDPOINTS + (n + 1) % 3)) for n in range(ROUNDS)]
    tell("proxy_endpoint_replaced", statistics.median(swapped) * 1000, "ms", 0.4)
    tell("proxy_service_scaled", statistics.median(scaled) * 1000, "ms", 5)
    tell("proxy_update_worst", max(swapped + scaled) * 1000, "ms", 50)
    await kernel.close()


async def updated(kernel: Kernel, desired: Desired, chains: set[str], elements_: dict[Element, str]) -> float:
    """Bring one Service's change into the kernel; return the seconds it took."""
    started = time.perf_counter()
    diff = desired.update([("7", elements_)])
    fresh = chains_of(diff.added.values()) - chains
    await kernel.change(change(Names(), diff, fresh))
    chains |= fresh
    return time.perf_counter() - started


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
