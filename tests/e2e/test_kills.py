"""`kill -9` of the server, of the agent, of both: containers and traffic go on, nothing acknowledged is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from knarr.cli.connect import connect
from tests.e2e.cluster import WEB, deployment, pod, service, until
from tests.e2e.evidence import amiss, api_state, differences
from tests.e2e.test_pods import ready
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


def kill(cluster, part):
    """kill -9, as soon as it runs; containerd's pid stands in a file of its own."""

    def killed():
        own = cluster.data_dir / "containerd" / "containerd.pid"
        pid = int(own.read_text() or 0) if part == "containerd" else pids(cluster)[part]
        if not pid:  # just being written down; to kill 0 would be to kill ourselves
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    until(killed, f"{part} runs")


def at_rest(cluster):
    """Return the API's whole state once nothing is going and nothing changes any more."""
    seen = []

    def same():
        seen.append(api_state(cluster))
        time.sleep(1)
        going = any("deletionTimestamp" in one["metadata"] for one in seen[-1].values())
        return not going and len(seen) > 1 and seen[-1] == seen[-2]

    until(same, "nothing changes", 120)
    return seen[-1]


def nothing_amiss(cluster, patience_s=60):
    """Wait until API, runtime and machine agree, and say where they do not."""
    found = {}

    def agree():
        found.clear()
        found.update(amiss(cluster))
        return not found

    try:
        until(agree, "all agree", patience_s)
    except AssertionError:
        assert found == {}


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
    nothing_amiss(cluster)
    print(
        f"{4 * ROUNDS} kills in {3 * ROUNDS} rounds: {load.count} requests answered, {len(acknowledged)} writes kept, "
        f"{len(before)} containers not restarted; API, runtime and machine agree"
    )


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

    kill(cluster, "containerd")
    name = running(cluster, "web", namespace)[0]["metadata"]["name"]
    until(
        lambda: cluster.exec(name, "hostname", namespace=namespace, check=False).strip() == name, "exec works again", 60
    )

    assert before == containers(cluster, namespace)


def test_a_restart_at_rest_changes_nothing(cluster, namespace):
    """Nobody does anything while each process in turn is killed: every object of every kind is as it was, to the byte."""
    cluster.apply(deployment("web", 2, WEB, **PROBE), service("web"), namespace=namespace)
    until(lambda: len(endpoints(cluster, "web", namespace)) == 2, "two endpoints")
    before = at_rest(cluster)

    for victims in [("server",), ("agent",), ("containerd",), ("server", "agent", "containerd")]:
        for victim in victims:
            kill(cluster, victim)
        until(lambda: healthy(cluster), "healthy again", 60)
        after = at_rest(cluster)
        assert differences(before, after) == {}, victims

    assert len(before) > 100
    nothing_amiss(cluster)
    print(f"4 rounds of kills at rest: {len(before)} objects compared, none changed")


