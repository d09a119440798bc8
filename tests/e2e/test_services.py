"""Services, names and probes' effect on traffic, between real pods."""

from __future__ import annotations

import collections
import json
import subprocess
import time
import urllib.error
import urllib.request
from ipaddress import ip_network

import pytest

from knarr.assembly.instance import load
from knarr.assembly.worker import node_settings
from tests.e2e.cluster import WEB, deployment, free_port, pod, service, until
from tests.e2e.test_pods import ready

PROBE = {"readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}}


@pytest.fixture
def client(cluster, namespace):
    """A pod to ask from."""
    cluster.apply(pod("client"), namespace=namespace, wait=False)
    until(lambda: ready(cluster, "client", namespace), "client ready")

    def ask(script: str) -> str:
        return cluster.exec("client", "sh", "-c", script, namespace=namespace, check=False)

    return ask


def endpoints(cluster, name, namespace):
    slices = json.loads(
        cluster.knarr(
            "get", "endpointslices", "-n", namespace, "-l", f"kubernetes.io/service-name={name}", "-o", "json"
        ).stdout
    )
    return sorted(
        a
        for s in slices["items"]
        for e in s.get("endpoints") or []
        if e["conditions"].get("ready")
        for a in e["addresses"]
    )


def address(cluster):
    """Return the machine's own address."""
    addresses = cluster.get("nodes")["items"][0]["status"]["addresses"]
    return next(a["address"] for a in addresses if a["type"] == "InternalIP")


def answered(node, port):
    """Return what a port of the machine says; empty where nobody listens."""
    try:
        with urllib.request.urlopen(f"http://{node}:{port}/", timeout=5) as answer:
            return answer.read().decode().strip()
    except urllib.error.URLError:
        return ""


def test_a_cluster_ip_spreads_over_ready_endpoints(cluster, namespace, client):
    """Three replicas behind one address all get their share."""
    cluster.apply(deployment("web", 3, WEB, **PROBE), service("web"), namespace=namespace)
    until(lambda: len(endpoints(cluster, "web", namespace)) == 3, "three endpoints")

    answers = collections.Counter(client("for i in $(seq 60); do wget -qO- http://web/; done").split())

    assert len(answers) == 3
    assert sum(answers.values()) == 60


def test_pods_services_and_nodes_answer_through_the_api(cluster, namespace):
    """Somebody who reaches nothing but the API looks at a pod's page, a Service's, and what the node says of itself."""
    cluster.apply(deployment("web", 1, WEB), service("web"), namespace=namespace)
    until(lambda: len(endpoints(cluster, "web", namespace)) == 1, "an endpoint")
    name = cluster.get("pods", "-l", "app=web", namespace=namespace)["items"][0]["metadata"]["name"]
    node = cluster.get("nodes")["items"][0]["metadata"]["name"]

    def raw(path: str) -> str:
        return cluster.kubectl("get", "--raw", path).stdout.strip()

    assert name == raw(f"/api/v1/namespaces/{namespace}/services/web:80/proxy/")
    assert name == raw(f"/api/v1/namespaces/{namespace}/pods/{name}:8080/proxy/")
    assert "ok" == raw(f"/api/v1/nodes/{node}/proxy/healthz")
    listed = json.loads(raw(f"/api/v1/nodes/{node}/proxy/pods"))["items"]
    assert name in [one["metadata"]["name"] for one in listed]
    metrics = raw(f"/api/v1/nodes/{node}/proxy/metrics/resource")
    assert f'pod_memory_working_set_bytes{{namespace="{namespace}",pod="{name}"}} ' in metrics
    assert "<pre>" in raw(f"/api/v1/nodes/{node}/proxy/logs/")


def test_endpoints_written_by_hand_are_served(cluster, namespace, client):
    """A Service without selector leads where its author says: by name, through its own address."""
    cluster.apply(pod("far", WEB), namespace=namespace, wait=False)
    until(lambda: ready(cluster, "far", namespace), "ready")
    ip = cluster.get("pod/far", namespace=namespace)["status"]["podIP"]
    outside = service("outside")
    del outside["spec"]["selector"]
    written = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "outside"},
               "subsets": [{"addresses": [{"ip": ip}], "ports": [{"name": "http", "port": 8080}]}]}
    cluster.apply(outside, written, namespace=namespace)

    assert "far" == until(lambda: client("wget -qO- http://outside/").strip(), "an answer")


def test_a_node_port_answers_on_the_machine(cluster, namespace):
    """From outside the cluster: one port on the node."""
    cluster.apply(deployment("door", 2, WEB, **PROBE), service("door", type="NodePort"), namespace=namespace)
    port = cluster.get("service/door", namespace=namespace)["spec"]["ports"][0]["nodePort"]
    node = address(cluster)

    seen = {answered(node, port) for _ in range(30)}

    assert "" not in seen
    assert len(seen) == 2


def test_a_host_port_answers_on_the_machine_while_its_pod_lives(cluster, namespace):
    """One pod of two asks for a port of the machine: it has it, and the port is free again when the pod has gone."""
    number = free_port()
    mapped = pod("mapped", WEB, container={"ports": [{"containerPort": 8080, "hostPort": number}]})
    cluster.apply(mapped, pod("plain", WEB), namespace=namespace)
    node = address(cluster)
    until(lambda: answered(node, number) == "mapped", "the port answers")

    cluster.knarr("delete", "pod", "mapped", "-n", namespace)

    assert answered(node, number) == ""
    assert ready(cluster, "plain", namespace)


