"""Tables for the plans that a story would be too long for."""

from __future__ import annotations

from importlib import import_module

import pytest

from knarr.api import kinds, volumes
from knarr.api.types import core_v1, meta_v1, storage_v1
from knarr.controllers.garbagecollector.graph import Graph, Item, Meta
from knarr.controllers.nodelifecycle.brake import NEVER
from knarr.reconcile.actions import After, Create, Delete, Event, Patch

gc, localpath, nodes, podgc, pvc, pv, binder = (
    # The packages export the function `plan` under the module's own name.
    import_module(f"knarr.controllers.{name}.plan") for name in (
        "garbagecollector", "localpath", "nodelifecycle", "podgc", "pvcprotection", "pvprotection", "volumebinder"))

CONFIG_MAP = kinds.by_kind("", "v1", "ConfigMap")
NOW = "2026-01-01T00:00:00Z"
NOW_S = 1_767_225_600.0


def words(actions):
    """Shorten actions to what the tables speak of."""
    return [one.reason if isinstance(one, Event) else type(one).__name__ for one in actions]


# pods that nobody else clears away

def a_pod(node="", phase="Running", deleting=False, tolerations=(), ready=False):
    conditions = (core_v1.PodCondition(type="Ready", status="True"),) if ready else ()
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(namespace="d", name="p", uid="u", deletionTimestamp=NOW if deleting else None),
        spec=core_v1.PodSpec(nodeName=node or None, tolerations=tolerations),
        status=core_v1.PodStatus(phase=phase, conditions=conditions))


@pytest.mark.parametrize(("pod", "missing_s", "expected"), [
    pytest.param(a_pod("n"), None, [], id="its node is there"),
    pytest.param(a_pod("n"), 0.0, ["After"], id="its node has just gone"),
    pytest.param(a_pod("n"), 40.0, ["Patch", "Delete"], id="its node has been gone for long"),
    pytest.param(a_pod("n", "Succeeded"), 40.0, ["Delete"], id="it has ended: how is known already"),
    pytest.param(a_pod(deleting=True), None, ["Patch", "Delete"], id="deleted before it had a node"),
    pytest.param(a_pod(), None, [], id="waits for a node"),
])
def test_pods_to_clear_away(pod, missing_s, expected):
    """One pod."""
    assert expected == words(podgc.plan(podgc.PodView(pod, missing_s)))


def test_too_many_have_ended(monkeypatch):
    """Three pods have ended and two may stay: the oldest goes."""
    monkeypatch.setattr(podgc, "FINISHED_MAX", 2)
    ended = [core_v1.Pod(metadata=meta_v1.ObjectMeta(name=f"p{n}", creationTimestamp=f"2026-01-0{n}T00:00:00Z"))
             for n in (3, 1, 2)]

    assert ["p1"] == [one.obj.metadata.name for one in podgc.plan(podgc.FinishedView(tuple(ended)))]


# finalizers of claims and volumes

@pytest.mark.parametrize(("finalizers", "deleting", "users", "expected"), [
    pytest.param((), False, [], [pvc.FINALIZER], id="unprotected: protect it"),
    pytest.param((pvc.FINALIZER,), False, [], None, id="protected: leave it"),
    pytest.param((pvc.FINALIZER, "x"), True, [], ["x"], id="leaving, unused: let it go"),
    pytest.param((pvc.FINALIZER,), True, [a_pod("n")], None, id="leaving, in use"),
    pytest.param((pvc.FINALIZER,), True, [a_pod()], [], id="leaving, wanted by a pod without a node"),
])
def test_claims_are_protected(finalizers, deleting, users, expected):
    """One claim."""
    claim = core_v1.PersistentVolumeClaim(metadata=meta_v1.ObjectMeta(
        finalizers=finalizers, deletionTimestamp=NOW if deleting else None))
    actions = pvc.plan(pvc.View(claim, tuple(users)))

    assert expected == (actions[0].patch["metadata"]["finalizers"] if actions else None)


@pytest.mark.parametrize(("phase", "deleting", "expected"), [
    pytest.param("Bound", True, [], id="bound: stays"),
    pytest.param("Released", True, ["Patch"], id="released: goes"),
    pytest.param("Bound", False, [], id="not deleted"),
])
def test_volumes_are_protected(phase, deleting, expected):
    """One protected volume."""
    meta = meta_v1.ObjectMeta(finalizers=(pv.FINALIZER,), deletionTimestamp=NOW if deleting else None)
    volume = core_v1.PersistentVolume(metadata=meta, status=core_v1.PersistentVolumeStatus(phase=phase))

    assert expected == words(pv.plan(pv.View(volume)))


