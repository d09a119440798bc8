"""What Kubernetes promises of volumes and claims: which serves which, who waits for whom, what goes and what stays.

Source: kubernetes docs/concepts/storage, test/e2e/storage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from knarr.cli.failure import RequestFailed
from knarr.node import oci
from tests.e2e.cluster import pod, until
from tests.e2e.place import Objects, Place, name_of, ready

Volumes = Callable[..., dict[str, Any]]


@pytest.fixture
def volume(place: Place, tmp_path: Path) -> Iterator[Volumes]:
    """Make volumes over directories of this machine; they go with the test."""
    made: list[str] = []

    def make(name: str, size: str = "1Gi", **spec: Any) -> dict[str, Any]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        made.append(f"{place.namespace}-{name}")
        place.make({"apiVersion": "v1", "kind": "PersistentVolume",
                    "metadata": {"name": made[-1], "labels": {"test": place.namespace, "is": name}},
                    "spec": {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": str(folder)},
                             "storageClassName": place.namespace, **spec}})
        return place.get(f"persistentvolumes/{made[-1]}")

    yield make
    for one in made:
        place.cluster.knarr("delete", "persistentvolume", one, "--detach", check=False)


def claim(place: Place, name: str, size: str = "1Mi", **spec: Any) -> dict[str, Any]:
    """Return a claim of the test's own class, unless said otherwise."""
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": place.namespace,
                     "resources": {"requests": {"storage": size}}, **spec}}


def user(name: str, claimed: str, script: str = "sleep inf", **spec: Any) -> dict[str, Any]:
    """Return a pod with a claim at /data."""
    return pod(name, script, container={"volumeMounts": [{"name": "data", "mountPath": "/data"}]},
               volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": claimed}}],
               **{"terminationGracePeriodSeconds": 0, **spec})


def phase(place: Place, what: str) -> str:
    return str(place.get(what)["status"].get("phase"))


def holder(place: Place, name: str) -> str:
    """Return which volume serves a claim, without the test's own prefix; empty while none does."""
    found = place.get(f"persistentvolumeclaims/{name}")
    bound = found["status"].get("phase") == "Bound"
    return str(found["spec"]["volumeName"]).removeprefix(f"{place.namespace}-") if bound else ""


def gone(place: Place, what: str) -> bool:
    try:
        place.get(what)
    except RequestFailed:
        return True
    return False


def events(place: Place, name: str) -> Objects:
    return [one for one in place.get("events")["items"] if one["involvedObject"]["name"] == name]


def test_a_claim_takes_the_smallest_volume_that_serves(place, volume):
    """By size, by mode, by labels, by name; one that is meant for another claim is left to it."""
    for name, size in (("large", "4Gi"), ("small", "1Gi"), ("middle", "2Gi")):
        volume(name, size)
    volume("shared", "1Gi", accessModes=["ReadWriteMany"])
    volume("meant", "1Mi", claimRef={"namespace": place.namespace, "name": "expected"})
    until(lambda: phase(place, f"persistentvolumes/{place.namespace}-large") == "Available", "the volumes are there")

    place.make(claim(place, "first", "1Gi"))
    until(lambda: holder(place, "first") == "small", "the smallest")
    place.make(claim(place, "any", accessModes=["ReadWriteMany"]))
    until(lambda: holder(place, "any") == "shared", "the one for many")
    place.make(claim(place, "chosen", selector={"matchLabels": {"is": "large"}}))
    until(lambda: holder(place, "chosen") == "large", "the one with the label")
    place.make(claim(place, "next"))
    until(lambda: holder(place, "next") == "middle", "the one that is left, though another were small enough")
    place.make(claim(place, "expected"))
    until(lambda: holder(place, "expected") == "meant", "the one that waited for it")
    place.make(claim(place, "late"))
    until(lambda: any("storageclass" in one["message"] for one in events(place, "late")), "it is told why it waits")
    volume("named", claimRef={"namespace": place.namespace, "name": "late"})
    until(lambda: holder(place, "late") == "named", "a volume was made for it")
    assert 1 << 30 == size_of(place, "late")


def size_of(place: Place, name: str) -> int:
    text = place.get(f"persistentvolumeclaims/{name}")["status"]["capacity"]["storage"]
    return int(text.removesuffix("Gi").removesuffix("Mi")) << (30 if text.endswith("Gi") else 20)


