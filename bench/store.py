"""Measure the store on this disk: writes alone and in groups, lists, memory, opening. Prints lines."""

from __future__ import annotations

import asyncio
import resource
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from knarr.store.engine import Engine
from knarr.store.face import Draft
from knarr.store.sqlite import open_sqlite

PODS = 10_000
POD = Draft(b'{"metadata":{"resourceVersion":"', b'"},"filler":"' + b"x" * 5000 + b'"}')


def main() -> None:
    """Run all measurements in one fresh directory, removed afterwards."""
    folder = Path(tempfile.mkdtemp(dir=sys.argv[1] if len(sys.argv) > 1 else "/var/tmp"))
    try:
        asyncio.run(measure(folder / "state.db"))
    finally:
        shutil.rmtree(folder)


async def measure(path: Path) -> None:
    """Fill, overwrite, list and reopen."""
    store = open_sqlite(path)
    before_kb = resident_kb()
    started = time.perf_counter()
    await asyncio.gather(*(store.insert(f"/core/pods/default/p{n}", POD) for n in range(PODS)))
    tell("store_inserts_in_groups", PODS / (time.perf_counter() - started), "writes/s", 20_000)
    tell("store_memory_per_10000_pods", (resident_kb() - before_kb) / 1024, "MB", 80)
    tell("store_write_alone", statistics.median([await overwrite(store, n) for n in range(200)]) * 1e6, "us", 700)
    started = time.perf_counter()
    await asyncio.gather(*(many(store, n) for n in range(32)))
    tell("store_writes_32_clients", 32 * 100 / (time.perf_counter() - started), "writes/s", 5_000)
    started = time.perf_counter()
    for _ in range(20):
        store.list("/core/pods/")
    tell("store_list_10000", (time.perf_counter() - started) / 20 * 1000, "ms", 2)
    await store.close()
    started = time.perf_counter()
    store = open_sqlite(path)
    tell("store_open_10000", (time.perf_counter() - started) * 1000, "ms", 300)
    await store.close()


async def many(store: Engine, client: int) -> None:
    """One client's hundred writes, one after the other."""
    for n in range(100):
        await overwrite(store, client * 100 + n)


async def overwrite(store: Engine, number: int) -> float:
    """Replace one pod; return the seconds it took."""
    entry = store.get(f"/core/pods/default/p{number}")
    assert entry is not None
    started = time.perf_counter()
    await store.replace(entry.key, POD, expect=entry.revision)
    return time.perf_counter() - started


def resident_kb() -> int:
    """Return the most memory this process ever had, KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def tell(name: str, value: float, unit: str, figure: float) -> None:
    """Print one line that a machine can compare."""
    print(f"{name} {value:.1f} {unit} {figure}")


if __name__ == "__main__":
    main()