# owners and dependents

def item(uid, *owners, finalizers=(), deleting=False, block=True):
    refs = tuple(meta_v1.OwnerReference(uid=one, name=one, kind="ConfigMap", apiVersion="v1", blockOwnerDeletion=block)
                 for one in owners)
    return Item(CONFIG_MAP, Meta(uid, "d", uid, "1", NOW if deleting else None, finalizers, refs))


def ref(uid):
    return meta_v1.OwnerReference(uid=uid)


CHILD = item("c", "a", "b")
FOREGROUND, ORPHAN = gc.FOREGROUND, gc.ORPHAN


@pytest.mark.parametrize(("view", "expected"), [
    pytest.param(gc.View(CHILD, (ref("a"), ref("b")), (), (), ()), [], id="all owners stay"),
    pytest.param(gc.View(CHILD, (ref("a"),), (), (ref("b"),), ()), ["Amend"], id="one owner is gone: forget it"),
    pytest.param(gc.View(CHILD, (), (), (ref("a"), ref("b")), ()), ["Remove Background"], id="all owners are gone"),
    pytest.param(gc.View(CHILD, (), (ref("a"),), (ref("b"),), ()), ["Remove Background"], id="an owner waits for it"),
    pytest.param(gc.View(CHILD, (), (ref("a"),), (), (item("d", "c"),)), ["Remove Foreground"],
                 id="an owner waits, and it has children itself"),
    pytest.param(gc.View(CHILD, (), (ref("a"),), (), (item("a", "c", finalizers=(FOREGROUND,), deleting=True),)),
                 ["Amend", "Remove Foreground"], id="a circle"),
    pytest.param(gc.View(item("o", finalizers=(FOREGROUND,), deleting=True), (), (), (), ()), ["Amend"],
                 id="waits for nobody: goes"),
    pytest.param(gc.View(item("o", finalizers=(FOREGROUND,), deleting=True), (), (), (), (item("c", "o"),)), ["Stir"],
                 id="waits for a child"),
    pytest.param(gc.View(item("o", finalizers=(FOREGROUND,), deleting=True), (), (), (), (item("c", "o", block=False),)),
                 ["Amend"], id="its child does not hold it back"),
    pytest.param(gc.View(item("o", finalizers=(ORPHAN,), deleting=True), (), (), (), (item("c", "o"),)),
                 ["Amend", "Amend"], id="sets its child free, then goes"),
    pytest.param(gc.View(item("c", "a", deleting=True), (), (), (ref("a"),), ()), [], id="goes already"),
])
def test_owners_and_dependents(view, expected):
    """One object, its owners sorted."""
    steps = gc.plan(view)

    assert expected == [f"Remove {one.policy}" if isinstance(one, gc.Remove) else type(one).__name__ for one in steps]


def test_the_graph_stirs_whom_it_concerns():
    """An owner goes: its children are looked at. A child goes: the owner that waits for it is."""
    graph = Graph()
    graph.put(None, item("o").meta)
    assert {"c"} == graph.put(None, item("c", "o").meta)
    assert {"o"} == graph.put(None, item("o", finalizers=(FOREGROUND,), deleting=True).meta)
    assert {"o"} == graph.drop("c")
    graph.put(None, item("c", "o").meta)
    assert {"c"} == graph.drop("o")
    assert graph.is_gone("o")


# nodes that fall silent

def a_node(ready="True", taints=(), unschedulable=None, **rest):
    conditions = tuple(core_v1.NodeCondition(type=one, status=ready if one == "Ready" else "False")
                       for one in nodes.WATCHED)
    return core_v1.Node(
        metadata=meta_v1.ObjectMeta(name="n", uid="u"), spec=core_v1.NodeSpec(taints=taints, unschedulable=unschedulable),
        status=core_v1.NodeStatus(conditions=conditions, **rest))


def node_view(node, pods=(), silent_s=0.0, held_s=0.0):
    return nodes.View(node, tuple(pods), silent_s, held_s, NOW_S)


