"""Pods live, fail, heal and end, in real containers."""

from __future__ import annotations

import time

from tests.e2e.cluster import deployment, pod, until


def restarts(cluster, name, namespace):
    statuses = cluster.get(f"pod/{name}", namespace=namespace)["status"].get("containerStatuses") or [{}]
    return statuses[0].get("restartCount", 0)


def ready(cluster, name, namespace):
    conditions = cluster.get(f"pod/{name}", namespace=namespace)["status"].get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def test_a_killed_container_restarts_in_place(cluster, namespace):
    """Its main process dies: the same pod has it again, and counts."""
    cluster.apply(pod("frail", "sleep 1000 & wait"), namespace=namespace)
    until(lambda: ready(cluster, "frail", namespace), "ready")
    before = cluster.get("pod/frail", namespace=namespace)

    cluster.exec("frail", "sh", "-c", "kill -TERM 1; kill -KILL -1", namespace=namespace, check=False)
    until(lambda: restarts(cluster, "frail", namespace) == 1, "restarted once")
    after = until(
        lambda: ready(cluster, "frail", namespace) and cluster.get("pod/frail", namespace=namespace), "ready again"
    )

    assert before["metadata"]["uid"] == after["metadata"]["uid"]
    assert before["status"]["podIP"] == after["status"]["podIP"]


def test_a_container_that_keeps_failing_is_backed_off(cluster, namespace):
    """It exits at once, again and again: it waits longer each time, and the previous run's words can be read."""
    cluster.apply(pod("crash", "echo sorry; exit 3"), namespace=namespace, wait=False)

    def backing_off():
        status = (cluster.get("pod/crash", namespace=namespace)["status"].get("containerStatuses") or [{}])[0]
        waiting = (status.get("state") or {}).get("waiting") or {}
        return status if waiting.get("reason") == "CrashLoopBackOff" else None

    status = until(backing_off, "CrashLoopBackOff")

    assert "back-off" in status["state"]["waiting"]["message"]
    assert status["lastState"]["terminated"]["exitCode"] == 3
    assert "sorry" in cluster.knarr("logs", "crash", "-n", namespace, "--previous").stdout


def test_a_deleted_pod_is_replaced(cluster, namespace):
    """A Deployment's pod goes; another comes."""
    cluster.apply(deployment("web", 2, "sleep inf"), namespace=namespace)
    names = {p["metadata"]["name"] for p in cluster.get("pods", namespace=namespace)["items"]}
    gone = sorted(names)[0]

    cluster.knarr("delete", "pod", gone, "-n", namespace)
    cluster.knarr("rollout", "status", "deployment/web", "-n", namespace)

    now = {p["metadata"]["name"] for p in cluster.get("pods", namespace=namespace)["items"]}
    assert gone not in now
    assert len(now) == 2


def test_a_failing_liveness_probe_restarts_the_container(cluster, namespace):
    """It runs, but says that it is not well."""
    probe = {
        "exec": {"command": ["test", "-e", "/tmp/well"]},
        "periodSeconds": 1,
        "failureThreshold": 1,
        "initialDelaySeconds": 2,
    }
    cluster.apply(
        pod("ill", "touch /tmp/well; sleep 5; rm /tmp/well; sleep inf", container={"livenessProbe": probe}),
        namespace=namespace,
        wait=False,
    )

    until(lambda: restarts(cluster, "ill", namespace) >= 1, "restarted", 40)
    events = cluster.knarr("describe", "pod/ill", "-n", namespace).stdout

    assert "Liveness probe failed" in events


