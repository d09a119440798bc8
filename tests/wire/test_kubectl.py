"""Every kubectl found works against the server over TLS: the old ones speak JSON, those since 1.32 write protobuf."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.wire.serving import Served, serving

TIMEOUT_S = 60
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: "nginx:1", ports: [{containerPort: 80}]}
"""


def binaries() -> list[Path]:
    found = shutil.which("kubectl")
    return sorted(Path(found).resolve().parent.glob("kubectl.1.*")) if found else []


@dataclass
class Kubectl:
    """One version against one server."""

    binary: Path
    served: Served
    cache: Path

    def __call__(self, *words: str, stdin: str = "", code: int = 0) -> str:
        command = [str(self.binary), "--kubeconfig", str(self.served.kubeconfig), "--cache-dir", str(self.cache), *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        assert code == done.returncode, (words, done.stdout, done.stderr)
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.fixture(params=binaries(), ids=lambda path: path.name)
def kubectl(request: pytest.FixtureRequest, served: Served, tmp_path: Path) -> Iterator[Kubectl]:
    tool = Kubectl(request.param, served, tmp_path)
    yield tool
    tool("delete", "deployments,configmaps,pods,services", "--all", "--now")


@pytest.mark.slow
def test_a_day_with_kubectl(kubectl):
    """Somebody applies, looks, changes, compares, explains and deletes."""
    assert "deployment.apps/web created" in kubectl("apply", "-f", "-", stdin=WEB)
    assert "deployment.apps/web configured" in kubectl("apply", "-f", "-", stdin=WEB.replace("nginx:1", "nginx:2"))
    assert "0/2" in kubectl("get", "deploy")
    assert "nginx:2" in kubectl("get", "deploy", "web", "-o", "wide")
    kubectl("scale", "deploy/web", "--replicas=4")
    assert "4" == kubectl("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}")
    kubectl("label", "deploy", "web", "x=y")
    kubectl("annotate", "deploy", "web", "note=this")
    kubectl("set", "image", "deploy/web", "c=nginx:3")
    kubectl("patch", "deploy", "web", "--type=json", "-p", '[{"op":"add","path":"/spec/minReadySeconds","value":3}]')
    kubectl("rollout", "restart", "deploy/web")
    assert "nginx:3" in kubectl("diff", "-f", "-", stdin=WEB, code=1)
    assert "web" in kubectl("get", "deploy", "-l", "x=y", "-o", "name")
    assert "No resources" in kubectl("get", "deploy", "-l", "x!=y")
    assert "nodeName" in kubectl("explain", "pod.spec.nodeName")
    kubectl("expose", "deploy", "web", "--port=80")
    assert "80/TCP" in kubectl("get", "svc", "web")
    assert "Selector:" in kubectl("describe", "svc", "web")
    kubectl("run", "one", "--image=busybox")
    assert "Pending" in kubectl("get", "pods")
    assert "QoS Class" in kubectl("describe", "pod", "one")
    assert "web" in kubectl("get", "all")


@pytest.mark.slow
def test_applying_on_the_server(kubectl):
    """Two parties apply one object; one is in the way of the other; a third comes from client-side."""
    apply = ("apply", "--server-side", "-f", "-")
    assert "deployment.apps/web serverside-applied" in kubectl(*apply, stdin=WEB)
    assert "serverside-applied" in kubectl(*apply, "--dry-run=server", stdin=WEB)
    other = (*apply, "--field-manager=other")
    newer = WEB.replace("nginx:1", "nginx:2")
    told = kubectl(*other, stdin=newer, code=1)
    assert 'conflict with "kubectl": .spec.template.spec.containers[name="c"].image' in told
    kubectl(*other, "--force-conflicts", stdin=newer)
    assert "nginx:2" in kubectl("get", "deploy", "web", "-o", "wide")
    assert "managedFields" not in kubectl("get", "deploy", "web", "-o", "yaml")
    assert "manager: other" in kubectl("get", "deploy", "web", "-o", "yaml", "--show-managed-fields")
    kubectl("scale", "deploy/web", "--replicas=5")
    assert "conflict" in kubectl(*other, stdin=newer, code=1)
    kubectl("create", "configmap", "old", "--from-literal=k=v")
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mine}\ndata: {a: '1', b: '2'}\n"
    kubectl("apply", "-f", "-", stdin=manifest)
    kubectl(*apply, stdin=manifest.replace(", b: '2'", ""))
    assert '{"a":"1"}' == kubectl("get", "configmap", "mine", "-o", "jsonpath={.data}")


