"""Manifests of static pods: what a good one becomes, and what is said of a bad one."""

from __future__ import annotations

import json

import pytest

from knarr.node.staticpods import mirrors
from knarr.node.staticpods.folder import Folder
from knarr.node.staticpods.manifest import BadManifest, is_static, pod_of

WEB = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  priorityClassName: system-node-critical
  containers: [{name: c, image: 'app:1'}]
"""


def read(text, *, file="/m/web.yaml", node="harbour"):
    return pod_of(text.encode(), file=file, node_name=node)


def with_spec(**spec):
    """Return a manifest, as JSON, with these words in its spec."""
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
                       "spec": {"containers": [{"name": "c", "image": "app:1"}], **spec}})


def test_a_file_becomes_a_pod_of_this_node():
    """Name and node, a uid of its own, what the API server would have filled in, and annotations that tell of it."""
    pod = read(WEB)

    assert ("web-harbour", "default", "harbour") == (pod.metadata.name, pod.metadata.namespace, pod.spec.nodeName)
    assert {"kubernetes.io/config.source": "file", "kubernetes.io/config.hash": pod.metadata.uid} == dict(
        pod.metadata.annotations)
    assert ("Always", 30, 2_000_001_000) == (
        pod.spec.restartPolicy, pod.spec.terminationGracePeriodSeconds, pod.spec.priority)
    assert [("Exists", "NoExecute")] == [(each.operator, each.effect) for each in pod.spec.tolerations]
    assert ("Pending", "BestEffort") == (pod.status.phase, pod.status.qosClass)
    assert is_static(pod)


def test_another_text_file_or_node_is_another_pod():
    """Only the same words in the same file on the same node are the same pod; a comment is no word."""
    uids = {read(WEB).metadata.uid, read(WEB.replace("app:1", "app:2")).metadata.uid,
            read(WEB, file="/m/b.yaml").metadata.uid, read(WEB, node="quay").metadata.uid}

    assert 4 == len(uids)
    assert read(WEB).metadata.uid == read("# said twice" + WEB).metadata.uid


@pytest.mark.parametrize(("text", "why"), [
    pytest.param("{", "json parse error", id="broken JSON"),
    pytest.param("a: [", "yaml: line 2: did not find expected node content", id="broken YAML"),
    pytest.param("kind: Deployment\napiVersion: apps/v1\nmetadata: {name: d}", "Deployment", id="another kind"),
    pytest.param(with_spec(containers=[]), "spec.containers: Required value", id="no container"),
    pytest.param(WEB.replace("name: web,", "name: Web_1,"), 'metadata.name: Invalid value: "Web_1-harbour"', id="name"),
    pytest.param(WEB.replace("{name: web, ", "{"), "metadata.name: Required value", id="no name"),
    pytest.param(with_spec(volumes=[{"name": "v", "secret": {"secretName": "s"}}]),
                 "static pods may not reference secrets", id="a Secret"),
    pytest.param(with_spec(containers=[{"name": "c", "image": "i", "envFrom": [{"configMapRef": {"name": "m"}}]}]),
                 "static pods may not reference configmaps", id="a ConfigMap"),
    pytest.param(with_spec(serviceAccountName="robot"), "static pods may not reference serviceaccounts", id="account"),
])
def test_what_is_no_pod_is_refused_with_the_reason(text, why):
    """As the API server would word it, or kubelet."""
    with pytest.raises(BadManifest) as refused:
        read(text)

    assert why in str(refused.value)


def test_a_folder_is_read_again_where_it_has_changed(tmp_path):
    """A broken file keeps its last good pod; hidden files and folders do not count; two files may not name one pod."""
    folder = Folder(tmp_path, "harbour")
    (tmp_path / "web.yaml").write_text(WEB)
    (tmp_path / ".web.yaml.swp").write_text("x")
    (tmp_path / "sub").mkdir()
    first = folder.read()
    assert (["web-harbour"], {}) == ([pod.metadata.name for pod in first], folder.faults)

    (tmp_path / "web.yaml").write_text("spec: [")
    assert first == folder.read()
    assert ["web.yaml"] == list(folder.faults)

    (tmp_path / "web.yaml").write_text(WEB)
    (tmp_path / "web2.yaml").write_text(WEB)
    assert first == folder.read()
    assert {"web2.yaml": "another file describes the pod default/web-harbour already"} == folder.faults

    for name in ("web.yaml", "web2.yaml"):
        (tmp_path / name).unlink()
    assert ([], {}) == (folder.read(), folder.faults)


@pytest.mark.parametrize(("wanted", "shown", "step"), [
    pytest.param(True, None, "create", id="not shown yet, or deleted by somebody"),
    pytest.param(True, {}, "", id="shown"),
    pytest.param(True, {"hash": "older"}, "delete", id="shows the pod before it"),
    pytest.param(True, {"ends": True}, "delete", id="somebody deletes it gracefully"),
    pytest.param(False, {}, "delete", id="its file is gone"),
    pytest.param(True, {"hash": None}, "", id="somebody's own pod has the name"),
    pytest.param(False, None, "", id="nothing"),
])
def test_what_a_mirror_needs(wanted, shown, step):
    """The pod on the node, what the API has under its name, and the step that brings it in line."""
    static = read(WEB)

    assert step == mirrors.step(static if wanted else None, shown if shown is None else mirror(static, **shown))


def mirror(static, *, hash="", ends=False):
    """Return what the API shows of a static pod. hash: of the pod that it shows; None: it is no mirror."""
    notes = {} if hash is None else {"kubernetes.io/config.mirror": hash or static.metadata.uid}
    meta = type(static.metadata)(name=static.metadata.name, namespace="default", annotations=notes,
                                 deletionTimestamp="2026-01-01T00:00:00Z" if ends else None)
    return type(static)(metadata=meta, spec=static.spec)
