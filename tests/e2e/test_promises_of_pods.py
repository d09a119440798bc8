"""What Kubernetes' conformance rules promise of a pod: each story is one pod that tells what it sees, in real containers.

All pods are made at once and judged one by one. Source: kubernetes test/conformance/testdata/conformance.yaml, the rules
of the node and of storage. Those that take time or other pods stand in the tests of their own subjects.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from knarr.api import quantity
from knarr.cli.connect import connect
from knarr.node import oci
from tests.e2e.cluster import APPLETS, BUSYBOX, Cluster, service

ENTRY = "localhost/entry:test"
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
ENDED = ("Succeeded", "Failed")
FILES = {
    "conf": {"configMap": {"name": "conf"}},
    "creds": {"secret": {"secretName": "creds"}},
    "info": {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
    "all": {"projected": {"sources": [
        {"configMap": {"name": "conf"}}, {"secret": {"name": "creds"}},
        {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
    ]}},
}
Told: TypeAlias = str | Callable[[dict[str, Any], dict[str, Any]], str]


@dataclass(frozen=True)
class Story:
    """A pod and what it says. said: its whole log, or how to tell it from the pod and its node. phase: how it ends."""

    container: dict[str, Any]
    said: Told
    spec: dict[str, Any] = field(default_factory=dict)
    phase: str = "Succeeded"


def says(script: str, said: Told, *, phase: str = "Succeeded", spec: dict[str, Any] | None = None, **container: Any) -> Story:
    """Return a story that a shell tells."""
    return Story({"command": ["sh", "-c", script], **container}, said, spec or {}, phase=phase)


def mounted(script: str, said: str, source: dict[str, Any], *, user: int = 0, **mount: Any) -> Story:
    """Return a story about a volume at /vol. user: who looks."""
    security = {"runAsUser": user, **({"fsGroup": mount.pop("group")} if "group" in mount else {})}
    return says(
        script, said, spec={"volumes": [{"name": "vol", **source}], "securityContext": security},
        volumeMounts=[{"name": "vol", "mountPath": "/vol", **mount}])


def with_items(source: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a volume's source with more said of it."""
    (kind, inner), = source.items()
    return {kind: {**inner, **more}}


def resource(name: str, container: str = "main") -> dict[str, Any]:
    return {"resourceFieldRef": {"containerName": container, "resource": name}}


def variable(name: str, **source: Any) -> dict[str, Any]:
    return {"name": name, "valueFrom": source}


def of_field(name: str, path: str) -> dict[str, Any]:
    return variable(name, fieldRef={"fieldPath": path})


def allocatable(_: dict[str, Any], node: dict[str, Any]) -> str:
    room = node["status"]["allocatable"]
    return f"{quantity.value(room['cpu'])} {quantity.value(room['memory'])}"


def seen_by_itself(pod: dict[str, Any], _: dict[str, Any]) -> str:
    meta, status = pod["metadata"], pod["status"]
    return " ".join([meta["name"], meta["namespace"], meta["uid"], status["podIP"], status["hostIP"]])


LIMITS = {"limits": {"cpu": "1250m", "memory": "64Mi"}, "requests": {"cpu": "250m", "memory": "32Mi"}}
ASKED = [variable(name, **resource(name.lower().replace("_", "."))) for name in
         ("LIMITS_CPU", "LIMITS_MEMORY", "REQUESTS_CPU", "REQUESTS_MEMORY")]
ROOM = [variable(name, **resource(name.lower().replace("_", "."))) for name in ("LIMITS_CPU", "LIMITS_MEMORY")]
HOSTS = "head -n 1 /etc/hosts; grep -c mine /etc/hosts"
MODE = "ls -lL /vol/{} | cut -c1-10; cat /vol/{}"

