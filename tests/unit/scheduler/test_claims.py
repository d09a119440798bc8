"""What claims ask of a node, and why a pod is not even tried."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from knarr.api import volumes
from knarr.api.types import core_v1, meta_v1, storage_v1
from knarr.scheduler.claims import Storage, claims_of, turned_away
from knarr.scheduler.frame import Frame
from knarr.scheduler.group import judge
from knarr.scheduler.needs import needs_of
from knarr.scheduler.plugins import volumes as rule

LATE = storage_v1.StorageClass(metadata=meta_v1.ObjectMeta(name="late"), provisioner="p", volumeBindingMode="WaitForFirstConsumer")
SOON = storage_v1.StorageClass(metadata=meta_v1.ObjectMeta(name="soon"), provisioner="p", volumeBindingMode="Immediate")
POD = core_v1.Pod(metadata=meta_v1.ObjectMeta(namespace="d", name="db"), spec=core_v1.PodSpec(volumes=(core_v1.Volume(
    name="v", persistentVolumeClaim=core_v1.PersistentVolumeClaimVolumeSource(claimName="data")),)))


def claim(storage_class="late", volume="", phase="Pending", **meta):
    notes = {volumes.BIND_COMPLETED: "yes"} if volume else {}
    return core_v1.PersistentVolumeClaim(
        metadata=meta_v1.ObjectMeta(namespace="d", name="data", uid="u", **{"annotations": notes, **meta}),
        spec=core_v1.PersistentVolumeClaimSpec(
            storageClassName=storage_class, volumeName=volume or None, accessModes=("ReadWriteOnce",),
            resources=core_v1.VolumeResourceRequirements(requests={"storage": "1Gi"})),
        status=core_v1.PersistentVolumeClaimStatus(phase=phase))


def volume(name, host, storage_class="late", size="1Gi", phase="Available"):
    here = core_v1.NodeSelectorRequirement(key=volumes.HOSTNAME, operator="In", values=(host,))
    return core_v1.PersistentVolume(
        metadata=meta_v1.ObjectMeta(name=name),
        spec=core_v1.PersistentVolumeSpec(
            capacity={"storage": size}, accessModes=("ReadWriteOnce",), storageClassName=storage_class,
            nodeAffinity=core_v1.VolumeNodeAffinity(required=core_v1.NodeSelector(
                nodeSelectorTerms=(core_v1.NodeSelectorTerm(matchExpressions=(here,)),)))),
        status=core_v1.PersistentVolumeStatus(phase=phase))


def storage(*claims, stored=(), classes=(LATE, SOON)):
    return Storage(
        {("d", one.metadata.name): one for one in claims}, {("", one.metadata.name): one for one in stored},
        {("", one.metadata.name): one for one in classes})


@pytest.mark.parametrize(("found", "why"), [
    pytest.param(storage(), 'persistentvolumeclaim "data" not found', id="no such claim"),
    pytest.param(storage(claim(deletionTimestamp="2026-01-01T00:00:00Z")),
                 'persistentvolumeclaim "data" is being deleted', id="on its way out"),
    pytest.param(storage(claim("soon")), "pod has unbound immediate PersistentVolumeClaims", id="not bound yet"),
    pytest.param(storage(claim("none")), "pod has unbound immediate PersistentVolumeClaims", id="no such class"),
    pytest.param(storage(claim(volume="v", phase="Lost")),
                 'persistentvolumeclaim "data" bound to non-existent persistentvolume "v"', id="lost"),
    pytest.param(storage(claim("late")), "", id="waits for this very pod"),
    pytest.param(storage(claim("soon", "v")), "", id="bound"),
])
def test_why_a_pod_is_turned_away(found, why):
    """The words are Kubernetes'."""
    assert why == turned_away(POD, found)


