"""What one container runtime can do and another cannot: on this machine's own, and on a newer one where it can be had.

The newer one is fetched from another Debian release and lies in a folder of its own. Where it cannot be fetched, what
needs it is skipped, and says so.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from knarr.node import oci
from tests.e2e.cluster import BUSYBOX, Cluster, busybox_archive, new_cluster, pod, until
from tests.e2e.place import Place, ready

SCRIPT = Path(__file__).parents[2] / "scripts" / "newer_runtime.sh"
GROUPED = "localhost/grouped:test"      # its own list of groups puts user 1000 into 50000 too
UNIT = 65536


@pytest.fixture(scope="session")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Knarr on a containerd that is newer than this machine's, with images loaded."""
    programs = Path(os.environ.get("KNARR_NEWER_RUNTIME") or tmp_path_factory.mktemp("newer"))
    if not (programs / "runc").exists():
        fetched = subprocess.run([SCRIPT, programs], capture_output=True, text=True, timeout=300, check=False)
        if fetched.returncode:
            pytest.skip(f"no newer container runtime could be fetched: {fetched.stderr[-300:]}")
    folder = tmp_path_factory.mktemp("images")
    files = {"bin/busybox": Path("/bin/busybox").read_bytes(), "etc/passwd": b"u:x:1000:1000::/:/bin/sh\n",
             "etc/group": b"u:x:1000:\nmore:x:50000:u\n"}
    oci.write_archive(folder / "grouped.tar", name=GROUPED, layers=[
        oci.layer(files, links={f"bin/{name}": "busybox" for name in ("sh", "id", "sleep")})],
        config={"Env": ["PATH=/bin"]})
    made = new_cluster()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        made.knarr("up", "--port", str(made.port))
    try:
        for archive in (busybox_archive(folder / "busybox.tar"), folder / "grouped.tar"):
            made.knarr("image", "load", str(archive))
        yield made
    finally:
        made.knarr("down", "--purge", check=False)


@pytest.fixture
def there(newer: Cluster) -> Iterator[Place]:
    """A namespace of the newer one."""
    name = f"t-{uuid.uuid4().hex[:6]}"
    newer.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield Place(newer, name)
    newer.knarr("delete", "namespace", name, "--detach", check=False)


def reasons(place: Place, reason: str) -> set[str]:
    """Return what events of a reason say."""
    return {one["message"] for one in place.get("events")["items"] if one["reason"] == reason}


