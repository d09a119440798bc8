"""Workloads change under load: scale, roll, fail, undo."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request

from tests.e2e.cluster import BUSYBOX, WEB, deployment, pod, service, until
from tests.e2e.test_services import PROBE, endpoints


def running(cluster, app, namespace):
    found = cluster.get("pods", "-l", f"app={app}", namespace=namespace)["items"]
    return [p for p in found if not p["metadata"].get("deletionTimestamp")]


class Load:
    """Asks one address over and over, from several threads, and keeps every failure."""

    def __init__(self, url: str, threads: int = 3) -> None:
        self.url, self.failures, self.count = url, [], 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]

    def _ask(self):
        while not self._stop.is_set():
            try:
                with urllib.request.urlopen(self.url, timeout=10) as answer:
                    answer.read()
                self.count += 1
            except (OSError, urllib.error.URLError) as error:
                self.failures.append(repr(error))
            time.sleep(0.005)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_scale_up_and_down(cluster, namespace):
    """3 → 10 → 2, each waited for."""
    cluster.apply(deployment("web", 3, "sleep inf"), namespace=namespace)
    for count in (10, 2):
        cluster.knarr("scale", "deployment/web", "--replicas", str(count), "-n", namespace)
        until(lambda count=count: len(running(cluster, "web", namespace)) == count, f"{count} pods")


def test_a_rolling_update_under_load_loses_nothing(cluster, namespace):
    """Customers keep coming while every pod is replaced: not one is turned away."""
    gentle = {**PROBE, "lifecycle": {"preStop": {"sleep": {"seconds": 2}}}}
    web = deployment("web", 3, WEB, **gentle)
    web["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 10
    cluster.apply(web, service("web", type="NodePort"), namespace=namespace)
    until(lambda: len(endpoints(cluster, "web", namespace)) == 3, "three endpoints")
    port = cluster.get("service/web", namespace=namespace)["spec"]["ports"][0]["nodePort"]
    before = {p["metadata"]["name"] for p in running(cluster, "web", namespace)}

    with Load(f"http://127.0.0.1:{port}/") as load:
        cluster.knarr("rollout", "restart", "deployment/web", "-n", namespace)
        time.sleep(3)
    after = {p["metadata"]["name"] for p in running(cluster, "web", namespace)}

    assert load.failures == []
    assert load.count > 100
    assert not before & after


def test_a_bad_image_leaves_the_old_pods_serving_and_undo_heals(cluster, namespace):
    """A typo in the image: the rollout stops, says why, the old pods go on, and one command returns."""
    web = deployment("web", 2, WEB, **PROBE)
    cluster.apply(web, service("web", type="NodePort"), namespace=namespace)
    until(lambda: len(endpoints(cluster, "web", namespace)) == 2, "two endpoints")
    port = cluster.get("service/web", namespace=namespace)["spec"]["ports"][0]["nodePort"]

    web["spec"]["template"]["spec"]["containers"][0] |= {"image": "127.0.0.1:1/typo:1", "imagePullPolicy": "Always"}
    cluster.apply(web, namespace=namespace, wait=False)
    refused = until(
        lambda: (
            (
                r := cluster.knarr(
                    "rollout", "status", "deployment/web", "--timeout", "5", "-n", namespace, check=False
                )
            ).returncode
            and r
        ),
        "the rollout does not finish",
    )
    with Load(f"http://127.0.0.1:{port}/", threads=1) as load:
        time.sleep(1)
    cluster.knarr("rollout", "undo", "deployment/web", "-n", namespace)

    assert "ErrImagePull" in refused.stderr or "ImagePullBackOff" in refused.stderr
    assert load.failures == []
    images = {c["image"] for p in running(cluster, "web", namespace) for c in p["spec"]["containers"]}
    assert {BUSYBOX} == images


def test_a_failed_rollout_returns_by_itself(cluster, namespace):
    """The Deployment asks for it: the bad image is given up at the deadline, and whoever waits is told."""
    wish = {"annotations": {"knarr.dev/rollback": "on-failure"}}
    good = deployment("safe", 1, WEB)
    good = {**good, "metadata": {**good["metadata"], **wish}, "spec": {**good["spec"], "progressDeadlineSeconds": 5}}
    cluster.apply(good, namespace=namespace)
    bad = json.loads(json.dumps(good))
    bad["spec"]["template"]["spec"]["containers"][0].update(image="localhost/nowhere:1", imagePullPolicy="Never")
    refused = cluster.knarr("apply", "-f", "-", "-n", namespace, stdin=json.dumps(bad), check=False)
    cluster.knarr("wait", "deployment/safe", "--for", "condition=RolledBack", "-n", namespace, "--timeout", "20")
    image = good["spec"]["template"]["spec"]["containers"][0]["image"]

    def template():
        return cluster.get("deployment/safe", namespace=namespace)["spec"]["template"]["spec"]["containers"][0]

    until(lambda: template()["image"] == image, "the image is the good one")
    assert 1 == refused.returncode
    assert "timed out progressing" in refused.stderr
    until(lambda: "DeploymentRollback" in cluster.knarr("get", "events", "-n", namespace).stdout, "an event tells of it")


def test_a_stateful_set_rolls_one_by_one(cluster, namespace):
    """The highest ordinal goes first, and claims stay."""
    template = pod("db", "sleep inf", container={"volumeMounts": [{"name": "data", "mountPath": "/data"}]})
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    stateful = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db"},
        "spec": {
            "serviceName": "db",
            "replicas": 2,
            "selector": {"matchLabels": {"app": "db"}},
            "volumeClaimTemplates": [claim],
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": template["spec"]},
        },
    }
    cluster.apply(service("db", clusterIP="None"), stateful, namespace=namespace)
    cluster.exec("db-1", "sh", "-c", "echo mine > /data/me", namespace=namespace)

    cluster.knarr("rollout", "restart", "statefulset/db", "-n", namespace)

    assert cluster.exec("db-1", "cat", "/data/me", namespace=namespace).strip() == "mine"
    assert {"data-db-0", "data-db-1"} == {
        c["metadata"]["name"] for c in cluster.get("pvc", namespace=namespace)["items"]
    }


def test_deleting_a_deployment_takes_its_pods(cluster, namespace):
    """Background deletion reaches down; orphaning leaves them."""
    cluster.apply(deployment("a", 2, "sleep inf"), deployment("b", 1, "sleep inf"), namespace=namespace)

    cluster.knarr("delete", "deployment", "a", "-n", namespace)
    cluster.knarr("delete", "deployment", "b", "--cascade", "orphan", "-n", namespace)

    until(lambda: not running(cluster, "a", namespace), "pods of a are gone")
    assert len(running(cluster, "b", namespace)) == 1
    until(lambda: len(cluster.get("replicasets", namespace=namespace)["items"]) == 1, "the one of b is left")


def test_deleting_a_namespace_takes_everything(cluster):
    """Pods, services, config: all go, then the namespace."""
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "doomed"}})
    cluster.apply(deployment("web", 2, "sleep inf"), service("web"), namespace="doomed")

    cluster.knarr("delete", "namespace", "doomed")

    assert cluster.knarr("get", "namespace", "doomed", check=False).returncode == 1
    assert cluster.get("pods", namespace="doomed")["items"] == []
