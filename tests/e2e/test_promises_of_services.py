"""What Kubernetes' conformance rules promise of Services: affinity, changes of type and of ports, endpoints, proxies.

Source: kubernetes test/conformance/testdata/conformance.yaml, the rules of the network.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from knarr.cli.connect import connect
from tests.e2e.cluster import WEB, Cluster, deployment, pod, service, until
from tests.e2e.test_pods import ready
from tests.e2e.test_services import PROBE, address, answered, client, endpoints  # noqa: F401  # client: a fixture

ECHO = r"""cat > /tmp/tell <<'END'
#!/bin/sh
read method path version
while read line && [ "$line" != "$(printf '\r')" ]; do :; done
said="$method $path"
printf 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n' ${#said}
[ "$method" = HEAD ] || printf %s "$said"
END
chmod +x /tmp/tell; exec nc -ll -p 8080 -e /tmp/tell"""


def change(cluster: Cluster, namespace: str, name: str, **spec: Any) -> None:
    cluster.kubectl("-n", namespace, "patch", f"service/{name}", "--type=merge", "-p", json.dumps({"spec": spec}))


def spec_of(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = cluster.get(f"service/{name}", namespace=namespace)["spec"]
    return found


def test_affinity_comes_and_goes(cluster, namespace, client):  # noqa: F811
    """One client stays with one pod while the Service says so: by its address, and by the node's port."""
    cluster.apply(deployment("web", 3, WEB, **PROBE), service("web", type="NodePort", sessionAffinity="ClientIP"),
                  namespace=namespace)
    until(lambda: len(endpoints(cluster, "web", namespace)) == 3, "three endpoints")
    port, node = spec_of(cluster, namespace, "web")["ports"][0]["nodePort"], address(cluster)

    def spread() -> tuple[int, int]:
        inside = set(client("for i in $(seq 24); do wget -qO- http://web/; done").split())
        return len(inside), len({answered(node, port) for _ in range(24)})

    assert (1, 1) == spread()
    change(cluster, namespace, "web", sessionAffinity="None", sessionAffinityConfig=None)
    until(lambda: min(spread()) > 1, "it spreads")
    change(cluster, namespace, "web", sessionAffinity="ClientIP")
    until(lambda: spread() == (1, 1), "it stays again")


def test_a_service_changes_its_type(cluster, namespace, client):  # noqa: F811
    """From a name outside to an address, to a port of the node, and back: names, addresses and ports follow."""
    cluster.apply(deployment("web", 1, WEB, **PROBE), namespace=namespace)
    outside = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
               "spec": {"type": "ExternalName", "externalName": "foo.example.com"}}
    cluster.apply(outside, namespace=namespace)

    def asked() -> str:
        return client("nslookup -type=cname web." + namespace + ".svc.cluster.local; wget -qO- http://web/")

    until(lambda: "foo.example.com" in asked(), "the name leads outside")
    assert "clusterIP" not in spec_of(cluster, namespace, "web")

    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    change(cluster, namespace, "web", type="ClusterIP", externalName=None, ports=ports, selector={"app": "web"})
    until(lambda: "web-" in asked() and "example" not in asked(), "the name leads to the pod")

    change(cluster, namespace, "web", type="NodePort")
    port = spec_of(cluster, namespace, "web")["ports"][0]["nodePort"]
    until(lambda: answered(address(cluster), port).startswith("web-"), "the node's port leads to the pod")

    change(cluster, namespace, "web", type="ExternalName", externalName="bar.example.com", clusterIP="")
    until(lambda: "bar.example.com" in asked(), "the name leads outside again")
    assert {"clusterIP", "clusterIPs"}.isdisjoint(spec_of(cluster, namespace, "web"))
    until(lambda: not answered(address(cluster), port), "the node's port is closed")


def test_endpoints_of_several_ports_follow_their_pods(cluster, namespace):
    """Each pod has one of the Service's named ports; the Endpoints tell which."""
    made = service("multi")
    made["spec"]["ports"] = [{"name": f"p{number}", "port": number, "targetPort": f"port{number}"} for number in (80, 81)]
    cluster.apply(made, namespace=namespace)

    def told() -> set[tuple[str, int]]:
        found = json.loads(cluster.kubectl("-n", namespace, "get", "endpoints/multi", "-o", "json").stdout)
        return {(one["targetRef"]["name"], port["port"]) for subset in found.get("subsets") or ()
                for one in subset.get("addresses") or () for port in subset["ports"]}

    def having(name: str, number: int, target: int) -> dict[str, Any]:
        return pod(name, labels={"app": "multi"}, container={"ports": [{"name": f"port{number}", "containerPort": target}]})

    until(lambda: told() == set(), "none")
    cluster.apply(having("one", 80, 100), namespace=namespace)
    until(lambda: told() == {("one", 100)}, "the first")
    cluster.apply(having("two", 81, 101), namespace=namespace)
    until(lambda: told() == {("one", 100), ("two", 101)}, "both")
    cluster.kubectl("-n", namespace, "delete", "pod/one")
    until(lambda: told() == {("two", 101)}, "the second")
    cluster.kubectl("-n", namespace, "delete", "pod/two")
    until(lambda: told() == set(), "none again")


def test_one_port_of_the_machine_for_three_pods(cluster, namespace):
    """The same number, by other addresses and protocols: all three are placed and run."""
    node = address(cluster)
    wanted = [("a", "127.0.0.1", "TCP"), ("b", node, "TCP"), ("c", node, "UDP")]
    cluster.apply(*(pod(name, WEB, container={"ports": [
        {"containerPort": 8080, "hostPort": 31023, "hostIP": ip, "protocol": protocol}]})
        for name, ip, protocol in wanted), namespace=namespace)

    for name, _, _ in wanted:
        until(lambda name=name: ready(cluster, name, namespace), f"{name} runs")
    assert "b" == until(lambda: answered(node, 31023), "an answer")


@pytest.fixture(scope="module")
def echo(cluster: Cluster) -> Iterator[str]:
    """A namespace with a pod and a Service that tell method and path of what they are asked."""
    name = f"t-{uuid.uuid4().hex[:6]}"
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    cluster.apply(pod("echo", ECHO), service("echo"), namespace=name)
    until(lambda: ready(cluster, "echo", name), "it runs")
    until(lambda: endpoints(cluster, "echo", name), "an endpoint")
    yield name
    cluster.knarr("delete", "namespace", name, "--detach", check=False)


@pytest.mark.parametrize("place", ["pods/echo:8080", "pods/http:echo:8080", "services/echo:80", "services/http:echo:http"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_every_method_reaches_a_pod_through_the_api(cluster, echo, method, place):
    """With a path behind `proxy` and without."""
    server = connect(None, str(cluster.data_dir))
    for path in ("/", "/some/path/with?a=b"):
        with server.open(method, f"/api/v1/namespaces/{echo}/{place}/proxy{path}", headers={}) as answer:
            assert (200, "" if method == "HEAD" else f"{method} {path}") == (answer.status, answer.read().decode())