def test_a_released_volume_keeps_its_data_until_it_is_given_on(place, volume):
    """Retained, it serves nobody else by itself; freed by hand, the next claim finds what was written."""
    kept = f"persistentvolumes/{name_of(volume('kept', persistentVolumeReclaimPolicy='Retain'))}"
    place.make(claim(place, "first"), user("writer", "first", "echo mine > /data/me; sleep inf"))
    until(lambda: ready(place.get("pods/writer")), "it writes")
    place.delete("persistentvolumeclaims/first")
    assert "deletionTimestamp" in place.get("persistentvolumeclaims/first")["metadata"]
    assert ["kubernetes.io/pvc-protection"] == place.get("persistentvolumeclaims/first")["metadata"]["finalizers"]
    place.delete("pods/writer", gracePeriodSeconds=0)
    until(lambda: gone(place, "persistentvolumeclaims/first"), "the claim goes with its last user")
    until(lambda: phase(place, kept) == "Released", "the volume is released")

    place.make(claim(place, "second"), user("reader", "second", "cat /data/me; sleep inf"))
    until(lambda: events(place, "second"), "the second claim waits")
    assert "" == holder(place, "second")
    place.patch(kept, {"spec": {"claimRef": None}})
    until(lambda: holder(place, "second") == "kept", "it is given on")
    until(lambda: ready(place.get("pods/reader")), "it reads")
    assert "mine" == place.cluster.knarr("logs", "reader", "-n", place.namespace).stdout.strip()


def test_a_bound_volume_stays_while_its_claim_does(place, volume):
    """Deleted first, it waits for its claim."""
    one = f"persistentvolumes/{name_of(volume('one'))}"
    place.make(claim(place, "first"))
    until(lambda: holder(place, "first") == "one", "it is bound")
    place.delete(one)
    assert "deletionTimestamp" in place.get(one)["metadata"]
    assert "Bound" == phase(place, "persistentvolumeclaims/first")
    place.delete("persistentvolumeclaims/first")
    until(lambda: gone(place, one), "it goes")


def test_a_claim_whose_volume_goes_by_force_is_lost(place, volume):
    """The claim says so, and the pod that wants it waits."""
    one = f"persistentvolumes/{name_of(volume('one'))}"
    place.make(claim(place, "first"))
    until(lambda: holder(place, "first") == "one", "it is bound")
    place.delete(one)
    place.patch(one, {"metadata": {"finalizers": None}})
    until(lambda: phase(place, "persistentvolumeclaims/first") == "Lost", "the loss is told")
    until(lambda: any(one["reason"] == "ClaimLost" for one in events(place, "first")), "and in an event")


def test_a_volume_of_one_node_draws_its_pod_there(place, volume):
    """Of two volumes only one lies here; a claim of the other one's keeps its pod waiting, with the reason."""
    (node,) = place.get("nodes")["items"]
    place.server.ask("POST", place.path("storageclasses"), {
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": place.namespace},
        "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"})

    def lies_on(hostname: str) -> dict[str, Any]:
        term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [hostname]}]}
        return {"required": {"nodeSelectorTerms": [term]}}

    volume("there", "1Gi", nodeAffinity=lies_on("elsewhere"))
    here = volume("here", "2Gi", nodeAffinity=lies_on(node["metadata"]["labels"]["kubernetes.io/hostname"]))
    folder = here["spec"]["hostPath"]["path"]
    place.patch(f"persistentvolumes/{name_of(here)}", {"metadata": {"labels": {"kind": "local"}}})
    place.make(claim(place, "first"), claim(place, "second"))
    until(lambda: any(one["reason"] == "WaitForFirstConsumer" for one in events(place, "first")), "it waits for a pod")
    place.make(user("one", "first", "echo here > /data/me; sleep inf"))
    until(lambda: ready(place.get("pods/one")), "it runs")
    assert ("here", "here") == (holder(place, "first"), (Path(folder) / "me").read_text().strip())

    place.make(user("two", "second"))
    until(lambda: any("didn't find available persistent volumes to bind" in one["message"] for one in events(place, "two")),
          "the pod is told why it waits")
    place.delete(f"storageclasses/{place.namespace}")