def read(url: str) -> bytes:
    """Return a page; nothing where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as page:
            return bytes(page.read())
    except OSError:
        return b""


def node(place: Place) -> dict[str, Any]:
    [one] = place.get("nodes")["items"]
    return one["status"]


def running(place: Place, *names: str) -> None:
    for name in names:
        until(lambda name=name: ready(place.get(f"pods/{name}")), f"{name} runs", 60)


def output(place: Place, name: str, *command: str) -> str:
    return place.cluster.exec(name, *command, namespace=place.namespace, check=False).strip()


def test_a_runtime_that_cannot(place):
    """What would quietly be less than was asked for does not run, and says why."""
    if node(place)["features"]["supplementalGroupsPolicy"]:
        pytest.skip("this machine's own runtime can")
    place.make(
        pod("apart", hostUsers=False), pod("strict", securityContext={"supplementalGroupsPolicy": "Strict"}),
        pod("deep", container={"volumeMounts": [{"name": "v", "mountPath": "/v", "readOnly": True,
                                                 "recursiveReadOnly": "Enabled"}]},
            volumes=[{"name": "v", "emptyDir": {}}]))

    assert {"supplementalGroupsPolicy": False} == node(place)["features"]
    until(lambda: reasons(place, "FailedCreatePodSandBox"), "apart is told of")
    assert {"Failed to create pod sandbox: can't set `spec.hostUsers: false`, runtime does not support user "
            "namespaces"} == reasons(place, "FailedCreatePodSandBox")
    status = until(lambda: (s := place.get("pods/strict")["status"]).get("phase") == "Failed" and s, "strict is refused")
    assert "SupplementalGroupsPolicyNotSupported" == status["reason"]
    waiting = until(lambda: [one["state"]["waiting"] for one in place.get("pods/deep")["status"].get(
        "containerStatuses", ()) if one["state"].get("waiting", {}).get("reason") == "CreateContainerConfigError"],
        "deep is held")
    assert 'volume "v" requested recursive read-only mode, but it is not supported by the runtime' == waiting[0]["message"]


def test_classes_name_handlers(place):
    """By one that the machine has a pod runs, host ports and all; one that it has not is named in an event."""
    suffix = uuid.uuid4().hex[:6]
    classes = [{"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": f"{handler}-{suffix}"},
                "handler": handler} for handler in ("runc", "strange")]
    place.cluster.apply(*classes)
    serving = {"ports": [{"containerPort": 8080, "hostPort": 18931, "hostIP": "127.0.0.1"}]}
    place.make(
        pod("known", "echo here > /tmp/index.html; httpd -f -p 8080 -h /tmp", runtimeClassName=f"runc-{suffix}",
            container=serving),
        pod("unknown", runtimeClassName=f"strange-{suffix}"))

    running(place, "known")
    until(lambda: read("http://127.0.0.1:18931/") == b"here\n", "the host's port answers")
    until(lambda: any('no runtime for "strange" is configured' in one
                      for one in reasons(place, "FailedCreatePodSandBox")), "unknown is told of")
    for one in classes:
        place.cluster.knarr("delete", "runtimeclass", one["metadata"]["name"])


def test_users_of_a_pods_own(there):
    """Its root is nobody on the machine, yet its volumes' files are its own; no other pod is the same nobody."""
    place = there
    place.make({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf"}, "data": {"key": "value"}})
    mounts = [{"name": "conf", "mountPath": "/conf"}, {"name": "empty", "mountPath": "/empty"},
              {"name": "memory", "mountPath": "/memory"}]
    volumes = [{"name": "conf", "configMap": {"name": "conf"}}, {"name": "empty", "emptyDir": {}},
               {"name": "memory", "emptyDir": {"medium": "Memory"}}]
    place.make(*(pod(name, hostUsers=False, container={"volumeMounts": mounts}, volumes=volumes) for name in "ab"))
    running(place, "a", "b")

    firsts = {int(output(place, name, "cat", "/proc/self/uid_map").split()[1]) for name in "ab"}
    assert {UNIT, 2 * UNIT} == firsts
    assert "value" == output(place, "a", "cat", "/conf/key")
    for folder in ("/empty", "/memory"):
        assert "0" == output(place, "a", "sh", "-c", f"echo mine > {folder}/file; ls -n {folder}/file | awk '{{print $3}}'")
    assert "0" == output(place, "a", "id", "-u")
    status = place.get("pods/a")["status"]["containerStatuses"][0]
    assert {"linux": {"uid": 0, "gid": 0, "supplementalGroups": [0]}} == status["user"]
    assert {int(line.split()[1]) for line in owners(place)} == firsts

    pid = int((place.cluster.data_dir / "run" / "agent.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    place.delete("pods/b")
    until(lambda: [one["metadata"]["name"] for one in place.get("pods")["items"]] == ["a"], "b is gone", 60)
    place.make(pod("c", hostUsers=False))
    running(place, "a", "c")
    assert place.get("pods/a")["status"]["containerStatuses"][0]["restartCount"] == 0
    assert {int(output(place, name, "cat", "/proc/self/uid_map").split()[1]) for name in "ac"} == firsts


def owners(place: Place) -> list[str]:
    """Return pid and user, as the machine sees them, of the pods' main processes."""
    listed = subprocess.run(["ps", "-eo", "pid,uid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.endswith("sleep inf") and int(line.split()[1]) >= UNIT]


def test_read_only_all_the_way_down(there, tmp_path):
    """What is mounted below a read-only volume can be written, unless it is asked for that it cannot."""
    place = there
    (tmp_path / "below").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", tmp_path / "below"], check=True)
    try:
        place.make(*(pod(how.lower(), volumes=[{"name": "v", "hostPath": {"path": str(tmp_path)}}], container={
            "volumeMounts": [{"name": "v", "mountPath": "/v", "readOnly": True, "recursiveReadOnly": how}]})
            for how in ("Disabled", "IfPossible", "Enabled")))
        running(place, "disabled", "ifpossible", "enabled")
        wrote = {name: output(place, name, "sh", "-c", "touch /v/below/x && echo yes") for name in (
            "disabled", "ifpossible", "enabled")}
        assert {"disabled": "yes", "ifpossible": "", "enabled": ""} == wrote
        shown = {name: [one["recursiveReadOnly"] for one in place.get(f"pods/{name}")["status"]["containerStatuses"][0][
            "volumeMounts"] if one["mountPath"] == "/v"] for name in wrote}
        assert {"disabled": ["Disabled"], "ifpossible": ["Enabled"], "enabled": ["Enabled"]} == shown
        for name in wrote:
            place.delete(f"pods/{name}")
        until(lambda: not place.get("pods")["items"], "they are gone", 60)
    finally:
        subprocess.run(["umount", tmp_path / "below"], check=True)


def test_no_groups_but_those_named(there):
    """The image's own list of groups counts, unless the pod says that it must not."""
    place = there
    place.make(*(pod(policy.lower(), container={"image": GROUPED}, securityContext={
        "runAsUser": 1000, "runAsGroup": 3000, "supplementalGroups": [4000], "supplementalGroupsPolicy": policy})
        for policy in ("Merge", "Strict")))
    running(place, "merge", "strict")

    groups = {name: set(output(place, name, "id", "-G").split()) for name in ("merge", "strict")}
    assert {"merge": {"3000", "4000", "50000"}, "strict": {"3000", "4000"}} == groups
    identity = place.get("pods/strict")["status"]["containerStatuses"][0]["user"]["linux"]
    assert {"uid": 1000, "gid": 3000, "supplementalGroups": [3000, 4000]} == identity


def test_the_node_shows_what_its_runtime_can_do(there):
    """Handlers with what each can, and what the runtime can as a whole."""
    status = node(there)
    assert {"supplementalGroupsPolicy": True} == status["features"]
    handlers = {one["name"]: one["features"] for one in status["runtimeHandlers"]}
    assert {"recursiveReadOnlyMounts": True, "userNamespaces": True} == handlers[""] == handlers["runc"]
    assert {"", "runc", "host-ports"} <= handlers.keys()
    assert status["nodeInfo"]["containerRuntimeVersion"].startswith("containerd://2."), json.dumps(status["nodeInfo"])
    assert BUSYBOX in str(status["images"])
