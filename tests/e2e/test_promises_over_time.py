"""What Kubernetes' conformance rules promise while things change: files follow, hooks are called, what failed is made again.

Source: kubernetes test/conformance/testdata/conformance.yaml.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.cluster import Cluster, pod, service, until
from tests.e2e.test_pods import ready

SERVER = "exec httpd -f -vv -p 8080 -h /tmp 2>&1"
KINDS = ("configMap", "secret", "projected-configMap", "projected-secret")


def a_map(kind: str, name: str, value: str) -> dict[str, Any]:
    """Return a ConfigMap or Secret with one key."""
    field = "data" if kind == "ConfigMap" else "stringData"
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, field: {"data-1": value}}


def optional(kind: str, name: str) -> dict[str, Any]:
    """Return a volume's source that may be absent."""
    plain = kind.removeprefix("projected-")
    inner = {"secretName" if kind == "secret" else "name": name, "optional": True}
    return {plain: inner} if kind == plain else {"projected": {"sources": [{plain: inner}]}}


def patch(cluster: Cluster, namespace: str, what: str, change: Any, *more: str) -> None:
    cluster.kubectl("-n", namespace, "patch", what, "--type=merge", "-p", json.dumps(change), *more)


def phase(cluster: Cluster, namespace: str, name: str) -> str:
    return str(cluster.get(f"pod/{name}", namespace=namespace)["status"].get("phase"))


def uid(cluster: Cluster, namespace: str, what: str) -> str:
    """Return an object's uid; empty while there is none."""
    found = cluster.kubectl("-n", namespace, "get", what, "--ignore-not-found", "-o", "jsonpath={.metadata.uid}")
    return found.stdout


def test_optional_sources_come_change_and_go(cluster, namespace):
    """Of each kind of volume three: one whose source is made later, one that changes, one that is taken away."""
    volumes = [{"name": f"{kind}-{what}".lower(), **optional(kind, what)}
               for kind in KINDS for what in ("made", "changed", "gone")]
    mounts = [{"name": one["name"], "mountPath": f"/v/{one['name']}"} for one in volumes]
    both = ("ConfigMap", "Secret")
    cluster.apply(*(a_map(kind, what, "value-1") for kind in both for what in ("changed", "gone")), namespace=namespace)
    cluster.apply(pod("reader", container={"volumeMounts": mounts}, volumes=volumes), namespace=namespace)

    def seen() -> str:
        return cluster.exec("reader", "sh", "-c", "cd /v; grep . */data-1 2>/dev/null | sort",
                            namespace=namespace, check=False)

    names = sorted(kind.lower() for kind in KINDS)
    first = "".join(f"{kind}-{what}/data-1:value-1\n" for kind in names for what in ("changed", "gone"))
    until(lambda: seen() == first, "the files stand")

    cluster.apply(*(a_map(kind, "made", "value-1") for kind in both),
                  *(a_map(kind, "changed", "value-2") for kind in both), namespace=namespace)
    cluster.kubectl("-n", namespace, "delete", "configmap/gone", "secret/gone")

    wanted = "".join(f"{kind}-{line}\n" for kind in names for line in ("changed/data-1:value-2", "made/data-1:value-1"))
    until(lambda: seen() == wanted, "the files follow")


def test_labels_and_annotations_follow_into_files(cluster, namespace):
    """A running container reads its pod's new labels and annotations."""
    items = [{"path": what, "fieldRef": {"fieldPath": f"metadata.{what}"}} for what in ("labels", "annotations")]
    cluster.apply(pod("reader", container={"volumeMounts": [{"name": "info", "mountPath": "/info"}]},
                      volumes=[{"name": "info", "downwardAPI": {"items": items}}]), namespace=namespace)

    patch(cluster, namespace, "pod/reader", {"metadata": {"labels": {"app": "other"}, "annotations": {"builder": "foo"}}})

    until(lambda: 'app="other"' in cluster.exec("reader", "cat", "/info/labels", namespace=namespace), "labels")
    until(lambda: 'builder="foo"' in cluster.exec("reader", "cat", "/info/annotations", namespace=namespace), "annotations")