COMMANDS = {
    "image-defaults": Story({"image": ENTRY}, "entry cmd"),
    "own-arguments": Story({"image": ENTRY, "args": ["mine"]}, "entry mine"),
    "own-command": Story({"image": ENTRY, "command": ["echo", "own"]}, "own"),
    "own-command-and-arguments": Story({"image": ENTRY, "command": ["echo", "own"], "args": ["mine"]}, "own mine"),
    "composed-variables": Story(
        {"command": ["sh", "-c", 'echo "$BOTH" "$0" "$1"', "$(FOO)!", "$$(FOO) $(NONE)"], "env": [
            {"name": "FOO", "value": "foo"}, {"name": "BOTH", "value": "$(FOO);;$(FOO);;$(LATER)"},
            {"name": "LATER", "value": "x"}]},
        "foo;;foo;;$(LATER) foo! $(FOO) $(NONE)"),
    "service-variables": says(
        "env | sort | grep ^FOO_ | cut -d= -f1 | cut -c5- | tr '\\n' ' '",
        "PORT PORT_8765_TCP PORT_8765_TCP_ADDR PORT_8765_TCP_PORT PORT_8765_TCP_PROTO SERVICE_HOST SERVICE_PORT "
        "SERVICE_PORT_HTTP"),
    "variables-of-maps": says(
        "echo $ONE $S_user; tr '\\0' '\\n' < /proc/1/environ | grep ^all_", "value-1 admin\nall_data-1=value-1",
        env=[variable("ONE", configMapKeyRef={"name": "conf", "key": "data-1"})],
        envFrom=[{"prefix": "S_", "secretRef": {"name": "creds"}}, {"prefix": "all_", "configMapRef": {"name": "conf"}}]),
    "own-limits": says("echo $LIMITS_CPU $LIMITS_MEMORY $REQUESTS_CPU $REQUESTS_MEMORY", "2 67108864 1 33554432",
                       env=ASKED, resources=LIMITS),
    "limits-of-the-node": says("echo $LIMITS_CPU $LIMITS_MEMORY", allocatable, env=ROOM),
    "own-fields": says("echo $A $B $C $D $E", seen_by_itself, env=[
        of_field("A", "metadata.name"), of_field("B", "metadata.namespace"), of_field("C", "metadata.uid"),
        of_field("D", "status.podIP"), of_field("E", "status.hostIP")]),
}
VOLUMES = {
    "map-by-default": mounted(MODE.replace("{}", "data-1"), "-rw-r--r--\nvalue-1", FILES["conf"]),
    "map-for-a-user": mounted(MODE.replace("{}", "data-1"), "-rw-r--r--\nvalue-1", FILES["conf"], user=1000),
    "map-with-a-mode": mounted(MODE.replace("{}", "data-1"), "-r--------\nvalue-1",
                               with_items(FILES["conf"], defaultMode=0o400)),
    "map-with-items": mounted(MODE.replace("{}", "path/to/it"), "-rw-r--r--\nvalue-1",
                              with_items(FILES["conf"], items=[{"key": "data-1", "path": "path/to/it"}])),
    "map-with-an-items-mode": mounted(
        MODE.replace("{}", "path/to/it"), "-r--------\nvalue-1",
        with_items(FILES["conf"], items=[{"key": "data-1", "path": "path/to/it", "mode": 0o400}])),
    "map-with-bytes": mounted("wc -c < /vol/dump.bin; cat /vol/data-1", "3\nvalue-1", FILES["conf"]),
    "secret-by-default": mounted(MODE.replace("{}", "user"), "-rw-r--r--\nadmin", FILES["creds"]),
    "secret-for-a-group": mounted(
        "ls -lnL /vol/user | tr -s ' ' | cut -d' ' -f1,4; cat /vol/user", "-r--r----- 1001\nadmin",
        with_items(FILES["creds"], defaultMode=0o440), user=1000, group=1001),
    "fields-with-a-mode": mounted(
        MODE.replace("{}", "name"), "-r--------\nfields-with-a-mode", with_items(FILES["info"], defaultMode=0o400)),
    "all-in-one": mounted("ls /vol; cat /vol/data-1 /vol/user /vol/name", "data-1\ndump.bin\nname\nuser\nvalue-1adminall-in-one",
                          FILES["all"]),
    "optional-and-absent": mounted("ls /vol | wc -l", "0", {"configMap": {"name": "none", "optional": True}}),
    "part-of-a-map": mounted("cat /vol/it", "value-1", with_items(
        FILES["conf"], items=[{"key": "data-1", "path": "deep/it"}]), subPath="deep"),
    "part-of-a-map-over-a-file": says(
        "cat /etc/group", "value-1", spec={"volumes": [{"name": "vol", **FILES["conf"]}]},
        volumeMounts=[{"name": "vol", "mountPath": "/etc/group", "subPath": "data-1"}]),
    "part-of-a-secret": mounted("cat /vol", "admin", FILES["creds"], subPath="user"),
    "part-of-fields": mounted("cat /vol", "part-of-fields", FILES["info"], subPath="name"),
    "part-of-all": mounted("cat /vol", "admin", FILES["all"], subPath="user"),
    "part-by-a-variable": says(
        "cat /vol/it", "value-1", env=[of_field("WHERE", "metadata.name")], spec={"volumes": [{"name": "vol", **with_items(
            FILES["conf"], items=[{"key": "data-1", "path": "part-by-a-variable/it"}])}]},
        volumeMounts=[{"name": "vol", "mountPath": "/vol", "subPathExpr": "$(WHERE)"}]),
    "two-mounts-of-one": says(
        "cat /a/data-1 /b/data-1", "value-1value-1", spec={"volumes": [{"name": "vol", **FILES["conf"]}]},
        volumeMounts=[{"name": "vol", "mountPath": "/a"}, {"name": "vol", "mountPath": "/b"}]),
}
for _medium, _kind in (("", "disk"), ("Memory", "tmpfs")):
    for _user in (0, 1000):
        VOLUMES[f"empty-on-{_kind}-for-{_user}"] = mounted(
            "ls -ld /vol | cut -c1-10; grep -c '^tmpfs /vol ' /proc/mounts;"
            "for m in 0644 0666 0777; do echo x > /vol/$m; chmod $m /vol/$m; done; ls -l /vol | grep -v total | cut -c1-10",
            f"drwxrwxrwx\n{1 if _medium else 0}\n-rw-r--r--\n-rw-rw-rw-\n-rwxrwxrwx",
            {"emptyDir": {"medium": _medium} if _medium else {}}, user=_user)