def test_the_default_class_makes_grows_and_takes_away(place):
    """Made when a pod comes, on its node; grown while it runs; never shrunk; gone with its claim, directory and all."""
    place.make(claim(place, "data", "1Mi", storageClassName=None))
    until(lambda: any(one["reason"] == "WaitForFirstConsumer" for one in events(place, "data")), "it waits for a pod")
    place.make(user("one", "data", "echo here > /data/me; sleep inf"))
    until(lambda: ready(place.get("pods/one")), "it runs")
    found = place.get("persistentvolumeclaims/data")
    made = place.get(f"persistentvolumes/{found['spec']['volumeName']}")
    folder = Path((made["spec"].get("hostPath") or made["spec"]["local"])["path"])
    assert ("local-path", "Delete", "here") == (found["spec"]["storageClassName"],
                                                made["spec"]["persistentVolumeReclaimPolicy"],
                                                (folder / "me").read_text().strip())
    assert "volume.kubernetes.io/selected-node" in found["metadata"]["annotations"]

    def ask_for(size: str) -> None:
        place.patch("persistentvolumeclaims/data", {"spec": {"resources": {"requests": {"storage": size}}}})

    ask_for("2Mi")
    until(lambda: place.get("persistentvolumeclaims/data")["status"]["capacity"]["storage"] == "2Mi", "it has grown")
    with pytest.raises(RequestFailed, match="field can not be less than status.capacity"):
        ask_for("1Mi")
    place.delete("pods/one", gracePeriodSeconds=0)
    place.delete("persistentvolumeclaims/data")
    until(lambda: gone(place, f"persistentvolumes/{name_of(made)}") and not folder.exists(), "volume and directory go")


def test_one_pod_alone_uses_a_claim_that_is_for_one(place):
    """A second pod waits with the reason, and runs when the first has gone."""
    place.make(claim(place, "data", storageClassName=None, accessModes=["ReadWriteOncePod"]), user("one", "data"))
    until(lambda: ready(place.get("pods/one")), "the first runs")
    place.make(user("two", "data"))
    until(lambda: any("ReadWriteOncePod" in one["message"] for one in events(place, "two")), "the second waits, and why")
    assert "Pending" == phase(place, "pods/two")
    place.delete("pods/one", gracePeriodSeconds=0)
    until(lambda: ready(place.get("pods/two")), "the second runs")


@pytest.mark.parametrize("layers", [1, 2])
def test_an_image_is_seen_as_a_volume(place, tmp_path, layers):
    """Its files can be read, not written nor run; one that is not there is told as a container's image is."""
    program = Path("/bin/busybox").read_bytes()
    made = [oci.layer({"bin/busybox": program, "etc/word": b"under\n"}), oci.layer({"etc/word": b"over\n"})][:layers]
    name, archive = f"localhost/seen:{layers}", tmp_path / "seen.tar"
    oci.write_archive(archive, name=name, layers=made, config={})
    place.cluster.knarr("image", "load", str(archive))

    def seeing(name: str, image: str, script: str) -> dict[str, Any]:
        mounts = [{"name": "image", "mountPath": "/see"}, {"name": "image", "mountPath": "/part", "subPath": "etc"}]
        return pod(name, script, container={"volumeMounts": mounts}, restartPolicy="Never", terminationGracePeriodSeconds=0,
                   volumes=[{"name": "image", "image": {"reference": image, "pullPolicy": "Never"}}])

    place.make(seeing("sees", name, "cat /part/word; /see/bin/busybox true 2>&1; touch /see/new 2>&1; sleep inf"),
               seeing("waits", "localhost/absent:1", "true"))

    def said() -> str:
        return place.cluster.knarr("logs", "sees", "-n", place.namespace, check=False).stdout

    until(lambda: "Read-only" in said(), "it has looked")
    word = "under" if layers == 1 else "over"
    assert [word, "Permission denied", "Read-only file system"] == [line.rsplit(": ")[-1] for line in said().splitlines()]
    until(lambda: waiting(place, "waits") == "ErrImageNeverPull", "the other one is told why it waits")
    uid = place.get("pods/sees")["metadata"]["uid"]
    place.delete("pods/sees", gracePeriodSeconds=0)
    until(lambda: uid not in Path("/proc/self/mounts").read_text(), "it is unmounted")


def waiting(place: Place, name: str) -> str:
    """Return why a pod's container waits."""
    (one,) = place.get(f"pods/{name}")["status"].get("containerStatuses") or [{"state": {}}]
    return str(one["state"].get("waiting", {}).get("reason", ""))