def test_names_resolve_in_every_form(cluster, namespace, client):
    """Short, with namespace, full; headless; SRV; and the API itself."""
    cluster.apply(
        deployment("web", 2, WEB, **PROBE),
        service("web"),
        {
            **service("bare", clusterIP="None"),
            "spec": {"clusterIP": "None", "selector": {"app": "web"}, "ports": [{"name": "http", "port": 8080}]},
        },
        namespace=namespace,
    )
    ip = cluster.get("service/web", namespace=namespace)["spec"]["clusterIP"]
    until(lambda: len(endpoints(cluster, "bare", namespace)) == 2, "two endpoints")

    for name in ("web", f"web.{namespace}", f"web.{namespace}.svc", f"web.{namespace}.svc.cluster.local"):
        assert ip in client(f"ping -c1 -W1 {name} 2>&1 | head -1"), name
    found = client(f"nslookup bare.{namespace}.svc.cluster.local")
    for address in endpoints(cluster, "bare", namespace):
        assert address in found
    srv = client(f"nslookup -type=srv _http._tcp.web.{namespace}.svc.cluster.local")
    assert f"web.{namespace}.svc.cluster.local" in srv
    assert "can't resolve" not in client("nslookup kubernetes.default.svc.cluster.local")
    assert "NXDOMAIN" in client(f"nslookup nothere.{namespace}.svc.cluster.local 2>&1")


def test_a_failing_readiness_probe_takes_the_pod_out(cluster, namespace, client):
    """One of two says it is not ready: within two seconds of the verdict nobody is sent there."""
    cluster.apply(deployment("web", 2, WEB, **PROBE), service("web"), namespace=namespace)
    until(lambda: len(endpoints(cluster, "web", namespace)) == 2, "two endpoints")
    pods = cluster.get(
        "pods",
        namespace=namespace,
    )["items"]
    victim = next(p for p in pods if p["metadata"]["labels"]["app"] == "web")["metadata"]["name"]

    cluster.exec(victim, "rm", "/tmp/w/index.html", namespace=namespace)
    until(lambda: not ready(cluster, victim, namespace), "not ready", 10)
    began_s = time.monotonic()
    until(lambda: len(endpoints(cluster, "web", namespace)) == 1, "one endpoint", 5)
    took_s = time.monotonic() - began_s
    answers = set(client("for i in $(seq 20); do wget -qO- http://web/; done").split())

    assert victim not in answers
    assert took_s < 2


def test_a_pod_with_a_used_address_is_reached_at_once(cluster, namespace, client):
    """The kernel remembers a dead pod at every free address: probes reach the new pod all the same, from the first on."""
    settings = node_settings(load(cluster.data_dir))
    taken = {one["status"].get("podIP") for one in cluster.get("pods", "-A")["items"]}
    free = [str(each) for each in list(ip_network(settings.pod_cidr).hosts())[1:] if str(each) not in taken]
    stale = f"lladdr 02:00:00:00:00:01 nud stale dev {settings.bridge}"
    subprocess.run(["ip", "-batch", "-"], check=True, text=True,
                   input="".join(f"neigh replace {address} {stale}\n" for address in free))

    cluster.apply(deployment("web", 2, WEB, **PROBE), namespace=namespace)
    until(lambda: len(told_ready(cluster, namespace)) == 3, "all are ready")

    messages = [event["message"] for event in cluster.get("events", namespace=namespace)["items"]]
    assert not [message for message in messages if "deadline exceeded" in message]


def told_ready(cluster, namespace):
    """Return the names of pods that are ready."""
    names = [one["metadata"]["name"] for one in cluster.get("pods", namespace=namespace)["items"]]
    return [name for name in names if ready(cluster, name, namespace)]


def test_a_service_without_endpoints_refuses_at_once(cluster, namespace, client):
    """Nobody is there: the client hears so, and need not wait for a timeout."""
    cluster.apply(service("nobody"), namespace=namespace)

    said = client("timeout 5 wget -qO- http://nobody/ 2>&1")

    assert "refused" in said


def test_pods_reach_the_outside_and_each_other(cluster, namespace, client):
    """A pod speaks to the node and to another pod by address."""
    cluster.apply(pod("other", WEB), namespace=namespace, wait=False)
    until(lambda: ready(cluster, "other", namespace), "ready")
    ip = cluster.get("pod/other", namespace=namespace)["status"]["podIP"]

    assert "other" in client(f"wget -qO- http://{ip}:8080/")


def test_stateful_pods_have_names_of_their_own(cluster, namespace, client):
    """`db-0.db` and `db-1.db` stay who they are."""
    template = pod("db", WEB)
    stateful = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db"},
        "spec": {
            "serviceName": "db",
            "replicas": 2,
            "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": template["spec"]},
        },
    }
    cluster.apply(service("db", 8080, clusterIP="None"), stateful, namespace=namespace)

    for number in (0, 1):
        until(
            lambda n=number: f"db-{n}" in client(f"timeout 2 wget -qO- http://db-{n}.db:8080/"), f"db-{number} answers"
        )
