"""Claims find volumes, directories are made for the first pod, and all of it is given back."""

from __future__ import annotations

import pytest

from tests.unit.controllers.cluster import live, node, pod

ALL = ("volumebinder", "localpath", "pvcprotection", "pvprotection", "serviceaccounts", "nodelifecycle")
CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"
MERGE = "application/merge-patch+json"


def claim(name="data", storage_class=None, size="1Gi", **spec):
    body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
    if storage_class is not None:
        body["storageClassName"] = storage_class
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": body}


def volume(name, size, storage_class="", policy="Retain", **spec):
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": {
        "capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "storageClassName": storage_class,
        "persistentVolumeReclaimPolicy": policy, "hostPath": {"path": f"/x/{name}"}, **spec}}


def using(name, claim_name):
    return pod(name, volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": claim_name}}])


async def phase(cluster, path):
    found = await cluster.ask("GET", path)
    return found and found["status"]["phase"]


def test_a_directory_is_made_for_the_first_pod():
    """The default class waits for a pod; then a volume is made on its node, and the pod is bound."""
    async def story(cluster):
        await cluster.create(node("a"))
        await cluster.create(claim())
        await cluster.pass_time()
        assert "Pending" == await phase(cluster, f"{CLAIMS}/data")
        assert "WaitForFirstConsumer: waiting for first consumer to be created before binding" in await cluster.events()
        await cluster.create(using("db", "data"))
        await cluster.pass_time()
        held = await cluster.ask("GET", f"{CLAIMS}/data")
        made = await cluster.ask("GET", f"{VOLUMES}/pvc-{held['metadata']['uid']}")
        assert ("Bound", "Bound") == (held["status"]["phase"], made["status"]["phase"])
        assert f"/data/volumes/{made['metadata']['name']}" == made["spec"]["hostPath"]["path"]
        assert {"storage": "1Gi"} == held["status"]["capacity"]
        bound = await cluster.ask("GET", "/api/v1/namespaces/default/pods/db")
        assert "a" == bound["spec"]["nodeName"]

    live(ALL, story, scheduler=True)


def test_the_directory_goes_with_the_claim():
    """The claim stays while a pod uses it; the volume stays until its node has removed the directory."""
    async def story(cluster):
        await cluster.create(node("a"))
        await cluster.create(claim())
        await cluster.create(using("db", "data"))
        await cluster.pass_time()
        await cluster.ask("DELETE", f"{CLAIMS}/data")
        await cluster.pass_time()
        assert "Bound" == await phase(cluster, f"{CLAIMS}/data")
        await cluster.ask("DELETE", "/api/v1/namespaces/default/pods/db", {"gracePeriodSeconds": 0})
        await cluster.pass_time()
        assert await cluster.ask("GET", f"{CLAIMS}/data") is None
        (made,) = (await cluster.ask("GET", VOLUMES))["items"]
        assert ["knarr.dev/local-path"] == made["metadata"]["finalizers"]
        patch = {"metadata": {"finalizers": None}}
        await cluster.ask("PATCH", f"{VOLUMES}/{made['metadata']['name']}", patch, "application/merge-patch+json")
        await cluster.pass_time()
        assert [] == await cluster.names(VOLUMES)

    live(ALL, story, scheduler=True)


def test_a_node_that_is_gone_cannot_remove_anything():
    """The node is deleted; its volume is given up here."""
    async def story(cluster):
        await cluster.create(node("a"))
        await cluster.create(claim())
        await cluster.create(using("db", "data"))
        await cluster.pass_time()
        await cluster.ask("DELETE", "/api/v1/namespaces/default/pods/db", {"gracePeriodSeconds": 0})
        await cluster.ask("DELETE", f"{CLAIMS}/data")
        await cluster.pass_time()
        assert 1 == len(await cluster.names(VOLUMES))
        await cluster.ask("DELETE", "/api/v1/nodes/a")
        await cluster.pass_time()
        assert [] == await cluster.names(VOLUMES)

    live(ALL, story, scheduler=True)


def test_what_room_a_node_has_is_told():
    """A disk of 10Gi: a claim of 3Gi takes from it, grows to 4Gi, and gives all back; the figure goes with the node."""
    told = "/apis/storage.k8s.io/v1/namespaces/kube-system/csistoragecapacities"

    async def room(cluster):
        await cluster.pass_time(3)
        (one,) = (await cluster.ask("GET", told))["items"]
        assert ("local-path-a", "local-path", {"matchLabels": {"kubernetes.io/hostname": "a"}}) == (
            one["metadata"]["name"], one["storageClassName"], one["nodeTopology"])
        return one["capacity"]

    async def story(cluster):
        a = node("a")
        a["status"]["capacity"] = {**a["status"]["capacity"], "ephemeral-storage": "10Gi"}
        await cluster.create(a)
        assert str(10 << 30) == await room(cluster)
        await cluster.create(claim(size="3Gi"))
        await cluster.create(using("db", "data"))
        assert str(7 << 30) == await room(cluster)
        await cluster.ask("PATCH", f"{CLAIMS}/data", {"spec": {"resources": {"requests": {"storage": "4Gi"}}}}, MERGE)
        assert str(6 << 30) == await room(cluster)
        await cluster.ask("DELETE", "/api/v1/namespaces/default/pods/db", {"gracePeriodSeconds": 0})
        await cluster.ask("DELETE", f"{CLAIMS}/data")
        await cluster.pass_time(3)
        (volume,) = await cluster.names(VOLUMES)
        await cluster.ask("PATCH", f"{VOLUMES}/{volume}", {"metadata": {"finalizers": None}}, MERGE)
        assert str(10 << 30) == await room(cluster)
        await cluster.ask("DELETE", "/api/v1/nodes/a")
        await cluster.pass_time(3)
        assert [] == await cluster.names(told)

    live((*ALL, "garbagecollector"), story, scheduler=True)


def test_the_smallest_volume_that_will_do():
    """Three volumes of no class; the claim gets the middle one. When it goes, its volume is released, and kept."""
    async def story(cluster):
        for name, size in (("small", "1Gi"), ("large", "9Gi"), ("middle", "3Gi")):
            await cluster.create(volume(name, size))
        await cluster.create(claim(storage_class="", size="2Gi"))
        await cluster.pass_time()
        assert "middle" == (await cluster.ask("GET", f"{CLAIMS}/data"))["spec"]["volumeName"]
        assert ["Available", "Bound", "Available"] == [
            await phase(cluster, f"{VOLUMES}/{name}") for name in ("large", "middle", "small")]
        await cluster.ask("DELETE", f"{CLAIMS}/data")
        await cluster.pass_time()
        assert "Released" == await phase(cluster, f"{VOLUMES}/middle")

    live(ALL, story)


def test_a_local_volume_draws_its_pod():
    """Three nodes; the class waits for its first pod and its only free volume is a disk of node b: there the pod goes.

    A second pod finds no volume, and says so.
    """
    async def story(cluster):
        here = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["b"]}
        for name in ("a", "b", "c"):
            await cluster.create(node(name))
        await cluster.create({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "disks"},
            "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"})
        await cluster.create(volume("disk", "2Gi", "disks", hostPath=None, local={"path": "/mnt/disk"}, nodeAffinity={
            "required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}}))
        for name in ("first", "second"):
            await cluster.create(claim(name, storage_class="disks"))
        await cluster.pass_time()
        assert "Pending" == await phase(cluster, f"{CLAIMS}/first")
        for name in ("first", "second"):
            await cluster.create(using(name, name))
            await cluster.pass_time()
        bound = await cluster.ask("GET", "/api/v1/namespaces/default/pods/first")
        assert ("b", "Bound") == (bound["spec"]["nodeName"], await phase(cluster, f"{CLAIMS}/first"))
        said = "0/3 nodes are available: 3 node(s) didn't find available persistent volumes to bind."
        assert any(one.startswith(f"FailedScheduling: {said}") for one in await cluster.events())

    live(ALL, story, scheduler=True)


def test_a_volume_is_kept_for_the_claim_it_names():
    """Set aside before its claim exists: a stranger waits, though it is the only volume; the named claim gets it."""
    async def story(cluster):
        await cluster.create(volume("kept", "9Gi", claimRef={"namespace": "default", "name": "data"}))
        await cluster.create(claim("stranger", storage_class=""))
        await cluster.pass_time()
        assert ("Available", "Pending") == (
            await phase(cluster, f"{VOLUMES}/kept"), await phase(cluster, f"{CLAIMS}/stranger"))
        await cluster.create(claim(storage_class=""))
        await cluster.pass_time()
        assert ("Bound", "Bound") == (await phase(cluster, f"{VOLUMES}/kept"), await phase(cluster, f"{CLAIMS}/data"))

    live(ALL, story)


@pytest.mark.parametrize(("asked", "taken"), [
    pytest.param({"selector": {"matchLabels": {"disk": "fast"}}}, "fast", id="by labels"),
    pytest.param({"selector": {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}}, "slow", id="by expression"),
    pytest.param({"accessModes": ["ReadWriteMany"]}, "shared", id="by access mode"),
    pytest.param({"accessModes": ["ReadWriteOnce"], "volumeMode": "Block"}, "raw", id="by volume mode"),
])
def test_what_a_claim_asks_for(asked, taken):
    """Five volumes of growing size: the smallest with all that is asked for is taken."""
    async def story(cluster):
        for size, (name, labels, spec) in enumerate((
                ("plain", {}, {}), ("slow", {"disk": "slow"}, {}), ("fast", {"disk": "fast"}, {}),
                ("shared", {}, {"accessModes": ["ReadWriteOnce", "ReadWriteMany"]}),
                ("raw", {}, {"volumeMode": "Block", "hostPath": None, "local": {"path": "/dev/x"}, "nodeAffinity": {
                    "required": {"nodeSelectorTerms": [{"matchExpressions": [
                        {"key": "kubernetes.io/hostname", "operator": "Exists"}]}]}}})), start=1):
            made = volume(name, f"{size}Gi", **spec)
            made["metadata"]["labels"] = labels
            await cluster.create(made)
        await cluster.create(claim(storage_class="", **asked))
        await cluster.pass_time()
        assert taken == (await cluster.ask("GET", f"{CLAIMS}/data"))["spec"].get("volumeName")

    live(ALL, story)


def test_a_volume_comes_later():
    """A claim waits; a volume that will do is made; they find each other."""
    async def story(cluster):
        await cluster.create(claim(storage_class="manual"))
        await cluster.pass_time()
        assert "Pending" == await phase(cluster, f"{CLAIMS}/data")
        await cluster.create(volume("late", "2Gi", "manual"))
        await cluster.pass_time()
        assert ("Bound", "Bound") == (await phase(cluster, f"{CLAIMS}/data"), await phase(cluster, f"{VOLUMES}/late"))

    live(ALL, story)


@pytest.mark.parametrize(("asked", "said"), [
    pytest.param({"storage_class": "none"}, 'ProvisioningFailed: storageclass.storage.k8s.io "none" not found',
                 id="no such class"),
    pytest.param({"storage_class": ""},
                 "FailedBinding: no persistent volumes available for this claim and no storage class is set",
                 id="no class and no volume"),
])
def test_why_a_claim_waits(asked, said):
    """A claim that nothing fits; the event says why, in Kubernetes' words."""
    async def story(cluster):
        await cluster.create(claim(**asked))
        await cluster.pass_time()
        assert "Pending" == await phase(cluster, f"{CLAIMS}/data")
        assert said in await cluster.events()

    live(ALL, story)


def test_a_pod_says_that_its_claim_waits():
    """A pod uses a claim of a class that is not there. The words are those of a recorded cluster."""
    async def story(cluster):
        await cluster.create(node("a"))
        await cluster.create(claim(storage_class="none"))
        await cluster.create(using("db", "data"))
        await cluster.pass_time()
        said = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
        assert f"FailedScheduling: {said}" in await cluster.events()
        found = await cluster.ask("GET", "/api/v1/namespaces/default/pods/db")
        (condition,) = found["status"]["conditions"]
        assert ("PodScheduled", "False", "Unschedulable", said) == tuple(
            condition[key] for key in ("type", "status", "reason", "message"))

    live(ALL, story, scheduler=True)


def test_a_bound_claim_loses_its_volume():
    """Somebody takes the volume away by force."""
    async def story(cluster):
        await cluster.create(volume("v", "1Gi"))
        await cluster.create(claim(storage_class=""))
        await cluster.pass_time()
        patch = {"metadata": {"finalizers": None}}
        await cluster.ask("DELETE", f"{VOLUMES}/v")
        await cluster.ask("PATCH", f"{VOLUMES}/v", patch, "application/merge-patch+json")
        await cluster.pass_time()
        assert "Lost" == await phase(cluster, f"{CLAIMS}/data")

    live(ALL, story)


def test_a_claim_of_the_default_class_grows():
    """A bound claim asks for more: volume and claim say the new size at once, and nobody is waited for."""
    async def story(cluster):
        await cluster.create(node("a"))
        await cluster.create(claim())
        await cluster.create(using("db", "data"))
        await cluster.pass_time()
        await cluster.ask("PATCH", f"{CLAIMS}/data", {"spec": {"resources": {"requests": {"storage": "3Gi"}}}},
                          "application/merge-patch+json")
        await cluster.pass_time()
        held = await cluster.ask("GET", f"{CLAIMS}/data")
        made = await cluster.ask("GET", f"{VOLUMES}/pvc-{held['metadata']['uid']}")
        assert [{"storage": "3Gi"}] * 2 == [held["status"]["capacity"], made["spec"]["capacity"]]
        assert "VolumeResizeSuccessful: Resize volume succeeded" in await cluster.events()

    live(ALL, story, scheduler=True)


def test_a_claim_for_one_pod_alone():
    """ReadWriteOncePod: of two pods one waits, says why, and comes in when the other has gone."""
    why = ("0/1 nodes are available: 1 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod "
           "access mode.")

    async def story(cluster):
        await cluster.create(node("a"))
        await cluster.create(claim(accessModes=["ReadWriteOncePod"]))
        for name in ("first", "second"):
            await cluster.create(using(name, "data"))
        await cluster.pass_time(5)
        pods = {name: await cluster.ask("GET", f"/api/v1/namespaces/default/pods/{name}") for name in ("first", "second")}
        assert ["a", None] == [one["spec"].get("nodeName") for one in pods.values()]
        assert why == pods["second"]["status"]["conditions"][0]["message"]
        await cluster.ask("DELETE", "/api/v1/namespaces/default/pods/first", {"gracePeriodSeconds": 0})
        await cluster.pass_time(5)
        second = await cluster.ask("GET", "/api/v1/namespaces/default/pods/second")
        assert "a" == second["spec"].get("nodeName")

    live(ALL, story, scheduler=True)


def test_attributes_are_matched_and_told():
    """Of two volumes that would do only one has the attributes asked for; bound, the claim says which it has."""
    async def story(cluster):
        await cluster.create(volume("plain", "1Gi"))
        await cluster.create(volume("golden", "2Gi", volumeAttributesClassName="gold"))
        await cluster.create(claim(storage_class="", volumeAttributesClassName="gold"))
        await cluster.create(claim("other", storage_class="", volumeAttributesClassName="tin"))
        await cluster.pass_time()
        held = await cluster.ask("GET", f"{CLAIMS}/data")
        assert ("golden", "gold") == (held["spec"]["volumeName"], held["status"]["currentVolumeAttributesClassName"])
        assert "Pending" == await phase(cluster, f"{CLAIMS}/other")

    live(ALL, story)


def test_attributes_that_are_named_stay():
    """A class of attributes is deleted while a claim names it and a volume has it: it goes with the last of them."""
    classes = "/apis/storage.k8s.io/v1/volumeattributesclasses"

    async def story(cluster):
        for name in ("gold", "tin"):
            await cluster.ask("POST", classes, {"metadata": {"name": name}, "driverName": "d.example", "parameters": {"iops": "1"}})
        await cluster.create(claim(storage_class="", volumeAttributesClassName="gold"))
        await cluster.create(volume("v", "1Gi", storage_class="x", volumeAttributesClassName="gold"))
        await cluster.pass_time()
        for name in ("gold", "tin"):
            await cluster.ask("DELETE", f"{classes}/{name}")
        await cluster.pass_time()
        assert ["gold"] == await cluster.names(classes)
        await cluster.ask("DELETE", f"{CLAIMS}/data")
        await cluster.pass_time()
        assert ["gold"] == await cluster.names(classes)
        await cluster.ask("DELETE", f"{VOLUMES}/v")
        await cluster.pass_time()
        assert [] == await cluster.names(classes)

    live((*ALL, "vacprotection"), story)