SECURITY = {
    "a-user": says("id -u", "65534", securityContext={"runAsUser": 65534}),
    "a-user-and-group": says("id -u; id -g", "1001\n2002", securityContext={"runAsUser": 1001, "runAsGroup": 2002}),
    "the-pods-user-and-group": says(
        "id -u; id -g", "1001\n2002", spec={"securityContext": {"runAsUser": 1001, "runAsGroup": 2002}}),
    "no-escalation": says("grep NoNewPrivs /proc/self/status | tr -s '\\t' ' '", "NoNewPrivs: 1",
                          securityContext={"runAsUser": 1000, "allowPrivilegeEscalation": False}),
    "escalation": says("grep NoNewPrivs /proc/self/status | tr -s '\\t' ' '", "NoNewPrivs: 0",
                       securityContext={"runAsUser": 1000, "allowPrivilegeEscalation": True}),
    "not-privileged": says("(echo x > /proc/sys/kernel/hostname) 2>/dev/null || echo no", "no",
                           securityContext={"privileged": False}),
    "a-root-to-read": says("touch /file 2>/dev/null || echo no", "no", securityContext={"readOnlyRootFilesystem": True}),
    "a-root-to-write": says("touch /file && echo yes", "yes", securityContext={"readOnlyRootFilesystem": False}),
    "a-sysctl": says("cat /proc/sys/kernel/shm_rmid_forced", "1", spec={
        "securityContext": {"sysctls": [{"name": "kernel.shm_rmid_forced", "value": "1"}]}}),
}
SURROUNDINGS = {
    "hosts": says(HOSTS, "# Kubernetes-managed hosts file.\n1", spec={
        "hostAliases": [{"ip": "123.45.67.89", "hostnames": ["mine", "yours"]}]}),
    "hosts-of-its-own": says("cat /etc/hosts", "value-1", spec={"volumes": [{"name": "vol", **FILES["conf"]}]},
                             volumeMounts=[{"name": "vol", "mountPath": "/etc/hosts", "subPath": "data-1"}]),
    "hosts-of-the-machine": says("grep -c 'hosts file.$' /etc/hosts", "0", spec={"hostNetwork": True}, phase="Failed"),
    "servers-of-its-own": says("sort /etc/resolv.conf", "nameserver 1.1.1.1\noptions ndots:2\nsearch a.example b.example", spec={
        "dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"], "searches": ["a.example", "b.example"],
                                           "options": [{"name": "ndots", "value": "2"}]}}),
}
for _account, _by_account in (("plain", None), ("opened", True), ("closed", False)):
    for _by_pod in (None, True, False):
        _open = _by_pod if _by_pod is not None else _by_account is not False
        SURROUNDINGS[f"token-{_account}-{_by_pod}".lower()] = says(
            f"ls {ACCOUNT} 2>/dev/null | tr '\\n' ' '", "ca.crt namespace token" if _open else "",
            spec={"serviceAccountName": _account}
            | ({} if _by_pod is None else {"automountServiceAccountToken": _by_pod}))
