"""Images come from a real registry that wants a password and shows a certificate of its own authority."""

from __future__ import annotations

import json
import random
import re
import shutil
from pathlib import Path

import pytest

from knarr.node import oci
from tests.e2e import registry as registries
from tests.e2e.cluster import busybox_archive, pod, until
from tests.e2e.test_pods import ready

PROGRESS = re.compile(
    r'Pulling image "(?P<image>[^"]+)": (?P<done>[\d.]+) of (?P<all>[\d.]+) MB \(\d+%\), [\d.]+ MB/s')
HOSTS = 'server = "https://{host}"\n[host."https://{host}"]\n  ca = "{ca}"\n'


@pytest.fixture(scope="module")
def registry(cluster, tmp_path_factory):
    """A registry that the node knows by its certificate."""
    if shutil.which("docker-registry") is None:
        pytest.skip("not installed: docker-registry")
    folder = tmp_path_factory.mktemp("registry")
    with registries.running(folder) as running:
        trust(cluster, running, running.host)
        yield running


def trust(cluster, registry, host):
    """Have the node know a registry's certificate at an address."""
    own = cluster.data_dir / "registries" / host
    own.mkdir(parents=True)
    (own / "hosts.toml").write_text(HOSTS.format(host=host, ca=registry.pki.ca))


@pytest.fixture
def image(registry, tmp_path, request):
    """An image that lies in the registry alone, under a name of this test's."""
    name = request.node.name.replace("_", "-")[5:40].strip("-")
    digest = registry.push(busybox_archive(tmp_path / "i.tar"), name, "1")
    return f"{registry.host}/{name}:1", digest


def private(name: str, image: str, *, secret: str = "", policy: str = "Always"):
    """Return a pod of an image that wants a login."""
    spec = {"imagePullSecrets": [{"name": secret}]} if secret else {}
    return pod(name, container={"image": image, "imagePullPolicy": policy}, **spec)


def pull_secret(host: str, password: str = registries.PASSWORD):
    """Return a pull secret."""
    config = {"auths": {host: {"username": registries.USER, "password": password}}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pull"}, "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": json.dumps(config)}}


def waiting(cluster, name, namespace, *reasons):
    """Return why a pod's container waits, once it is for one of these reasons."""
    def found():
        statuses = cluster.get(f"pod/{name}", namespace=namespace)["status"].get("containerStatuses") or [{}]
        state = (statuses[0].get("state") or {}).get("waiting") or {}
        return state.get("reason") in reasons and state

    return until(found, f"{name} waits for {reasons}", 60)


def events(cluster, namespace, reason):
    """Return the messages of a namespace's events."""
    found = cluster.get("events", namespace=namespace)["items"]
    return [event["message"] for event in found if event["reason"] == reason]


def test_a_pull_secret_opens_the_registry(cluster, namespace, registry, image):
    """Without it the registry's own refusal is told; with it the image comes, and others still cannot use it."""
    reference, digest = image
    cluster.apply(private("stranger", reference), namespace=namespace, wait=False)
    refused = waiting(cluster, "stranger", namespace, "ErrImagePull")
    cluster.apply(pull_secret(registry.host), namespace=namespace)
    cluster.apply(private("guest", reference, secret="pull"), namespace=namespace)
    until(lambda: ready(cluster, "guest", namespace), "guest runs")
    status = cluster.get("pod/guest", namespace=namespace)["status"]["containerStatuses"][0]
    cluster.apply(private("onlooker", reference, policy="IfNotPresent"), namespace=namespace, wait=False)
    turned_away = waiting(cluster, "onlooker", namespace, "ErrImagePull")

    assert "401 Unauthorized" in refused["message"] or "no basic auth credentials" in refused["message"]
    assert (reference, f"{reference.rpartition(':')[0]}@{digest}") == (status["image"], status["imageID"])
    assert any(f'Successfully pulled image "{reference}" in ' in text for text in events(cluster, namespace, "Pulled"))
    assert turned_away["message"] == refused["message"]


def test_a_wrong_password_is_told(cluster, namespace, registry, image):
    """Somebody changed it in the registry, not in the Secret."""
    cluster.apply(pull_secret(registry.host, "stale"), namespace=namespace)
    cluster.apply(private("late", image[0], secret="pull"), namespace=namespace, wait=False)

    assert "401 Unauthorized" in waiting(cluster, "late", namespace, "ErrImagePull")["message"]


def test_the_nodes_own_login_serves_all(cluster, namespace, registry, image):
    """The machine's owner wrote docker's config.json for the node: pods need no secret, also by digest."""
    config = cluster.data_dir / "registries" / "config.json"
    config.write_text(json.dumps({"auths": {registry.host: {"auth": registries.LOGIN}}}))
    try:
        name, digest = image[0].rpartition(":")[0], image[1]
        cluster.apply(private("plain", image[0]), private("pinned", f"{name}@{digest}"), namespace=namespace)
        for pod_name in ("plain", "pinned"):
            until(lambda each=pod_name: ready(cluster, each, namespace), f"{pod_name} runs")
    finally:
        config.unlink()


def test_an_unknown_certificate_is_told(cluster, namespace, registry, image):
    """The node was never told of the registry's authority."""
    own = cluster.data_dir / "registries" / registry.host / "hosts.toml"
    kept = own.read_text()
    own.write_text("\n".join(line for line in kept.splitlines() if "ca =" not in line))
    try:
        cluster.apply(private("wary", image[0]), namespace=namespace, wait=False)
        assert "certificate signed by unknown authority" in waiting(cluster, "wary", namespace, "ErrImagePull")["message"]
    finally:
        own.write_text(kept)


def test_a_long_pull_is_told_as_it_goes(cluster, namespace, registry, tmp_path):
    """A layer of 12 MB comes at 0.8 MB/s: after ten seconds the pod's events say how much of it is there."""
    content = random.Random(1).randbytes(12_000_000)
    layers = [oci.layer({"bin/busybox": Path("/bin/busybox").read_bytes()}, links={"bin/sleep": "busybox", "bin/sh": "busybox"}),
              oci.layer({"content": content})]
    oci.write_archive(tmp_path / "i.tar", name="large", layers=layers, config={"Cmd": ["sleep", "inf"], "Env": ["PATH=/bin"]})
    registry.push(tmp_path / "i.tar", "large", "1")
    with registries.slowly(registry.host, 800_000) as host:
        trust(cluster, registry, host)
        cluster.apply(pull_secret(host), namespace=namespace)
        cluster.apply(private("patient", f"{host}/large:1", secret="pull"), namespace=namespace, wait=False)
        until(lambda: ready(cluster, "patient", namespace), "patient runs", 120)

    told = [PROGRESS.fullmatch(text) for text in events(cluster, namespace, "PullProgress")]
    assert told
    assert all(told)
    assert all(f"{host}/large:1" == one["image"] and 0 < float(one["done"]) < float(one["all"]) < 15 for one in told)