@pytest.mark.slow
def test_creating_with_typed_clients(kubectl):
    """`create` builds typed objects: protobuf where the client prefers it."""
    kubectl("create", "configmap", "a", "--from-literal=k=v")
    assert "v" == kubectl("get", "configmap", "a", "-o", "jsonpath={.data.k}")
    kubectl("create", "deployment", "d", "--image=nginx", "--replicas=0")
    assert "0" == kubectl("get", "deploy", "d", "-o", "jsonpath={.spec.replicas}")
    kubectl("create", "secret", "generic", "s", "--from-literal=k=v")
    assert "dg==" == kubectl("get", "secret", "s", "-o", "jsonpath={.data.k}")
    kubectl("create", "service", "nodeport", "n", "--tcp=80:8080")
    assert "8080" == kubectl("get", "svc", "n", "-o", "jsonpath={.spec.ports[0].targetPort}")
    kubectl("delete", "secret", "s")


@pytest.mark.slow
def test_refusals_are_told(kubectl):
    """Mistakes: the words are Kubernetes' own, and the exit code says so."""
    assert 'pods "nope" not found' in kubectl("get", "pod", "nope", code=1)
    assert "the server doesn't have a resource type" in kubectl("get", "nope", code=1)
    misspelt, negative = WEB.replace("replicas", "replicass"), WEB.replace(": 2", ": -1")
    assert 'unknown field "spec.replicass"' in kubectl("create", "-f", "-", stdin=misspelt, code=1)
    assert "must be greater than or equal to 0" in kubectl("create", "-f", "-", stdin=negative, code=1)
    assert "forbidden" in kubectl("delete", "ns", "kube-system", code=1)


@pytest.mark.slow
def test_a_proxy_without_credentials(kubectl):
    """`kubectl proxy` serves the API on this machine: lists, a watch as it comes, and nothing of what it keeps back."""
    command = [str(kubectl.binary), "--kubeconfig", str(kubectl.served.kubeconfig), "proxy", "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
        try:
            assert proxy.stdout is not None
            url = "http://" + proxy.stdout.readline().rpartition(" ")[2].strip()
            with urllib.request.urlopen(f"{url}/api/v1/namespaces", timeout=TIMEOUT_S) as answer:
                assert "default" in [one["metadata"]["name"] for one in json.load(answer)["items"]]
            with urllib.request.urlopen(f"{url}/api/v1/namespaces?watch=true&timeoutSeconds=60", timeout=TIMEOUT_S) as answer:
                assert "ADDED" == json.loads(answer.readline())["type"]
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(f"{url}/api/v1/namespaces/default/pods/one/exec", timeout=TIMEOUT_S)
        finally:
            proxy.terminate()


def test_some_kubectl_was_found():
    """Without a kubectl the tests above say nothing."""
    if not binaries():
        pytest.skip("no kubectl.1.* beside kubectl")


WIDGETS = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    subresources: {scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer, maximum: 9, description: How large it is.}}}
          status: {type: object, properties: {size: {type: integer}}}
"""
WIDGET = """\
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
spec: {size: 3}
"""


@pytest.mark.slow
def test_a_kind_of_ones_own(kubectl):
    """Somebody brings a kind, makes objects of it, changes them in all ways, and takes it away."""
    kubectl("apply", "-f", "-", stdin=WIDGETS)
    kubectl("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=10s")
    assert "widget.example.com/w created" in kubectl("apply", "-f", "-", stdin=WIDGET)
    assert "widget.example.com/w configured" in kubectl("apply", "-f", "-", stdin=WIDGET.replace("3", "4"))
    assert "should be less than or equal to 9" in kubectl("apply", "-f", "-", stdin=WIDGET.replace("3", "10"), code=1)
    assert "How large it is." in kubectl("explain", "widget.spec")
    kubectl("scale", "widget/w", "--replicas=5")
    assert "5" in kubectl("get", "wd", "--no-headers").split()
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=WIDGET)
    kubectl("delete", "crd", "widgets.example.com")
    assert "the server" in kubectl("get", "wd", code=1)