def test_init_containers_run_first_and_in_order(cluster, namespace):
    """What they write is there when the main container starts."""
    shared = [{"name": "shared", "mountPath": "/shared"}]
    init = [
        {
            "name": n,
            "image": "localhost/busybox:test",
            "imagePullPolicy": "Never",
            "volumeMounts": shared,
            "command": ["sh", "-c", f"echo {n} >> /shared/order"],
        }
        for n in ("first", "second")
    ]
    cluster.apply(
        pod(
            "inits",
            "cat /shared/order; sleep inf",
            initContainers=init,
            container={"volumeMounts": shared},
            volumes=[{"name": "shared", "emptyDir": {}}],
        ),
        namespace=namespace,
        wait=False,
    )
    until(lambda: ready(cluster, "inits", namespace), "ready")

    assert ["first", "second"] == cluster.knarr("logs", "inits", "-n", namespace).stdout.split()


def test_environment_and_files_come_from_the_api(cluster, namespace):
    """Config map, secret, downward API and token: each reaches the container as asked for."""
    env = [
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "config", "key": "a"}}},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "b"}}},
        {"name": "ME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "requests.cpu", "divisor": "1m"}}},
    ]
    mounts = [
        {"name": "config", "mountPath": "/config"},
        {"name": "secret", "mountPath": "/secret"},
        {"name": "down", "mountPath": "/down"},
    ]
    volumes = [
        {"name": "config", "configMap": {"name": "config"}},
        {"name": "secret", "secret": {"secretName": "secret"}},
        {"name": "down", "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    ]
    cluster.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "config"}, "data": {"a": "from-config"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "secret"}, "stringData": {"b": "from-secret"}},
        pod(
            "reader",
            container={"env": env, "volumeMounts": mounts, "resources": {"requests": {"cpu": "20m"}}},
            volumes=volumes,
        ),
        namespace=namespace,
        wait=False,
    )
    until(lambda: ready(cluster, "reader", namespace), "ready")

    ip = cluster.get("pod/reader", namespace=namespace)["status"]["podIP"]
    said = cluster.exec(
        "reader", "sh", "-c", "echo $A $B $ME $IP $CPU; cat /config/a /secret/b /down/labels", namespace=namespace
    )
    token = cluster.exec("reader", "cat", "/var/run/secrets/kubernetes.io/serviceaccount/token", namespace=namespace)

    assert f"from-config from-secret reader {ip} 20" == said.splitlines()[0]
    assert 'from-configfrom-secretapp="reader"' in said
    assert token.count(".") == 2


def test_a_changed_config_map_reaches_the_running_container(cluster, namespace):
    """No restart, no rebuild: the file changes."""
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "live"}, "data": {"v": "one"}}
    cluster.apply(
        config,
        pod(
            "watcher",
            container={"volumeMounts": [{"name": "c", "mountPath": "/c"}]},
            volumes=[{"name": "c", "configMap": {"name": "live"}}],
        ),
        namespace=namespace,
        wait=False,
    )
    until(lambda: ready(cluster, "watcher", namespace), "ready")

    cluster.apply({**config, "data": {"v": "two"}}, namespace=namespace)

    until(lambda: cluster.exec("watcher", "cat", "/c/v", namespace=namespace) == "two", "the file changed", 90)


