"""Bad input to a real server: each refused with code, reason and field, and nothing half-done."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from knarr.cli.connect import connect
from tests.e2e.cluster import Cluster, deployment, new_cluster, pod, until

JSON, YAML, MERGE = "application/json", "application/yaml", "application/merge-patch+json"
DEPLOYMENTS, PODS, MAPS = "/apis/apps/v1/namespaces/{ns}/deployments", "/api/v1/namespaces/{ns}/pods", "/api/v1/namespaces/{ns}/configmaps"


def ask(cluster: Cluster, method: str, path: str, body: Any = None, content_type: str = JSON) -> tuple[int, dict[str, Any], str]:
    """Send a request as it is; return the code, the body and the warnings."""
    server = connect(str(cluster.kubeconfig), None)
    connection = server.connection(30.0)
    data = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    connection.request(method, path, data, {"Content-Type": content_type})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text[:1] == b"{" else {}, " ".join(answer.headers.get_all("Warning") or ())


def changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return the object with one field set, `spec.template.metadata.labels`."""
    copy = json.loads(json.dumps(body))
    *way, last = path.split(".")
    inner = copy
    for word in way:
        inner = inner[int(word)] if word.isdigit() else inner.setdefault(word, {})
    inner[last] = value
    return copy


WEB = deployment("bad", 1, "sleep inf")
POD = pod("bad")
CPU = "spec.containers.0.resources"


@pytest.mark.parametrize(("path", "body", "content_type", "code", "reason", "words"), [
    pytest.param(MAPS, "{", JSON, 400, "BadRequest", "unexpected end", id="malformed JSON"),
    pytest.param(MAPS, "a: [", YAML, 400, "BadRequest", "", id="malformed YAML"),
    pytest.param(MAPS, "", JSON, 400, "BadRequest", "", id="no body"),
    pytest.param(MAPS, "[]", JSON, 400, "BadRequest", "", id="a list is no object"),
    pytest.param(MAPS, "x", "text/plain", 415, "UnsupportedMediaType", "", id="a media type nobody speaks"),
    pytest.param(DEPLOYMENTS, changed(WEB, "spec.replicas", "three"), JSON, 400, "BadRequest", "replicas", id="wrong type"),
    pytest.param(DEPLOYMENTS, changed(WEB, "spec.replicas", -1), JSON, 422, "Invalid", "spec.replicas", id="negative replicas"),
    pytest.param(DEPLOYMENTS, changed(WEB, "spec.selector.matchLabels", {"app": "x"}), JSON, 422, "Invalid",
                 "spec.template.metadata.labels", id="selector and template differ"),
    pytest.param(PODS, changed(POD, "metadata.name", "Not_A_Label"), JSON, 422, "Invalid", "metadata.name", id="a bad name"),
    pytest.param(PODS, changed(POD, "metadata.labels", {"a b": "c"}), JSON, 422, "Invalid", "metadata.labels", id="a bad label"),
    pytest.param(PODS, changed(POD, CPU, {"requests": {"cpu": "1.5.0"}}), JSON, 400, "BadRequest", "quantit", id="quantity 1.5.0"),
    pytest.param(PODS, changed(POD, CPU, {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}), JSON, 422, "Invalid",
                 "spec.containers[0].resources.requests", id="request above limit"),
    pytest.param(PODS, changed(POD, "spec.containers", []), JSON, 422, "Invalid", "spec.containers", id="no containers"),
    pytest.param(PODS, changed(POD, "kind", "Service"), JSON, 400, "BadRequest", "Pod", id="another kind than the path's"),
    pytest.param(PODS, changed(POD, "metadata.namespace", "other"), JSON, 400, "BadRequest", "namespace", id="another namespace"),
    pytest.param("/api/v1/namespaces/{ns}/gadgets", {}, JSON, 404, "NotFound", "could not find", id="unknown kind"),
    pytest.param("/apis/apps/v9/namespaces/{ns}/deployments", {}, JSON, 404, None, "", id="unknown version"),
    pytest.param("/api/v1/namespaces/nowhere/configmaps", {"metadata": {"name": "a"}}, JSON, 404, "NotFound",
                 'namespaces "nowhere" not found', id="unknown namespace"),
    pytest.param(PODS + "/x/frobnicate", {}, JSON, 404, "NotFound", "could not find", id="unknown subresource"),
    pytest.param(MAPS, b'{"metadata":{"name":"big"},"data":{"a":"' + b"x" * 3_200_000 + b'"}}', JSON, 413,
                 "RequestEntityTooLarge", "limit", id="a body over the limit"),
    pytest.param(MAPS, {"metadata": {"name": "big"}, "data": {"a": "x" * 1_100_000}}, JSON, 422, "Invalid", "Too long", id="data over the limit"),
    pytest.param(MAPS, '{"a":' * 20_000 + "1" + "}" * 20_000, JSON, 400, "BadRequest", "", id="deep as a well"),
])
def test_a_bad_creation_is_refused(cluster, namespace, path, body, content_type, code, reason, words):
    """Code, reason and field path are those that Kubernetes' clients know; the object is not there afterwards."""
    status, answer, _ = ask(cluster, "POST", path.format(ns=namespace), body, content_type)
    said = json.dumps(answer)

    assert (code, reason) == (status, answer.get("reason")), said
    assert words in said.replace('\\"', '"')
    assert [] == cluster.get("pods,deployments,configmaps", namespace=namespace)["items"][0]["items"]