@pytest.mark.parametrize("bad", ["/absolute", "..", "`ls`/../.."])
def test_a_part_of_a_volume_that_may_not_be_named_can_be_mended(cluster, namespace, bad):
    """The annotation that names it is wrong: the container waits and says why. It is put right: the container runs."""
    mount = {"name": "work", "mountPath": "/work", "subPathExpr": "$(WHERE)"}
    env = [{"name": "WHERE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['where']"}}}]
    made = pod("picky", container={"env": env, "volumeMounts": [mount]}, volumes=[{"name": "work", "emptyDir": {}}])
    made["metadata"]["annotations"] = {"where": bad}
    cluster.apply(made, namespace=namespace, wait=False)

    def waiting() -> str:
        statuses = cluster.get("pod/picky", namespace=namespace)["status"].get("containerStatuses") or [{}]
        return str(statuses[0].get("state", {}).get("waiting", {}).get("reason"))

    until(lambda: waiting() == "CreateContainerConfigError", "it waits")
    patch(cluster, namespace, "pod/picky", {"metadata": {"annotations": {"where": "mypath"}}})
    until(lambda: ready(cluster, "picky", namespace), "it runs", patience_s=60)


def test_a_deadline_that_is_set_later_ends_the_pod(cluster, namespace):
    """It runs without one; then it has one second."""
    cluster.apply(pod("late"), namespace=namespace)
    until(lambda: ready(cluster, "late", namespace), "it runs")

    patch(cluster, namespace, "pod/late", {"spec": {"activeDeadlineSeconds": 1}})

    until(lambda: phase(cluster, namespace, "late") == "Failed", "it has ended")
    assert "DeadlineExceeded" == cluster.get("pod/late", namespace=namespace)["status"]["reason"]


@pytest.mark.parametrize("way", ["exec", "httpGet"])
def test_hooks_call_another_pod(cluster, namespace, way):
    """After a container's start and before its end somebody else is told, by a command or by the node's own request."""
    cluster.apply(pod("server", SERVER), namespace=namespace)
    until(lambda: ready(cluster, "server", namespace), "the server runs")
    host = cluster.get("pod/server", namespace=namespace)["status"]["podIP"]

    def call(moment: str) -> dict[str, Any]:
        if way == "exec":
            return {"exec": {"command": ["sh", "-c", f"wget -qO- http://{host}:8080/{moment}; true"]}}
        return {"httpGet": {"host": host, "port": 8080, "path": f"/{moment}", "httpHeaders": [{"name": "X", "value": "y"}]}}

    def told(moment: str) -> bool:
        return f"url:/{moment}" in cluster.knarr("logs", "server", "-n", namespace).stdout

    hooked = pod("hooked", container={"lifecycle": {"preStop": call("before"), "postStart": {
        "exec": {"command": ["true"]}} if way == "httpGet" else call("after")}}, terminationGracePeriodSeconds=15)
    cluster.apply(hooked, namespace=namespace)
    until(lambda: ready(cluster, "hooked", namespace), "it has started")
    if way == "exec":
        until(lambda: told("after"), "the start is told")
    cluster.kubectl("-n", namespace, "delete", "pod/hooked", "--wait=false")
    until(lambda: told("before"), "the end is told")


def test_the_root_certificate_is_in_every_namespace(cluster, namespace):
    """Taken away, it comes again; changed, it is put right."""
    def certificate() -> str:
        return cluster.kubectl("-n", namespace, "get", "configmap/kube-root-ca.crt", "--ignore-not-found",
                               "-o", r"jsonpath={.data.ca\.crt}").stdout

    until(lambda: "BEGIN CERTIFICATE" in certificate(), "it is there")
    cluster.kubectl("-n", namespace, "delete", "configmap/kube-root-ca.crt")
    until(lambda: "BEGIN CERTIFICATE" in certificate(), "it is there again")
    patch(cluster, namespace, "configmap/kube-root-ca.crt", {"data": {"ca.crt": "mine"}})
    until(lambda: "BEGIN CERTIFICATE" in certificate(), "it is right again")


