"""Measure a real Knarr on this machine: start, deployments of 1 and 100 replicas, and what it costs at rest.

Prints `name value unit figure` lines; the figure is what must be reached (issue: the spine). Needs root and containerd.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench import runtime
from knarr.cli.connect import connect
from tests.e2e.cluster import KNARR, Cluster, deployment, new_cluster

ROUNDS = 5
IDLE_S = 60.0
PATIENCE_S = 180.0
UNBUFFERED = {"PYTHONUNBUFFERED": "1"}  # a step's line comes when the step is done
REACH_100_S = 10.0  # for 100 replicas, where the runtime alone takes runtime.FLOOR_S; elsewhere their ratio tells
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Run all parts on fresh instances."""
    starts = [start_once() for _ in range(ROUNDS)]
    tell("up_to_api", statistics.median(api for api, _ in starts), "s", 1.5)
    tell("up_to_node_ready", statistics.median(node for _, node in starts), "s", 2.5)
    cluster = new_cluster()
    try:
        runtime.prepare(cluster)
        measure_deploy(cluster, replicas=1, figure_s=0.40)
        measure_idle(cluster)
        bare_s = runtime.tell_floor(cluster)
        took_s = measure_deploy(cluster, replicas=100, figure_s=REACH_100_S)
        tell("deployment_of_100_over_bare_runtime", took_s / bare_s, "times", REACH_100_S / runtime.FLOOR_S)
    finally:
        cluster.knarr("down", "--purge", check=False)
    return 0


def tell(name: str, value: float, unit: str, figure: float) -> None:
    """Print one line that a machine can compare."""
    print(f"{name} {value:.3f} {unit} {figure:g}", flush=True)


def start_once() -> tuple[float, float]:
    """Start on an empty data directory; return seconds until the API answers and until the node is Ready."""
    cluster = new_cluster()
    words = [*KNARR, "up", "--port", str(cluster.port), "--data-dir", str(cluster.data_dir)]
    seen: dict[str, float] = {}
    try:
        began_s = time.monotonic()
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, **UNBUFFERED}) as process:
            assert process.stdout is not None, "a pipe was asked for"
            for line in process.stdout:
                for key in ("API server", "is Ready"):
                    if key in line:
                        seen[key] = time.monotonic() - began_s
        assert process.returncode == 0, "knarr up failed"
        return seen["API server"], seen["is Ready"]
    finally:
        cluster.knarr("down", "--purge", check=False)


def measure_deploy(cluster: Cluster, *, replicas: int, figure_s: float) -> float:
    """Time apply → Available of a Deployment whose image is present: print and return the median, in seconds.

    Looking costs too: rarely, where it takes long.
    """
    link = connect(None, str(cluster.data_dir)).connection(60)
    look_s = 0.005 if replicas == 1 else 0.1
    times = []
    for number in range(ROUNDS if replicas > 1 else 2 * ROUNDS):
        path = f"/apis/apps/v1/namespaces/default/deployments/d{number}"
        began_s = time.monotonic()
        ask(link, "POST", path.rpartition("/")[0], deployment(f"d{number}", replicas, "sleep inf"))
        while ask(link, "GET", path)["status"].get("availableReplicas", 0) < replicas:
            pause(look_s, began_s)
        times.append(time.monotonic() - began_s)
        ask(link, "DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"})
        while ask(link, "GET", "/api/v1/namespaces/default/pods")["items"]:
            pause(0.1, began_s)
    median_s = statistics.median(times)
    tell(f"deployment_of_{replicas}_available", median_s, "s", figure_s)
    return median_s


def ask(link: http.client.HTTPSConnection, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Send one request on a kept connection."""
    link.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
    answer = link.getresponse()
    found = json.loads(answer.read())
    assert answer.status < 400, found
    return found


def pause(look_s: float, began_s: float) -> None:
    """Wait before the next look."""
    assert time.monotonic() - began_s < PATIENCE_S, f"not within {PATIENCE_S:g} s"
    time.sleep(look_s)


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