def test_a_rolling_update_goes_on_while_the_server_dies(cluster, namespace):
    """The server is killed again and again in the middle of a rollout: it ends well, and nobody was turned away."""
    dice = random.Random(7)
    gentle = {**PROBE, "lifecycle": {"preStop": {"sleep": {"seconds": 2}}}}
    web = deployment("web", 3, WEB, **gentle)
    web["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 10
    cluster.apply(web, service("web", type="NodePort"), namespace=namespace)
    until(lambda: len(endpoints(cluster, "web", namespace)) == 3, "three endpoints")
    port = cluster.get("service/web", namespace=namespace)["spec"]["ports"][0]["nodePort"]
    was = {p["metadata"]["name"] for p in running(cluster, "web", namespace)}

    with Load(f"http://127.0.0.1:{port}/") as load:
        cluster.knarr("rollout", "restart", "deployment/web", "--detach", "-n", namespace)
        for _ in range(ROUNDS):
            time.sleep(dice.uniform(0.1, 1.0))
            kill(cluster, "server")
            until(lambda: healthy(cluster), "healthy again", 60)
        cluster.knarr("rollout", "status", "deployment/web", "-n", namespace)
        until(lambda: len(cluster.get("pods", namespace=namespace)["items"]) == 3, "the old pods are gone")
    now = {p["metadata"]["name"] for p in running(cluster, "web", namespace)}

    assert load.failures == []
    assert (len(now), now & was) == (3, set())
    assert len(cluster.get("replicasets", namespace=namespace)["items"]) == 2
    nothing_amiss(cluster)


@pytest.mark.parametrize("victims", [("agent",), ("containerd",), ("server", "agent", "containerd")], ids="-".join)
def test_kills_while_pods_come_and_go_leak_nothing(cluster, namespace, victims):
    """3, 10, 2 replicas, with somebody killed at random moments: in the end exactly two run, and nothing is left over."""
    dice = random.Random(str(victims))
    cluster.apply(deployment("web", 3, "trap 'exit 0' TERM; sleep inf & wait"), namespace=namespace)

    for replicas in [10, 2] * max(1, ROUNDS // 4):
        cluster.knarr("scale", "deployment/web", "--replicas", str(replicas), "--detach", "-n", namespace)
        for _ in range(3):
            time.sleep(dice.uniform(0.0, 1.2))
            kill(cluster, dice.choice(victims))
            until(lambda: healthy(cluster), "healthy again", 60)
        cluster.knarr("rollout", "status", "deployment/web", "-n", namespace)

    until(lambda: len(cluster.get("pods", namespace=namespace)["items"]) == 2, "two pods", 60)
    assert all(s["ready"] for p in running(cluster, "web", namespace) for s in p["status"]["containerStatuses"])
    nothing_amiss(cluster)
    print(f"{6 * max(1, ROUNDS // 4)} kills of {' '.join(victims)} under churn: API, runtime and machine agree")


@pytest.mark.parametrize("victims", [{"agent": {128}}, {"agent": {128}, "containerd": {255, 1}}],
                         ids=" and ".join)
def test_ends_that_nobody_watched_are_told_right(cluster, namespace, victims):
    """Pods start and end, each with a code and a line of its own, under kills: all end, none runs twice.

    An agent that dies just when a process begins takes the start with it, 128; a containerd that dies may not hear an
    end, 255, may cut short what makes a process, 1, and takes what it was just reading with it. All else is kept, and
    no line comes twice. See docs/decisions/lost-ends.md.
    """
    dice, codes = random.Random(13), range(16)
    pods = [pod(f"end-{code}", f"echo line {code}; sleep {code % 6}; exit {code}", restartPolicy="Never") for code in codes]
    cluster.apply(*pods, namespace=namespace, wait=False)

    for _ in range(ROUNDS):
        time.sleep(dice.uniform(0.0, 1.2))
        for victim in victims:
            kill(cluster, victim)
        until(lambda: healthy(cluster), "healthy again", 60)
    server = connect(None, str(cluster.data_dir))

    def ended():
        items = cluster.get("pods", namespace=namespace)["items"]
        return items if all(one["status"]["phase"] in ("Succeeded", "Failed") for one in items) else None

    states = {one["metadata"]["name"]: one["status"]["containerStatuses"][0] for one in until(ended, "all ended", 120)}
    told = {name: (state["state"]["terminated"]["exitCode"], state["restartCount"]) for name, state in states.items()}
    own = {f"end-{code}": (code, 0) for code in codes}
    cut = {name for name, (code, _) in told.items() if code in set().union(*victims.values()) and code != own[name][0]}
    logs = {name: server.ask("GET", f"/api/v1/namespaces/{namespace}/pods/{name}/log") for name in sorted(own.keys() - cut)}

    assert {name: own[name] if name not in cut else (told[name][0], 0) for name in own} == told
    assert {name: f"line {own[name][0]}\n" for name in logs if logs[name] or "containerd" not in victims} == {
        name: log for name, log in logs.items() if log or "containerd" not in victims}
    assert len(cut) < len(codes) / 2
    nothing_amiss(cluster)
    print(f"{ROUNDS} kills of {' and '.join(victims)}: {len(codes) - len(cut)} exit codes and logs are right, {len(cut)} cut")


def test_names_resolve_while_the_server_is_dead(cluster, namespace):
    """The API server is gone and nobody may start it: a pod that asks for names all the time does not notice."""
    asking = f"while :; do nslookup -type=a web.{namespace}.svc.cluster.local > /tmp/o 2>&1 && echo fine || cat /tmp/o; done"
    cluster.apply(deployment("web", 1, WEB, **PROBE), service("web"), namespace=namespace)
    cluster.apply(pod("asker", asking), namespace=namespace, wait=False)
    until(lambda: ready(cluster, "asker", namespace), "asker ready")
    supervisor, server = pids(cluster)["supervisor"], pids(cluster)["server"]
    os.kill(supervisor, signal.SIGSTOP)
    try:
        os.kill(server, signal.SIGKILL)
        refused = cluster.knarr("get", "nodes", check=False)
        time.sleep(3)
    finally:
        os.kill(supervisor, signal.SIGCONT)
    until(lambda: healthy(cluster), "healthy again", 60)
    said = cluster.knarr("logs", "asker", "-n", namespace).stdout.splitlines()

    assert refused.returncode == 1
    assert len(said) > 50
    assert set(said) == {"fine"}


def test_asking_a_dead_agent_says_so(cluster, namespace):
    """logs and exec need the agent: while it is dead they fail at once, with a reason and no traceback."""
    cluster.apply(pod("guest"), namespace=namespace, wait=False)
    until(lambda: ready(cluster, "guest", namespace), "guest ready")
    supervisor, agent = pids(cluster)["supervisor"], pids(cluster)["agent"]
    os.kill(supervisor, signal.SIGSTOP)
    try:
        os.kill(agent, signal.SIGKILL)
        said = [
            cluster.knarr("logs", "guest", "-n", namespace, check=False, timeout_s=30),
            cluster.knarr("exec", "guest", "-n", namespace, "--", "true", check=False, timeout_s=30),
        ]
    finally:
        os.kill(supervisor, signal.SIGCONT)
    until(lambda: healthy(cluster), "healthy again", 60)

    for one in said:
        assert one.returncode == 1
        assert "10250" in one.stderr or "dial tcp" in one.stderr or "node" in one.stderr
        assert "Traceback" not in one.stderr