def test_a_rejected_pod_of_a_set_is_made_again(cluster, namespace):
    """Its node refuses it, for another pod holds the port; when that has gone, the set has its pod."""
    node = cluster.get("nodes")["items"][0]["metadata"]["name"]
    port = {"ports": [{"containerPort": 8080, "hostPort": 31017}]}
    cluster.apply(pod("holder", container=port, nodeName=node), namespace=namespace)
    template = pod("set", container=port, nodeName=node)
    cluster.apply(service("set", clusterIP="None"), {
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "set"}, "spec": {
            "serviceName": "set", "replicas": 1, "selector": {"matchLabels": {"app": "set"}},
            "template": {"metadata": {"labels": {"app": "set"}}, "spec": template["spec"]}}}, namespace=namespace, wait=False)
    first = until(lambda: uid(cluster, namespace, "pod/set-0"), "the first is there")
    until(lambda: uid(cluster, namespace, "pod/set-0") not in ("", first), "it has been made again")

    cluster.kubectl("-n", namespace, "delete", "pod/holder")

    cluster.kubectl("-n", namespace, "rollout", "status", "statefulset/set", "--timeout=60s")


def test_a_failed_daemon_is_made_again(cluster, namespace):
    """Somebody marks its pod as failed: it goes, and another comes."""
    template = pod("daemon")
    cluster.apply({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "daemon"}, "spec": {
        "selector": {"matchLabels": {"app": "daemon"}},
        "template": {"metadata": {"labels": {"app": "daemon"}}, "spec": template["spec"]}}}, namespace=namespace)
    (name,) = [one["metadata"]["name"] for one in cluster.get("pods", namespace=namespace)["items"]]

    patch(cluster, namespace, f"pod/{name}", {"status": {"phase": "Failed"}}, "--subresource=status")

    def others() -> list[str]:
        return [one["metadata"]["name"] for one in cluster.get("pods", namespace=namespace)["items"]
                if one["metadata"]["name"] != name and one["status"].get("phase") == "Running"]

    until(others, "another runs")


def test_the_higher_takes_the_place_of_the_lower(cluster, namespace):
    """A node has one of something. Who has it goes for who matters more, and says why it went."""
    node, name = cluster.get("nodes")["items"][0]["metadata"]["name"], "example.com/harbour"
    has = {"status": {"capacity": {name: "1"}, "allocatable": {name: "1"}}}
    cluster.kubectl("patch", "node", node, "--subresource=status", "--type=merge", "-p", json.dumps(has))
    want = {"resources": {"requests": {name: "1"}, "limits": {name: "1"}}}
    levels = [{"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": f"{namespace}-{level}"},
               "value": value} for level, value in (("low", 1), ("high", 100))]
    try:
        low = pod("low", container=want, priorityClassName=f"{namespace}-low")
        low["metadata"]["finalizers"] = ["example.com/look"]
        cluster.apply(*levels, low, namespace=namespace)
        cluster.apply(pod("high", container=want, priorityClassName=f"{namespace}-high"), namespace=namespace, wait=False)

        until(lambda: ready(cluster, "high", namespace), "the higher runs", patience_s=60)
        conditions = cluster.get("pod/low", namespace=namespace)["status"]["conditions"]
        assert ["PreemptionByScheduler"] == [one["reason"] for one in conditions if one["type"] == "DisruptionTarget"]
    finally:
        patch(cluster, namespace, "pod/low", {"metadata": {"finalizers": None}})
        gone = {"status": {"capacity": {name: None}, "allocatable": {name: None}}}
        cluster.kubectl("patch", "node", node, "--subresource=status", "--type=merge", "-p", json.dumps(gone))
        cluster.kubectl("delete", "priorityclass", f"{namespace}-low", f"{namespace}-high")
