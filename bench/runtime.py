"""Measure the runtime alone: 100 sandboxes with a container each, asked of containerd directly. No API, no node.

What `bench.machine` needs for 100 replicas can only be read beside this: both wait for the same runc and CNI plugins,
and both slow down alike on a busy machine. Prints `name value unit figure` lines. Needs root and containerd.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from knarr.node import pausefilter
from knarr.node.cri.face import ContainerSpec, SandboxSpec, Security
from knarr.node.cri.runtime import CriRuntime
from knarr.node.settings import Settings
from tests.e2e.cluster import BUSYBOX, Cluster, busybox_archive, new_cluster

COUNT = 100
PARALLEL = 6  # sandboxes being made at once, as the node agent does
FLOOR_S, REMOVAL_S = 7.0, 7.2  # on a quiet machine of 2 cores


def main() -> int:
    """Start an instance for its containerd and measure that."""
    cluster = new_cluster()
    try:
        prepare(cluster)
        tell_floor(cluster)
    finally:
        cluster.knarr("down", "--purge", check=False)
    return 0


def prepare(cluster: Cluster) -> None:
    """Start an instance and load the image that the pods run."""
    cluster.knarr("up", "--port", str(cluster.port))
    with tempfile.TemporaryDirectory() as folder:
        cluster.knarr("image", "load", str(busybox_archive(Path(folder) / "busybox.tar")))


def tell_floor(cluster: Cluster) -> float:
    """Measure and print; return how long it took to make them, in seconds."""
    made_s, removed_s = asyncio.run(floor(cluster))
    print(f"bare_runtime_of_{COUNT} {made_s:.3f} s {FLOOR_S:g}", flush=True)
    print(f"bare_removal_of_{COUNT} {removed_s:.3f} s {REMOVAL_S:g}", flush=True)
    return made_s


async def floor(cluster: Cluster) -> tuple[float, float]:
    """Return the seconds until all run, and those until all are removed again."""
    settings = Settings(data_dir=cluster.data_dir, node_name="bench", node_ip="127.0.0.1")
    runtime = CriRuntime(settings.endpoint)
    try:
        image = await runtime.image(BUSYBOX)
        assert image is not None, "the image was loaded"
        specs = [sandbox(settings, number) for number in range(COUNT)]
        slots, made = asyncio.Semaphore(PARALLEL), list[str]()

        async def make(spec: SandboxSpec) -> None:
            async with slots:
                sandbox_id = await runtime.run_sandbox(spec)
                made.append(sandbox_id)
                container = await runtime.create_container(sandbox_id, sleeper(image.id), sandbox=spec)
                await runtime.start_container(container)

        async def unmake(sandbox_id: str) -> None:
            async with slots:
                await runtime.stop_sandbox(sandbox_id)
                await runtime.remove_sandbox(sandbox_id)

        began_s = time.monotonic()
        await asyncio.gather(*map(make, specs))
        middle_s = time.monotonic()
        await asyncio.gather(*map(unmake, made))
        return middle_s - began_s, time.monotonic() - middle_s
    finally:
        await runtime.close()


def sandbox(settings: Settings, number: int) -> SandboxSpec:
    """Return a pod's sandbox as the node agent asks for it."""
    return SandboxSpec(
        f"bare-{number}", "default", f"bare-{number}", 0, f"bare-{number}",
        str(settings.log_dir("bench", str(number), "0")),
        f"{settings.cgroup_parent}/bare-{number}", security=Security(seccomp=pausefilter.for_sandbox(settings)),
    )  # fmt: skip


def sleeper(image: str) -> ContainerSpec:
    """Return a container that does nothing."""
    return ContainerSpec("main", 0, BUSYBOX, image, ("sleep", "inf"), log_path="main.log")


if __name__ == "__main__":
    sys.exit(main())
