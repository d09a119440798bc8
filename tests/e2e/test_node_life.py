"""What happens to a node over its life: static pods, floods of logs, containers that begin again together."""

from __future__ import annotations

import json
import os
import signal
import subprocess

from tests.e2e.cluster import BUSYBOX, KNARR, busybox_archive, new_cluster, pod, until

LINES = 250_000
FLOOD = (f"echo ready; while [ ! -e /tmp/go ]; do usleep 50000; done; awk 'BEGIN {{ for (i = 0; i < {LINES}; i++) "
         f'{{ print i, "{"x" * 90}"; if (i % 40000 == 39999) system("usleep 500000") }} }}\'; sleep inf')


def shown(cluster, name, namespace="default"):
    """Return a pod, or None."""
    done = cluster.knarr("get", f"pod/{name}", "-n", namespace, "-o", "json", check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def ready(obj):
    conditions = (obj or {}).get("status", {}).get("conditions") or []
    return obj if any(c["type"] == "Ready" and c["status"] == "True" for c in conditions) else None


def test_a_static_pod_lives_with_its_file(cluster):
    """A file appears: its pod runs and is shown. The mirror is deleted: it comes back. The file goes: all goes."""
    node = cluster.get("nodes")["items"][0]["metadata"]["name"]
    name, file = f"fixed-{node}", cluster.data_dir / "manifests" / "fixed.json"
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "fixed"}, "spec": {
        "terminationGracePeriodSeconds": 1, "containers": [{
            "name": "c", "image": BUSYBOX, "imagePullPolicy": "Never", "command": ["sh", "-c", "echo here; sleep inf"]}]}}
    file.write_text(json.dumps(manifest))
    try:
        first = until(lambda: ready(shown(cluster, name)), "the mirror is ready")
        assert [("Node", node)] == [(each["kind"], each["name"]) for each in first["metadata"]["ownerReferences"]]
        assert "here" in cluster.knarr("logs", name).stdout
        assert "root" in cluster.exec(name, "whoami")

        cluster.knarr("delete", "pod", name, check=False)
        again = until(
            lambda: (now := ready(shown(cluster, name))) and now["metadata"]["uid"] != first["metadata"]["uid"] and now,
            "another mirror")
        assert first["status"]["containerStatuses"][0]["containerID"] == (
            again["status"]["containerStatuses"][0]["containerID"])
    finally:
        file.unlink()
    until(lambda: shown(cluster, name) is None, "nothing is left of it", 60)


def test_a_flood_of_logs_is_bounded_and_followed(cluster, namespace):
    """36 MB as fast as awk writes them: full files are put aside, few are kept; who follows misses no line."""
    cluster.apply(pod("flood", FLOOD), namespace=namespace)
    uid = until(lambda: ready(shown(cluster, "flood", namespace)), "it runs")["metadata"]["uid"]
    folder = cluster.data_dir / "log" / "pods" / f"{namespace}_flood_{uid}" / "main"
    reader = subprocess.Popen([*KNARR, "logs", "flood", "-n", namespace, "--follow", "--data-dir",
                               str(cluster.data_dir)], stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    try:
        assert "ready\n" == reader.stdout.readline()
        cluster.exec("flood", "touch", "/tmp/go", namespace=namespace)
        for number in range(LINES):
            assert reader.stdout.readline().startswith(f"{number} ")
    finally:
        reader.kill()
        reader.wait()

    until(lambda: len(list(folder.iterdir())) >= 2, "it was rotated")
    assert len(list(folder.iterdir())) <= 5
    assert len(cluster.knarr("logs", "flood", "-n", namespace, "--tail", "3").stdout.splitlines()) <= 3


def test_all_containers_begin_again_with_one(cluster, namespace):
    """One container's exit code says so: the other and the init container run a second time, in the same sandbox."""
    image = {"image": BUSYBOX, "imagePullPolicy": "Never"}
    cluster.apply(pod(
        "together", "sleep inf", restartPolicy="Never",
        initContainers=[{"name": "i", "command": ["true"], **image}],
        containers=[
            {"name": "c", "command": ["sleep", "inf"], **image},
            {"name": "boss", "command": ["sh", "-c", "[ -e /mark/once ] && sleep inf; touch /mark/once; exit 88"],
             "volumeMounts": [{"name": "mark", "mountPath": "/mark"}], "restartPolicy": "Never",
             "restartPolicyRules": [{"action": "RestartAllContainers",
                                     "exitCodes": {"operator": "In", "values": [88]}}], **image}],
        volumes=[{"name": "mark", "emptyDir": {}}], terminationGracePeriodSeconds=1), namespace=namespace, wait=False)

    def counts(status):
        return [each["restartCount"] for each in (*status["initContainerStatuses"], *status["containerStatuses"])]

    after = until(lambda: (now := ready(shown(cluster, "together", namespace))) and counts(now["status"]) == [1, 1, 1]
                  and now, "all ran twice", 90)
    restarting = [c for c in after["status"]["conditions"] if c["type"] == "AllContainersRestarting"]
    assert ["False"] == [each["status"] for each in restarting]


SHUTDOWN = """apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
shutdownGracePeriod: 20s
shutdownGracePeriodCriticalPods: 5s
"""


def test_pods_end_well_before_the_machine_goes_down(tmp_path):
    """The agent hears of it: containers get their signal and their time; pods and node say why; a new agent takes pods."""
    (tmp_path / "kubelet.yaml").write_text(SHUTDOWN)
    made = new_cluster()
    try:
        made.knarr("up", "--port", str(made.port), "--kubelet-config", str(tmp_path / "kubelet.yaml"))
        made.knarr("image", "load", str(busybox_archive(tmp_path / "busybox.tar")))
        made.apply(pod("calm", "trap 'sleep 1; exit 7' TERM; sleep inf & wait", terminationGracePeriodSeconds=10))
        until(lambda: ready(shown(made, "calm")), "it runs")
        agent = (made.data_dir / "run" / "agent.pid").read_text().split()[0]
        os.kill(int(agent), signal.SIGUSR1)

        over = until(lambda: (now := made.get("pod/calm"))["status"]["phase"] == "Failed" and now, "it has ended")
        assert ("Terminated", "Pod was terminated in response to imminent node shutdown.") == (
            over["status"]["reason"], over["status"]["message"])
        assert 7 == over["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"]
        node = made.get("nodes")["items"][0]
        assert ["node is shutting down"] == [c["message"] for c in node["status"]["conditions"] if c["type"] == "Ready"]

        os.kill(int(agent), signal.SIGKILL)
        made.apply(pod("next"), wait=False)
        until(lambda: ready(shown(made, "next")), "the next one runs", 60)
    finally:
        made.knarr("down", "--purge", check=False)