@pytest.mark.parametrize(("found", "open_nodes", "reason"), [
    pytest.param(storage(claim(volume="v"), stored=(volume("v", "a"),)), {"a"}, rule.OUT_OF_REACH,
                 id="the volume is on one node"),
    pytest.param(storage(claim(volume="v")), set(), rule.LOST, id="the volume is gone"),
    pytest.param(storage(claim(), stored=(volume("v", "b"),)), {"a", "b"}, None, id="one can be made anywhere"),
    pytest.param(storage(claim("bare"), stored=(volume("v", "b", "bare"),), classes=(storage_v1.StorageClass(
        metadata=meta_v1.ObjectMeta(name="bare"), provisioner=volumes.NO_PROVISIONER,
        volumeBindingMode="WaitForFirstConsumer"),)), {"b"}, rule.NONE_TO_BIND, id="none can be made"),
    pytest.param(storage(claim(annotations={volumes.SELECTED_NODE: "b"})), {"b"}, rule.NONE_TO_BIND,
                 id="one is being made on a node"),
])
def test_which_nodes_will_do(found, open_nodes, reason):
    """Two nodes, a and b."""
    there, reasons = judged(found)

    assert open_nodes == there
    assert ({reason} if reason else set()) == reasons


def judged(found):
    """Return which of two nodes, a and b, will do, and why the others will not."""
    frame = Frame()
    for name in ("a", "b"):
        frame.set_node(core_v1.Node(
            metadata=meta_v1.ObjectMeta(name=name, labels={volumes.HOSTNAME: name}),
            status=core_v1.NodeStatus(allocatable={"cpu": "1", "memory": "1Gi", "pods": "9"})))
    verdict = judge(needs_of(POD, claims=claims_of(POD, found)), frame)
    return {frame.names[row] for row in np.flatnonzero(verdict.open)}, {one for one, _ in verdict.tally()}


def part(name, host, **room):
    """A part of the cluster where a driver counts its room."""
    there = meta_v1.LabelSelector(matchLabels={volumes.HOSTNAME: host}) if host else None
    return storage_v1.CSIStorageCapacity(
        metadata=meta_v1.ObjectMeta(namespace="d", name=name), storageClassName="late", nodeTopology=there, **room)


@pytest.mark.parametrize(("counts", "parts", "stored", "open_nodes"), [
    pytest.param(True, [part("1", "a", capacity="9Gi"), part("2", "b", capacity="1Mi")], (), {"a"}, id="room on one"),
    pytest.param(True, [part("1", "a", capacity="9Gi", maximumVolumeSize="1Mi")], (), set(), id="only for smaller ones"),
    pytest.param(True, [part("1", "", capacity="9Gi")], (), set(), id="room that no node reaches"),
    pytest.param(True, [], (), set(), id="nothing told yet"),
    pytest.param(True, [part("1", "a", capacity="9Gi")], (volume("v", "b"),), {"a", "b"}, id="one exists already"),
    pytest.param(False, [], (), {"a", "b"}, id="a driver that does not count"),
])
def test_a_volume_is_made_where_there_is_room(counts, parts, stored, open_nodes):
    """Two nodes, a and b; the claim asks for 1Gi of a class whose driver tells its room, or does not."""
    driver = storage_v1.CSIDriver(metadata=meta_v1.ObjectMeta(name="p"), spec=storage_v1.CSIDriverSpec(storageCapacity=counts))
    found = replace(storage(claim(), stored=stored), drivers={("", "p"): driver},
                    capacities={("d", one.metadata.name): one for one in parts})
    there, reasons = judged(found)

    assert open_nodes == there
    assert (set() if open_nodes == {"a", "b"} else {rule.NO_SPACE}) == reasons


def test_a_volume_is_chosen_on_the_node_taken():
    """The smallest that fits and can be reached; a new one where none can."""
    found = storage(claim(), stored=(volume("large", "a", size="9Gi"), volume("small", "a", size="2Gi")))
    needs = needs_of(POD, claims=claims_of(POD, found))

    assert {"data": "small"} == rule.choose(needs, "a", {volumes.HOSTNAME: "a"})
    assert {"data": ""} == rule.choose(needs, "b", {volumes.HOSTNAME: "b"})


def test_a_pod_that_asks_for_devices_waits():
    """Nothing hands out devices yet: the pod says so instead of running without."""
    pod = core_v1.Pod(spec=core_v1.PodSpec(resourceClaims=(core_v1.PodResourceClaim(name="gpu", resourceClaimName="mine"),)))

    assert "cannot allocate all claims" in turned_away(pod, Storage())
