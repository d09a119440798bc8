"""`kill -9` of the server, of the agent, of both: containers and traffic go on, nothing acknowledged is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

from tests.e2e.cluster import WEB, deployment, service, until
from tests.e2e.test_rollouts import Load, running
from tests.e2e.test_services import PROBE, endpoints

ROUNDS = int(os.environ.get("KNARR_KILL_ROUNDS", "4"))

# Writes config maps until killed; prints each name once the server has acknowledged it.
WRITER = """
import sys, time
from knarr.cli.connect import connect
from knarr.cli.failure import RequestFailed
server, number = connect(None, sys.argv[1]), 0
while True:
    name = f"w{number:05}"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"n": str(number)}}
    try:
        server.ask("POST", f"/api/v1/namespaces/{sys.argv[2]}/configmaps", body)
        print(name, flush=True)
    except RequestFailed as failure:
        if failure.code == 409:
            print(name, flush=True)
        elif failure.code:
            raise
        else:
            time.sleep(0.02)
            continue
    except Exception:
        time.sleep(0.02)
        continue
    number += 1
"""


def pids(cluster):
    return json.loads(cluster.knarr("status", "-o", "json", check=False).stdout)["pids"]


def containers(cluster, namespace):
    found = running(cluster, "web", namespace)
    return {s["containerID"]: s["restartCount"] for p in found for s in p["status"].get("containerStatuses") or []}


def healthy(cluster):
    return cluster.knarr("status", check=False).returncode == 0


def test_kills_at_random_moments_lose_nothing(cluster, namespace):
    """Somebody trips over the power cord of one process after another while customers and writers keep coming."""
    dice = random.Random(2026)
    cluster.apply(deployment("web", 3, WEB, **PROBE), service("web", type="NodePort"), namespace=namespace)
    until(lambda: len(endpoints(cluster, "web", namespace)) == 3, "three endpoints")
    port = cluster.get("service/web", namespace=namespace)["spec"]["ports"][0]["nodePort"]
    before = containers(cluster, namespace)
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(cluster.data_dir), namespace], stdout=subprocess.PIPE, text=True
    )

    with Load(f"http://127.0.0.1:{port}/") as load:
        for victims in [("server",), ("agent",), ("server", "agent")] * ROUNDS:
            time.sleep(dice.uniform(0.2, 1.5))
            for victim in victims:
                os.kill(pids(cluster)[victim], signal.SIGKILL)
            until(lambda: healthy(cluster), "healthy again", 60)
    writer.kill()
    acknowledged = set(writer.communicate()[0].split())
    stored = {c["metadata"]["name"] for c in cluster.get("configmaps", namespace=namespace)["items"]}

    assert load.failures == []
    assert before == containers(cluster, namespace)
    assert len(acknowledged) > 10
    assert acknowledged <= stored
    print(f"{3 * ROUNDS} kills, {load.count} requests, {len(acknowledged)} writes: nothing lost")


def test_the_supervisor_may_die_too(cluster, namespace):
    """All three are gone; one `knarr up` and everything is as before."""
    cluster.apply(deployment("web", 1, WEB, **PROBE), namespace=namespace)
    before = containers(cluster, namespace)

    for part in ("supervisor", "server", "agent"):
        os.kill(pids(cluster)[part], signal.SIGKILL)
    cluster.knarr("up")

    assert before == containers(cluster, namespace)


def test_a_dead_containerd_comes_back_with_its_containers(cluster, namespace):
    """The runtime is killed: its shims keep the containers, the agent starts it again."""
    cluster.apply(deployment("web", 1, WEB, **PROBE), namespace=namespace)
    before = containers(cluster, namespace)

    os.kill(int((cluster.data_dir / "containerd" / "containerd.pid").read_text()), signal.SIGKILL)
    name = running(cluster, "web", namespace)[0]["metadata"]["name"]
    until(
        lambda: cluster.exec(name, "hostname", namespace=namespace, check=False).strip() == name, "exec works again", 60
    )

    assert before == containers(cluster, namespace)