@pytest.mark.parametrize(("validation", "code", "stored", "warned"), [
    pytest.param("Strict", 400, False, False, id="strict"),
    pytest.param("Warn", 201, True, True, id="warn"),
    pytest.param("Ignore", 201, True, False, id="ignore"),
])
def test_unknown_fields(cluster, namespace, validation, code, stored, warned):
    """A misspelt field, as `fieldValidation` asks: refused, warned of, or dropped without a word."""
    body = {"metadata": {"name": "m"}, "dta": {"a": "b"}}
    status, answer, warning = ask(cluster, "POST", f"{MAPS.format(ns=namespace)}?fieldValidation={validation}", body)
    names = cluster.knarr("get", "configmap", "m", "-n", namespace, check=False).returncode == 0

    assert (code, stored, warned) == (status, names, 'unknown field \\"dta\\"' in warning), (answer, warning)


def test_a_bad_change_is_refused(cluster, namespace):
    """Immutable fields, an old resourceVersion, another uid: each says which."""
    cluster.apply(deployment("d", 0, "sleep inf"), namespace=namespace)
    path = f"{DEPLOYMENTS.format(ns=namespace)}/d"
    _, stored, _ = ask(cluster, "GET", path)
    immutable = ask(cluster, "PATCH", path, {"spec": {"selector": {"matchLabels": {"app": "x"}},
                    "template": {"metadata": {"labels": {"app": "x"}}}}}, MERGE)  # fmt: skip
    negative = ask(cluster, "PATCH", f"{path}/scale", {"spec": {"replicas": -1}}, MERGE)
    ask(cluster, "PATCH", path, {"metadata": {"labels": {"new": "1"}}}, MERGE)
    stale = ask(cluster, "PUT", path, stored)
    other = ask(cluster, "DELETE", path, {"preconditions": {"uid": "another"}})

    assert (422, "spec.selector") == (immutable[0], immutable[1]["details"]["causes"][0]["field"])
    assert (422, "spec.replicas") == (negative[0], negative[1]["details"]["causes"][0]["field"])
    assert (409, "Conflict") == (stale[0], stale[1]["reason"])
    assert "the object has been modified" in stale[1]["message"]
    assert (409, "Conflict") == (other[0], other[1]["reason"])
    assert {"new": "1"} == cluster.get("deploy", "d", namespace=namespace)["metadata"]["labels"]