@pytest.mark.parametrize(("view", "expected"), [
    pytest.param(node_view(a_node()), [], id="ready"),
    pytest.param(node_view(a_node("False")), [("not-ready", "NoSchedule"), ("not-ready", "NoExecute")], id="not ready"),
    pytest.param(node_view(a_node("False"), held_s=NEVER), [("not-ready", "NoSchedule")], id="no node is ready"),
    pytest.param(node_view(a_node(unschedulable=True)), [("unschedulable", "NoSchedule")], id="cordoned"),
    pytest.param(node_view(a_node("True", (core_v1.Taint(key=nodes.NOT_READY, effect="NoSchedule"),))), None,
                 id="ready again"),
    pytest.param(node_view(a_node("True", (core_v1.Taint(key="mine", effect="NoExecute"),))), [], id="others' taints"),
])
def test_taints(view, expected):
    """One node by its conditions; [] means that nothing is written, None that all taints go."""
    written = [one.patch["spec"]["taints"] for one in nodes.plan(view) if isinstance(one, Patch)]
    found = [] if not written else written[0] and [
        (one["key"].partition("/")[2], one["effect"]) for one in written[0]]

    assert expected == found


def toleration(seconds=None):
    return core_v1.Toleration(key=nodes.NOT_READY, operator="Exists", tolerationSeconds=seconds)


def since(passed_s):
    """Not ready for so long."""
    moment = nodes.rfc3339(NOW_S - passed_s)
    return a_node("False", (core_v1.Taint(key=nodes.NOT_READY, effect="NoSchedule"),
                            core_v1.Taint(key=nodes.NOT_READY, effect="NoExecute", timeAdded=moment)))


@pytest.mark.parametrize(("passed_s", "tolerations", "expected"), [
    pytest.param(1, (), ["TaintManagerEviction", "Patch", "Delete"], id="tolerates nothing"),
    pytest.param(1, (toleration(),), [], id="tolerates it for good"),
    pytest.param(100, (toleration(300),), [After(200.0)], id="tolerates it for a while"),
    pytest.param(300, (toleration(300),), ["TaintManagerEviction", "Patch", "Delete"], id="no longer"),
])
def test_eviction(passed_s, tolerations, expected):
    """One pod on a node that is not ready."""
    actions = [one for one in nodes.plan(node_view(since(passed_s), [a_pod("n", tolerations=tolerations)]))
               if not (isinstance(one, After) and one.delay_s > 200)]

    assert [one if isinstance(one, After) else words([one])[0] for one in expected if isinstance(one, After)] == [
        one for one in actions if isinstance(one, After) and one.delay_s == 200]
    assert [one for one in expected if isinstance(one, str)] == words(
        one for one in actions if not isinstance(one, After))


# volumes

def a_claim(storage_class="", volume="", phase="Pending", **meta):
    return core_v1.PersistentVolumeClaim(
        metadata=meta_v1.ObjectMeta(namespace="d", name="c", uid="cu", **meta),
        spec=core_v1.PersistentVolumeClaimSpec(
            storageClassName=storage_class, volumeName=volume or None, accessModes=("ReadWriteOnce",),
            resources=core_v1.VolumeResourceRequirements(requests={"storage": "1Gi"})),
        status=core_v1.PersistentVolumeClaimStatus(phase=phase))


def a_volume(owner="", phase="Available", size="1Gi", **spec):
    ref = core_v1.ObjectReference(namespace="d", name="c", uid=owner) if owner else None
    return core_v1.PersistentVolume(
        metadata=meta_v1.ObjectMeta(name="v", uid="vu"),
        spec=core_v1.PersistentVolumeSpec(
            claimRef=ref, capacity={"storage": size}, accessModes=("ReadWriteOnce",), **spec),
        status=core_v1.PersistentVolumeStatus(phase=phase))


LATE = storage_v1.StorageClass(metadata=meta_v1.ObjectMeta(name="late"), provisioner="p", volumeBindingMode=volumes.WAIT)
DONE = {"annotations": {volumes.BIND_COMPLETED: "yes"}}