STORIES = {**COMMANDS, **VOLUMES, **SECURITY, **SURROUNDINGS}


def a_pod(name: str, story: Story) -> dict[str, Any]:
    container = {"name": "main", "image": BUSYBOX, "imagePullPolicy": "Never", **story.container}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
        "restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container], **story.spec}}


@pytest.fixture(scope="module")
def place(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A namespace with all the pods, and what they read."""
    name, archive = f"t-{uuid.uuid4().hex[:6]}", tmp_path_factory.mktemp("images") / "entry.tar"
    files = {"bin/busybox": Path("/bin/busybox").read_bytes()}
    oci.write_archive(archive, name=ENTRY, layers=[oci.layer(files, links={f"bin/{one}": "busybox" for one in APPLETS})],
                      config={"Entrypoint": ["echo", "entry"], "Cmd": ["cmd"], "Env": ["PATH=/bin"]})
    cluster.knarr("image", "load", str(archive))
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    accounts = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": one}, **more} for one, more in (
        ("plain", {}), ("opened", {"automountServiceAccountToken": True}), ("closed", {"automountServiceAccountToken": False}))]
    cluster.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf"}, "data": {"data-1": "value-1"},
         "binaryData": {"dump.bin": "3q3/"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "creds"}, "stringData": {"user": "admin"}},
        service("foo", 8765), *accounts, namespace=name)
    cluster.apply(*(a_pod(one, story) for one, story in STORIES.items()), namespace=name, wait=False)
    yield name
    cluster.knarr("delete", "namespace", name, "--detach", check=False)


@pytest.fixture(scope="module")
def lives(cluster: Cluster, place: str) -> dict[str, dict[str, Any]]:
    """The pods by name, when all have ended or a minute is over."""
    server, deadline_s = connect(None, str(cluster.data_dir)), time.monotonic() + 60
    while True:
        pods = server.ask("GET", f"/api/v1/namespaces/{place}/pods")["items"]
        if all(pod["status"].get("phase") in ENDED for pod in pods) or time.monotonic() > deadline_s:
            return {pod["metadata"]["name"]: pod for pod in pods}
        time.sleep(0.2)


@pytest.mark.parametrize("name", STORIES)
def test_a_pod_sees_what_it_was_promised(cluster, place, lives, name):
    """It has ended as it should, having said what it should."""
    story, pod, server = STORIES[name], lives[name], connect(None, str(cluster.data_dir))
    assert story.phase == pod["status"]["phase"], pod["status"]
    (node,) = server.ask("GET", "/api/v1/nodes")["items"]
    said = story.said if isinstance(story.said, str) else story.said(pod, node)

    assert said == server.ask("GET", f"/api/v1/namespaces/{place}/pods/{name}/log").strip()
