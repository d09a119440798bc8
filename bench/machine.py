"""Measure a real Knarr on this machine: start, deployments of 1 and 100 replicas, and what it costs at rest.

Prints `name value unit figure` lines; the figure is what must be reached (issue: the spine). Needs root and containerd.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.cluster import Cluster, busybox_archive, deployment, new_cluster

ROUNDS = 5
IDLE_S = 60.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Run all parts on fresh instances."""
    starts = [start_once() for _ in range(ROUNDS)]
    tell("up_to_api", statistics.median(api for api, _ in starts), "s", 1.5)
    tell("up_to_node_ready", statistics.median(node for _, node in starts), "s", 2.5)
    cluster = new_cluster()
    try:
        cluster.knarr("up", "--port", str(cluster.port))
        with tempfile.TemporaryDirectory() as folder:
            cluster.knarr("image", "load", str(busybox_archive(Path(folder) / "busybox.tar")))
        measure_deploy(cluster, replicas=1, figure_s=0.40)
        measure_idle(cluster)
        measure_deploy(cluster, replicas=100, figure_s=10.0)
    finally:
        cluster.knarr("down", "--purge", check=False)
    return 0


def tell(name: str, value: float, unit: str, figure: float) -> None:
    """Print one line that a machine can compare."""
    print(f"{name} {value:.3f} {unit} {figure:g}", flush=True)


def start_once() -> tuple[float, float]:
    """Start on an empty data directory; return seconds until the API answers and until the node is Ready."""
    cluster = new_cluster()
    try:
        began_s = time.monotonic()
        seen: dict[str, float] = {}
        import subprocess

        from tests.e2e.cluster import KNARR

        words = [*KNARR, "up", "--port", str(cluster.port), "--data-dir", str(cluster.data_dir)]
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        ) as process:
            assert process.stdout is not None, "a pipe was asked for"
            for line in process.stdout:
                for key in ("API server", "is Ready"):
                    if key in line:
                        seen[key] = time.monotonic() - began_s
        assert process.returncode == 0, "knarr up failed"
        return seen["API server"], seen["is Ready"]
    finally:
        cluster.knarr("down", "--purge", check=False)


def measure_deploy(cluster: Cluster, *, replicas: int, figure_s: float) -> None:
    """Time apply → Available of a Deployment whose image is present."""
    import http.client

    from knarr.cli.connect import connect

    server = connect(None, str(cluster.data_dir))
    link = server.connection(60)
    times = []
    for number in range(ROUNDS if replicas > 1 else 2 * ROUNDS):
        body = deployment(f"d{number}", replicas, "sleep inf")
        began_s = time.monotonic()
        ask(link, "POST", "/apis/apps/v1/namespaces/default/deployments", body)
        path = f"/apis/apps/v1/namespaces/default/deployments/d{number}"
        wait(lambda path=path: ask(link, "GET", path)["status"].get("availableReplicas", 0) >= replicas)
        times.append(time.monotonic() - began_s)
        ask(link, "DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"})
        wait(lambda: not ask(link, "GET", "/api/v1/namespaces/default/pods")["items"])
    assert isinstance(link, http.client.HTTPSConnection)
    tell(f"deployment_of_{replicas}_available", statistics.median(times), "s", figure_s)


def ask(link, method: str, path: str, body=None):
    """Send one request on a kept connection."""
    link.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
    answer = link.getresponse()
    found = json.loads(answer.read())
    assert answer.status < 400, found
    return found


def wait(true: Callable[[], bool], patience_s: float = 120.0) -> None:
    """Look every 10 ms."""
    deadline_s = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline_s, "not within patience"
        time.sleep(0.01)


def measure_idle(cluster: Cluster) -> None:
    """Let it rest, then measure all Knarr processes without containerd: memory and a core's share."""
    pids = list(json.loads(cluster.knarr("status", "-o", "json").stdout)["pids"].values())
    time.sleep(5)
    before = sum(map(cpu_s, pids))
    time.sleep(IDLE_S)
    share = (sum(map(cpu_s, pids)) - before) / IDLE_S * 100
    tell("idle_memory", sum(map(resident_mb, pids)), "MB", 180)
    tell("idle_cpu", share, "%", 1)


def cpu_s(pid: int) -> float:
    """Return the CPU seconds a process has used. Source: proc(5), stat, fields 14 and 15."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def resident_mb(pid: int) -> float:
    """Return resident memory, shared pages counted in part (PSS). Source: proc(5), smaps_rollup."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    sys.exit(main())
