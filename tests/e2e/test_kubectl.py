"""Every kubectl found drives a real cluster through its everyday commands."""

from __future__ import annotations

import json
import os
import urllib.request

import pytest
import yaml

from tests.e2e.cluster import BUSYBOX, free_port, pod, until
from tests.e2e.driving import read_until


def first_pod(kubectl):
    return kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}").stdout


def test_get_in_every_form(kubectl):
    """Tables, wide, JSON, YAML, jsonpath, names; selectors of both kinds."""
    table = kubectl("get", "deployments").stdout
    wide = kubectl("get", "pods", "-o", "wide").stdout
    names = kubectl("get", "pods", "-l", "app=web", "-o", "name").stdout.split()
    by_field = kubectl("get", "pods", "--field-selector", "status.phase=Running", "-o", "name").stdout.split()

    assert ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"] == table.split()[:5]
    assert ["web", "2/2", "2", "2"] == table.split()[5:9]
    assert "NODE" in wide
    assert "10." in wide
    assert len(names) == 2
    assert sorted(names) == sorted(by_field)
    assert json.loads(kubectl("get", "deployment", "web", "-o", "json").stdout)["spec"]["replicas"] == 2
    assert yaml.safe_load(kubectl("get", "svc", "web", "-o", "yaml").stdout)["spec"]["type"] == "ClusterIP"
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}").stdout == "2"


def test_watch(kubectl):
    """`get -w` prints a change as it comes."""
    with kubectl.running("get", "configmaps", "-w", "-o", "name") as watcher:
        read_until(watcher.stdout, "kube-root-ca.crt")
        kubectl("create", "configmap", "seen", "--from-literal=a=b")

        assert "configmap/seen" in read_until(watcher.stdout, "configmap/seen")


def test_describe(kubectl):
    """A pod and a Deployment, with their events."""
    said = kubectl("describe", "pod", first_pod(kubectl)).stdout

    assert "Started" in said
    assert BUSYBOX in said
    assert "ScalingReplicaSet" in kubectl("describe", "deployment", "web").stdout
    assert "Endpoints:" in kubectl("describe", "service", "web").stdout
    assert "Allocatable" in kubectl("describe", "node").stdout


def test_logs(kubectl):
    """All, the last line, one container, and following."""
    name = first_pod(kubectl)

    assert ["up", "two"] == kubectl("logs", name).stdout.split()
    assert ["two"] == kubectl("logs", name, "--tail=1", "-c", "main").stdout.split()
    assert "up" in kubectl("logs", "deployment/web").stdout


def test_logs_follow(kubectl):
    """Lines come as they are written, and the end of the container ends it."""
    kubectl(
        "apply",
        "-f",
        "-",
        stdin=json.dumps(pod("talker", "for i in 1 2 3; do echo line$i; sleep 0.5; done", restartPolicy="Never")),
    )
    kubectl("wait", "pod/talker", "--for=jsonpath={.status.phase}=Running", "--timeout=30s")

    assert ["line1", "line2", "line3"] == kubectl("logs", "-f", "talker").stdout.split()
    kubectl("delete", "pod", "talker")


def test_exec(kubectl):
    """Output, standard input, and the command's own exit code."""
    name = first_pod(kubectl)

    assert kubectl("exec", name, "--", "hostname").stdout.strip() == name
    assert kubectl("exec", "-i", name, "--", "tr", "a-z", "A-Z", stdin="knarr\n").stdout == "KNARR\n"
    assert kubectl("exec", name, "--", "sh", "-c", "exit 42", check=False).returncode == 42


def test_exec_with_a_terminal(kubectl):
    """`exec -it`: a shell that answers on a terminal, and whose exit code comes back."""
    talk = [("#", "test -t 0 && echo is-a-$((40+2))-tty; exit 5\n")]
    seen, code = kubectl.on_terminal("exec", "-it", first_pod(kubectl), "--", "sh", talk=talk)

    assert "is-a-42-tty" in seen
    assert code == 5


@pytest.mark.parametrize(("thing", "port"), [("deployment/web", 8080), ("service/web", 80)])
def test_port_forward(kubectl, thing, port):
    """A port of this machine leads into a pod, chosen by its owner or by its Service."""
    local = free_port()
    with kubectl.running("port-forward", thing, f"{local}:{port}") as forward:
        read_until(forward.stdout, "Forwarding")
        with urllib.request.urlopen(f"http://127.0.0.1:{local}/", timeout=10) as answer:
            assert answer.read().decode().startswith("web-")


def test_cp(kubectl, tmp_path):
    """A file goes into a pod and comes back the same."""
    content = os.urandom(200_000)
    (tmp_path / "there").write_bytes(content)
    name = first_pod(kubectl)

    kubectl("cp", str(tmp_path / "there"), f"{name}:/tmp/file")
    kubectl("cp", f"{name}:/tmp/file", str(tmp_path / "back"))

    assert content == (tmp_path / "back").read_bytes()