@pytest.mark.parametrize(("view", "expected"), [
    pytest.param(binder.ClaimView(a_claim(), None, (a_volume(),), None, ()), ["Patch"] * 4, id="a free volume: take it"),
    pytest.param(binder.ClaimView(a_claim(), None, (), None, ()), ["FailedBinding"], id="none is free"),
    pytest.param(binder.ClaimView(a_claim("late"), None, (a_volume(),), LATE, ()), ["WaitForFirstConsumer"],
                 id="one is free, but a pod must come first"),
    pytest.param(binder.ClaimView(a_claim("late"), None, (), LATE, ("web",)), ["WaitForPodScheduled"],
                 id="the pod has no node yet"),
    pytest.param(binder.ClaimView(a_claim("late", annotations={volumes.SELECTED_NODE: "n"}), None, (), LATE, ()),
                 ["Patch", "ExternalProvisioning"], id="the pod has a node: ask for a volume"),
    pytest.param(binder.ClaimView(a_claim(volume="v"), a_volume("other"), (), None, ()), ["FailedBinding"],
                 id="wants a volume that is another's"),
    pytest.param(binder.ClaimView(a_claim(volume="v"), a_volume(size="1Mi"), (), None, ()), ["VolumeMismatch"],
                 id="wants a volume that is too small"),
    pytest.param(binder.ClaimView(a_claim(volume="v", phase="Bound", **DONE), None, (), None, ()), ["Patch", "ClaimLost"],
                 id="its volume is gone"),
    pytest.param(binder.ClaimView(a_claim(volume="v", phase="Bound", **DONE), a_volume("other", "Bound"), (), None, ()),
                 ["Patch", "ClaimMisbound"], id="its volume is another's"),
    pytest.param(binder.VolumeView(a_volume("gone", "Bound"), None), ["Patch"], id="its claim is gone: released"),
    pytest.param(binder.VolumeView(a_volume(phase="Available"), None), [], id="free, and says so"),
    pytest.param(binder.VolumeView(a_volume("gone", "Released"), None), [], id="released already"),
    pytest.param(binder.VolumeView(a_volume("gone", "Released", persistentVolumeReclaimPolicy="Recycle"), None),
                 ["Patch", "VolumeFailedRecycle"], id="released, and nobody recycles"),
    pytest.param(binder.VolumeView(a_volume("gone", "Released", persistentVolumeReclaimPolicy="Delete"), None),
                 ["Patch", "VolumeFailedDelete"], id="released, and nobody made it who could delete it"),
    pytest.param(binder.ClaimView(a_claim("fast", "v"), a_volume(), (), None, ()), ["VolumeMismatch"],
                 id="wants a volume of another class"),
    pytest.param(binder.ClaimView(a_claim("", "v"), a_volume(volumeMode="Block"), (), None, ()), ["VolumeMismatch"],
                 id="wants files, names a device"),
    pytest.param(binder.ClaimView(a_claim("", "v", "Bound", **DONE), a_volume("cu", "Bound", "1Mi"), (), None, ()),
                 ["Patch", "ExternalExpanding"], id="has grown: somebody else must do it"),
])
def test_claims_and_volumes(view, expected):
    """One claim or volume."""
    assert expected == words(binder.plan(view))


ASKED = {"annotations": {volumes.PROVISIONER: volumes.LOCAL_PATH, volumes.SELECTED_NODE: "n"}}
OURS = storage_v1.StorageClass(metadata=meta_v1.ObjectMeta(name="local-path"), provisioner=volumes.LOCAL_PATH)


@pytest.mark.parametrize(("claim", "node", "made", "expected"), [
    pytest.param(a_claim("local-path", **ASKED), a_node(), None, ["Provisioning", "Create"], id="make it"),
    pytest.param(a_claim("local-path", **ASKED), a_node(), a_volume(), [], id="made already"),
    pytest.param(a_claim("local-path", **ASKED), None, None, ["ProvisioningFailed", "Patch"],
                 id="the node is gone: another may be chosen"),
    pytest.param(a_claim("local-path"), a_node(), None, [], id="no node yet"),
    pytest.param(a_claim("local-path", "v", "Bound"), a_node(), a_volume("cu", "Bound", "1Mi"),
                 ["Patch", "Patch", "VolumeResizeSuccessful"], id="it has grown"),
])
def test_directories(claim, node, made, expected):
    """One claim of the class local-path."""
    assert expected == words(localpath.plan(localpath.ClaimView(claim, OURS, node, made)))


def made_volume():
    (action,) = [one for one in localpath.plan(localpath.ClaimView(a_claim("local-path", **ASKED), OURS, a_node(), None))
                 if isinstance(one, Create)]
    return action.obj


def test_what_the_node_must_remove():
    """Only a volume of ours that is being deleted, on its own node, and only the directory that bears its name."""
    volume = made_volume()
    leaving = core_v1.PersistentVolume(
        metadata=meta_v1.ObjectMeta(
            name=volume.metadata.name, annotations=volume.metadata.annotations, finalizers=volume.metadata.finalizers,
            deletionTimestamp=NOW), spec=volume.spec)

    assert "/var/lib/knarr/volumes/pvc-cu" == volumes.directory_to_remove(leaving, "n")
    assert "" == volumes.directory_to_remove(leaving, "other")
    assert "" == volumes.directory_to_remove(volume, "n")
    assert Delete not in {type(one) for one in localpath.plan(localpath.VolumeView(leaving, True))}