def test_a_pod_ends_gracefully(cluster, namespace):
    """It is told to stop, says farewell within its grace, and is gone."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "diary"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}},
    }
    mount = {"volumeMounts": [{"name": "d", "mountPath": "/d"}]}
    volume = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "diary"}}]}
    script = (
        "trap 'sleep 1; echo farewell >> /d/page; exit 0' TERM; echo hello >> /d/page; while true; do sleep 0.1; done"
    )
    stop = {"lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "echo hook >> /d/page"]}}}}
    cluster.apply(
        claim,
        pod("polite", script, container={**mount, **stop}, **volume, terminationGracePeriodSeconds=20),
        namespace=namespace,
        wait=False,
    )
    until(lambda: ready(cluster, "polite", namespace), "ready")

    began_s = time.monotonic()
    cluster.knarr("delete", "pod", "polite", "-n", namespace)
    took_s = time.monotonic() - began_s
    cluster.apply(pod("reader", "cat /d/page; sleep inf", container=mount, **volume), namespace=namespace, wait=False)
    until(lambda: ready(cluster, "reader", namespace), "ready")

    assert ["hello", "hook", "farewell"] == cluster.knarr("logs", "reader", "-n", namespace).stdout.split()
    assert took_s < 15


def test_standard_input_ends_where_it_ends(cluster, namespace):
    """`exec -i` with nothing, with little, with much that comes back while it is still being sent: cat ends each time."""
    cluster.apply(pod("cat"), namespace=namespace, wait=False)
    until(lambda: ready(cluster, "cat", namespace), "cat ready")
    line = "0123456789abcdef" * 64 + "\n"

    for text in ("", "", "", "a line\n", line * 2000):
        done = cluster.knarr("exec", "-i", "cat", "-n", namespace, "--", "cat", stdin=text, timeout_s=60)
        assert text == done.stdout


def test_a_generic_ephemeral_volume_lives_as_long_as_its_pod(cluster, namespace):
    """A claim is made for the pod, its volume is written to, and both go with it."""
    template = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}}}
    volume = {"volumes": [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}]}
    mount = {"volumeMounts": [{"name": "scratch", "mountPath": "/s"}]}
    cluster.apply(pod("brief", "echo here > /s/page; sleep inf", container=mount, **volume), namespace=namespace, wait=False)
    until(lambda: ready(cluster, "brief", namespace), "ready")
    claim = cluster.get("pvc/brief-scratch", namespace=namespace)
    written = cluster.exec("brief", "cat", "/s/page", namespace=namespace)
    cluster.knarr("delete", "pod", "brief", "-n", namespace)

    assert ("Bound", "here") == (claim["status"]["phase"], written.strip())
    until(lambda: "brief" not in cluster.knarr("get", "pvc", "-n", namespace, "-o", "name").stdout, "it is gone")


def test_exit_codes_and_phases(cluster, namespace):
    """A pod that need not restart ends as its container did."""
    cluster.apply(
        pod("good", "exit 0", restartPolicy="Never"),
        pod("bad", "exit 7", restartPolicy="Never"),
        namespace=namespace,
        wait=False,
    )

    until(lambda: cluster.get("pod/good", namespace=namespace)["status"]["phase"] == "Succeeded", "succeeded")
    until(lambda: cluster.get("pod/bad", namespace=namespace)["status"]["phase"] == "Failed", "failed")
    state = cluster.get("pod/bad", namespace=namespace)["status"]["containerStatuses"][0]["state"]

    assert state["terminated"]["exitCode"] == 7


def test_a_pod_that_fits_nowhere_says_why(cluster, namespace):
    """It asks for more than the node has."""
    cluster.apply(pod("huge", container={"resources": {"requests": {"cpu": "1000"}}}), namespace=namespace, wait=False)

    def refusal():
        conditions = cluster.get("pod/huge", namespace=namespace)["status"].get("conditions") or []
        return next((c["message"] for c in conditions if c["type"] == "PodScheduled"), None)

    message = until(refusal, "a reason")

    assert message.startswith("0/1 nodes are available: 1 Insufficient cpu.")


def test_an_image_that_cannot_be_had_says_why(cluster, namespace):
    """No registry has it; the runtime's own reason is told."""
    broken = pod("lost")
    broken["spec"]["containers"][0] |= {"image": "127.0.0.1:1/none:1", "imagePullPolicy": "Always"}
    cluster.apply(broken, namespace=namespace, wait=False)

    def waiting():
        statuses = cluster.get("pod/lost", namespace=namespace)["status"].get("containerStatuses") or [{}]
        found = (statuses[0].get("state") or {}).get("waiting") or {}
        return found if found.get("reason") in ("ErrImagePull", "ImagePullBackOff") else None

    until(waiting, "ErrImagePull")
    backing = until(lambda: (w := waiting()) and w["reason"] == "ImagePullBackOff" and w, "ImagePullBackOff", 60)

    assert "127.0.0.1:1/none:1" in backing["message"]