def test_scale_and_rollout(kubectl):
    """Scale, set image, history, undo, restart."""
    kubectl("create", "deployment", "roll", f"--image={BUSYBOX}", "--", "sleep", "inf")
    kubectl(
        "patch",
        "deployment",
        "roll",
        "-p",
        json.dumps(
            {
                "spec": {
                    "template": {
                        "spec": {
                            "terminationGracePeriodSeconds": 1,
                            "containers": [{"name": "busybox", "imagePullPolicy": "Never"}],
                        }
                    }
                }
            }
        ),
    )
    kubectl("scale", "deployment/roll", "--replicas=2")
    kubectl("rollout", "status", "deployment/roll", "--timeout=60s")
    kubectl("set", "env", "deployment/roll", "A=B")
    kubectl("rollout", "status", "deployment/roll", "--timeout=60s")
    history = kubectl("rollout", "history", "deployment/roll").stdout
    kubectl("rollout", "undo", "deployment/roll")
    kubectl("rollout", "status", "deployment/roll", "--timeout=60s")
    kubectl("rollout", "restart", "deployment/roll")
    kubectl("rollout", "status", "deployment/roll", "--timeout=60s")
    kubectl("set", "image", "deployment/roll", "busybox=localhost/other:1")
    image = kubectl("get", "deployment", "roll", "-o", "jsonpath={.spec.template.spec.containers[0].image}").stdout
    kubectl("delete", "deployment", "roll")

    assert "REVISION" in history
    assert image == "localhost/other:1"


def test_labels_annotations_and_patches(kubectl):
    """label, annotate, and the three patches."""
    kubectl("create", "configmap", "patched", "--from-literal=a=1")
    kubectl("label", "configmap", "patched", "tier=one")
    kubectl("annotate", "configmap", "patched", "note=hello")
    kubectl("patch", "configmap", "patched", "-p", '{"data":{"b":"2"}}')
    kubectl("patch", "configmap", "patched", "--type=merge", "-p", '{"data":{"a":null}}')
    kubectl("patch", "configmap", "patched", "--type=json", "-p", '[{"op":"add","path":"/data/c","value":"3"}]')
    body = json.loads(kubectl("get", "configmap", "patched", "-o", "json").stdout)
    kubectl("delete", "configmap", "patched")

    assert body["data"] == {"b": "2", "c": "3"}
    assert body["metadata"]["labels"] == {"tier": "one"}
    assert body["metadata"]["annotations"]["note"] == "hello"


def test_diff_and_edit(kubectl, tmp_path):
    """diff tells by its exit code; edit runs the editor and sends what changed."""
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "edited"}, "data": {"v": "old"}}
    kubectl("apply", "-f", "-", stdin=json.dumps(config))
    same = kubectl("diff", "-f", "-", stdin=json.dumps(config), check=False)
    changed = kubectl("diff", "-f", "-", stdin=json.dumps({**config, "data": {"v": "new"}}), check=False)
    os.environ["KUBE_EDITOR"] = "sed -i s/old/edited/"
    try:
        kubectl("edit", "configmap", "edited")
    finally:
        del os.environ["KUBE_EDITOR"]
    value = kubectl("get", "configmap", "edited", "-o", "jsonpath={.data.v}").stdout
    kubectl("delete", "configmap", "edited")

    assert (0, 1) == (same.returncode, changed.returncode)
    assert "+  v: new" in changed.stdout
    assert value == "edited"


def test_create_run_and_expose(kubectl):
    """The imperative commands."""
    kubectl("create", "secret", "generic", "pass", "--from-literal=word=open")
    kubectl("run", "runner", f"--image={BUSYBOX}", "--image-pull-policy=Never", "--port=8080", "--", "sleep", "inf")
    kubectl("expose", "pod", "runner", "--port=80", "--target-port=8080")
    kubectl("wait", "pod/runner", "--for=condition=Ready", "--timeout=60s")
    found = kubectl("get", "secret/pass", "service/runner", "-o", "name").stdout.split()
    kubectl("delete", "pod/runner", "service/runner", "secret/pass", "--grace-period=1")

    assert found == ["secret/pass", "service/runner"]
    assert kubectl("get", "pod", "runner", check=False).returncode == 1


def test_errors_read_as_kubernetes_own(kubectl):
    """What a user sees when something is wrong."""
    missing = kubectl("get", "pod", "nothere", check=False).stderr
    unknown = kubectl("get", "nonsense", check=False).stderr
    bad = kubectl(
        "apply",
        "-f",
        "-",
        check=False,
        stdin=json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "Bad_Name"}}),
    ).stderr

    assert 'Error from server (NotFound): pods "nothere" not found' in missing
    assert "the server doesn't have a resource type" in unknown
    assert "a lowercase RFC 1123 subdomain" in bad


def test_explain_and_api_resources(kubectl):
    """The schema is there for those who ask."""
    assert "replicas" in kubectl("explain", "deployment.spec").stdout
    assert "deployments" in kubectl("api-resources").stdout
    assert until(lambda: "v1.36" in kubectl("version", check=False).stdout, "the version")