def test_a_pod_that_runs_keeps_its_spec(cluster, namespace):
    """Only a few fields of a pod may change; the message says which."""
    cluster.apply(POD, namespace=namespace)
    path = f"{PODS.format(ns=namespace)}/bad"
    status, answer, _ = ask(cluster, "PATCH", path, {"spec": {"nodeName": "elsewhere"}}, MERGE)

    assert (422, "Invalid") == (status, answer["reason"])
    assert "pod updates may not change fields other than" in answer["message"]


@pytest.mark.parametrize(("text", "words"), [
    pytest.param("a: [", "is no YAML: line 2, column 1: did not find", id="malformed"),
    pytest.param("just words", "apiVersion and kind must be set", id="no object"),
    pytest.param("{apiVersion: v1, kind: Pod}", "metadata.name must be set", id="no name"),
    pytest.param("{apiVersion: v1, kind: Pod, metadata: words}", "must be maps", id="metadata is no map"),
    pytest.param("{apiVersion: v9, kind: Pod, metadata: {name: a}}", "Pod is served as v1", id="unknown version"),
    pytest.param("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, dta: {}}", 'unknown field "dta"', id="misspelt"),
    pytest.param("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: [1]}", "data", id="wrong type"),
])
def test_a_bad_file_is_told(cluster, namespace, text, words):
    """`knarr apply` reads and checks all files before it sends the first object."""
    good = "{apiVersion: v1, kind: ConfigMap, metadata: {name: good}}\n---\n"
    done = cluster.knarr("apply", "-f", "-", "-n", namespace, stdin=text, check=False)

    assert (1, "knarr: ") == (done.returncode, done.stderr[:7]), done.stderr
    assert words in done.stderr
    assert "→ " in done.stderr
    if "Pod" in text or "{" not in text:
        cluster.knarr("apply", "-f", "-", "-n", namespace, stdin=good + text, check=False)
        assert 1 == cluster.knarr("get", "configmap", "good", "-n", namespace, check=False).returncode


DISK_BYTES = 96 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Cluster]:
    """A Knarr of its own whose data lies on a disk of 96 MiB."""
    made = new_cluster()
    disk = made.data_dir
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(disk)], check=True)
    inside = Cluster(disk / "d", made.port)
    try:
        inside.knarr("up", "--port", str(inside.port))
        yield inside
    finally:
        (disk / "filler").unlink(missing_ok=True)
        inside.knarr("down", "--purge", check=False)
        subprocess.run(["umount", str(disk)], check=True)
        disk.rmdir()


def test_a_full_disk_refuses_writes_and_recovers(small_disk):
    """While the disk is full reads go on and writes are refused with the reason; with space they work again by themselves."""
    path = "/api/v1/namespaces/default/configmaps"
    body = {"data": {"a": "x" * 200_000}}
    fill(small_disk.data_dir.parent / "filler")
    answers = [ask(small_disk, "POST", path, changed(body, "metadata.name", f"c{n}")) for n in range(60)]
    refused = [n for n, (code, *_) in enumerate(answers) if code != 201]
    stored = {item["metadata"]["name"] for item in ask(small_disk, "GET", path)[1]["items"]} - {"kube-root-ca.crt"}

    assert refused
    code, status, _ = answers[refused[0]]
    assert (503, "ServiceUnavailable") == (code, status["reason"]), status
    assert "full" in status["message"]
    assert {f"c{n}" for n in range(60)} - {f"c{n}" for n in refused} == stored      # what was refused is not there, the rest is
    (small_disk.data_dir.parent / "filler").unlink()
    until(lambda: ask(small_disk, "POST", path, {"metadata": {"generateName": "again-"}})[0] == 201, "writes work again", 10)


def fill(path: Path) -> None:
    """Write until the disk is full."""
    subprocess.run(["dd", "if=/dev/zero", f"of={path}", "bs=64k"], capture_output=True, check=False)
