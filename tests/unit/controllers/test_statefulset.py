"""Pods with names and data of their own: in order, and never two of one name."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knarr.api.types.apps_v1 import ControllerRevision, StatefulSet
from knarr.api.types.core_v1 import PersistentVolumeClaim
from knarr.controllers.statefulset import CONTROLLER
from knarr.controllers.statefulset.plan import View, plan
from knarr.reconcile.actions import After, Create, Delete, Event, Failure, Patch
from knarr.reconcile.history import new_revision
from tests.unit.controllers.making import EPOCH, NOW_S, pod, template
from tests.unit.controllers.story import load, replay, told, wrote

GONE = {"deletionTimestamp": EPOCH}


def statefulset(replicas=3, *, status=None, metadata=None, **spec):
    """Return a StatefulSet named db that selects a=b."""
    return msgspec.convert({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "d", "uid": "uid-db", "generation": 1, **(metadata or {})},
        "spec": {"replicas": replicas, "serviceName": "db", "selector": {"matchLabels": {"a": "b"}},
                 "template": template(), "updateStrategy": {"type": "RollingUpdate"}, **spec},
        "status": {"replicas": 0, **(status or {})},
    }, StatefulSet)


def revision_of(one, number=1):
    made = new_revision(one, number)
    return msgspec.structs.replace(made, metadata=msgspec.structs.replace(made.metadata, uid=f"r{number}"))


def member(one, number, *, revision=None, **changes):
    name = f"db-{number}"
    labels = {"a": "b", "statefulset.kubernetes.io/pod-name": name, "apps.kubernetes.io/pod-index": str(number),
              "controller-revision-hash": (revision or revision_of(one)).metadata.name}
    return pod(name, owner=one, metadata={"labels": labels, **changes.pop("metadata", {})}, **changes)


def decide(one, pods=(), *, held=None, claims=None, taken=False, failures=()):
    known = (revision_of(one),) if held is None else held
    return plan(View(one, tuple(pods), tuple(known), claims or {}, taken, NOW_S + 100, failures))


def made(actions):
    return [a.obj.metadata.name for a in actions if isinstance(a, Create) and a.obj.kind == "Pod"]


def gone(actions):
    return [a.obj.metadata.name for a in actions if isinstance(a, Delete) and a.obj.kind == "Pod"]


ORDERED = [
    pytest.param([], ["db-0"], [], id="first comes first"),
    pytest.param([(0, {})], ["db-1"], [], id="the next when the first is ready"),
    pytest.param([(0, {"ready": False})], [], [], id="not before"),
    pytest.param([(1, {}), (2, {})], ["db-0"], [], id="a gap is filled"),
    pytest.param([(0, {"metadata": GONE}), (1, {})], [], [], id="one is going: wait"),
    pytest.param([(0, {}), (1, {"phase": "Failed"}), (2, {})], [], ["db-1"], id="a failed one is made anew"),
    pytest.param([(0, {}), (1, {}), (2, {}), (3, {}), (4, {})], [], ["db-4"], id="the last goes first"),
    pytest.param([(0, {}), (1, {}), (2, {}), (3, {}), (4, {"metadata": GONE})], [], [], id="one at a time"),
    pytest.param([(0, {}), (1, {"ready": False}), (2, {}), (3, {})], [], [], id="a broken set is not scaled down"),
    pytest.param([(0, {}), (1, {}), (2, {}), (3, {}), (4, {"ready": False})], [], ["db-4"], id="the only unwell one goes"),
    pytest.param([(0, {}), (1, {}), (2, {}), (3, {"ready": False}), (4, {})], [], ["db-4"], id="the well one after it goes"),
    pytest.param([(0, {}), (1, {}), (2, {}), (3, {"ready": False}), (4, {"ready": False})], [], [],
                 id="one unwell waits for the other"),
    pytest.param([(0, {}), (1, {}), (2, {}), (3, {"metadata": GONE}), (4, {"ready": False})], [], [],
                 id="one unwell waits for the one that goes"),
]


@pytest.mark.parametrize(("there", "makes", "deletes"), ORDERED)
def test_in_order(there, makes, deletes):
    """Three pods are wanted; some are there."""
    one = statefulset(3)
    actions = decide(one, [member(one, number, **changes) for number, changes in there])

    assert (makes, deletes) == (made(actions), gone(actions))


@pytest.mark.parametrize(("min_ready_s", "makes", "waits"), [
    pytest.param(60, ["db-1"], [], id="long enough"),
    pytest.param(130, [], [After(30.0)], id="thirty seconds are left"),
])
def test_a_pod_must_have_been_ready_for_a_while(min_ready_s, makes, waits):
    """The first has been ready for 100 s; the next comes only when it is available."""
    one = statefulset(2, minReadySeconds=min_ready_s)
    actions = decide(one, [member(one, 0)])

    assert (makes, waits) == (made(actions), [one for one in actions if isinstance(one, After)])


def test_in_parallel():
    """Nobody waits for anybody: all missing are made and all surplus deleted at once, claims before pods."""
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    one = statefulset(3, podManagementPolicy="Parallel", volumeClaimTemplates=[claim])
    actions = decide(one, [member(one, number, ready=False) for number in (1, 5, 6)])
    created = [a.obj.metadata.name for a in actions if isinstance(a, Create)]

    assert ["data-db-0", "data-db-2", "db-0", "db-2"] == created
    assert ["db-6", "db-5"] == gone(actions)


def test_a_pod_keeps_its_name_and_its_data():
    """The pod of an ordinal: hostname, subdomain, labels, and its claim in place of the template's volume."""
    claim = {"metadata": {"name": "data", "labels": {"x": "y"}}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    spec = {"template": template(), "volumeClaimTemplates": [claim]}
    spec["template"]["spec"]["volumes"] = [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]
    actions = decide(statefulset(1, ordinals={"start": 7}, **spec))
    made_claim, made_pod = (a.obj for a in actions if isinstance(a, Create))

    assert ("data-db-7", {"x": "y", "a": "b"}) == (made_claim.metadata.name, made_claim.metadata.labels)
    assert ("db-7", "db-7", "db") == (made_pod.metadata.name, made_pod.spec.hostname, made_pod.spec.subdomain)
    assert "7" == made_pod.metadata.labels["apps.kubernetes.io/pod-index"]
    assert [("data", "data-db-7"), ("tmp", None)] == [
        (v.name, v.persistentVolumeClaim and v.persistentVolumeClaim.claimName) for v in made_pod.spec.volumes]


def updating(**spec):
    """Return a set whose template changed, its old revision and its new one."""
    old = statefulset(3)
    first = revision_of(old)
    status = {"currentRevision": first.metadata.name}
    new = statefulset(3, template=template(v="2"), status=status, **spec)
    return new, first, revision_of(new, 2)


def rolling(partition=0, unavailable=1):
    return {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {
        "partition": partition, "maxUnavailable": unavailable}}}


UPDATES = [
    pytest.param(rolling(), [1, 1, 1], [], ["db-2"], id="the last first"),
    pytest.param(rolling(), [1, 1, 2], [], ["db-1"], id="then the next"),
    pytest.param(rolling(), [1, 1, 2], [2], [], id="not before the last is ready"),
    pytest.param(rolling(2), [1, 1, 2], [], [], id="a partition is not passed"),
    pytest.param(rolling(0, 2), [1, 1, 1], [], ["db-2", "db-1"], id="two at once where allowed"),
    pytest.param(rolling(0, "50%"), [1, 1, 1], [], ["db-2", "db-1"], id="a percentage is rounded up"),
    pytest.param({"updateStrategy": {"type": "OnDelete"}}, [1, 1, 1], [], [], id="not without being asked"),
]


@pytest.mark.parametrize(("spec", "revisions", "unready", "deletes"), UPDATES)
def test_updates(spec, revisions, unready, deletes):
    """Three pods run revisions 1 or 2; the template is revision 2's."""
    one, first, second = updating(podManagementPolicy="Parallel", **spec)
    pods = [member(one, n, revision=first if r == 1 else second, ready=n not in unready)
            for n, r in enumerate(revisions)]

    assert deletes == gone(decide(one, pods, held=(first, second)))


def test_below_the_partition_a_pod_comes_back_as_it_was():
    """Pod 0 vanished in the middle of a canary: it is made from the old template."""
    one, first, second = updating(**rolling(2))
    actions = decide(one, [member(one, 1, revision=first), member(one, 2, revision=second)], held=(first, second))
    (create,) = (a for a in actions if isinstance(a, Create))

    assert (first.metadata.name, {}) == (
        create.obj.metadata.labels["controller-revision-hash"], create.obj.metadata.annotations)


def test_a_template_that_comes_back_is_the_newest_again():
    """Revision 1 is wanted again after revision 2: its number becomes 3, and no revision is made."""
    one = statefulset(0)
    first, second = revision_of(one), revision_of(statefulset(0, template=template(v="2")), 2)
    actions = decide(one, held=(first, second))

    assert [("db", 3)] == [(a.obj.metadata.name[:2], a.patch["revision"]) for a in actions if "revision" in
                           getattr(a, "patch", {})]
    assert [] == [a for a in actions if isinstance(a, Create)]


def test_a_taken_name_is_a_collision():
    """Another set's revision has the name: the count goes up, nothing else happens."""
    (patch,) = decide(statefulset(3), held=(), taken=True)

    assert isinstance(patch, Patch)
    assert 1 == patch.patch["status"]["collisionCount"]


def test_old_revisions_are_forgotten():
    """Two of four old templates may be kept."""
    old = [revision_of(statefulset(0, template=template(v=str(n))), n + 1) for n in range(4)]
    one = statefulset(0, revisionHistoryLimit=2)
    actions = decide(one, held=(*old, revision_of(one, 9)))

    assert [1, 2] == [a.obj.revision for a in actions if isinstance(a, Delete) and isinstance(a.obj, ControllerRevision)]


def pvc(name, *owners):
    return msgspec.convert({"metadata": {"name": name, "namespace": "d", "uid": f"uid-{name}", "ownerReferences": [
        {"apiVersion": "v1", "kind": kind, "name": owner, "uid": f"uid-{owner}"} for kind, owner in owners]}},
        PersistentVolumeClaim)


def test_claims_go_as_their_policy_says():
    """Scaled down with whenScaled Delete: the pod owns its claim before it is deleted; those that stay are the set's."""
    claim = {"metadata": {"name": "data"}, "spec": {}}
    policy = {"whenScaled": "Delete", "whenDeleted": "Delete"}
    one = statefulset(1, volumeClaimTemplates=[claim], persistentVolumeClaimRetentionPolicy=policy)
    claims = {name: pvc(name) for name in ("data-db-0", "data-db-1")}
    actions = decide(one, [member(one, 0), member(one, 1)], claims=claims)
    owners = {a.obj.metadata.name: [o["kind"] for o in a.patch["metadata"]["ownerReferences"]]
              for a in actions if isinstance(a, Patch) and isinstance(a.obj, PersistentVolumeClaim)}

    assert {"data-db-0": ["StatefulSet"], "data-db-1": ["Pod"]} == owners
    assert ["db-1"] == gone(actions)


def test_a_claim_on_its_way_out_is_waited_for():
    """Scaled down and up again at once: the new pod must not start on data that is about to be deleted."""
    claim = {"metadata": {"name": "data"}, "spec": {}}
    one = statefulset(1, volumeClaimTemplates=[claim])
    actions = decide(one, claims={"data-db-0": pvc("data-db-0", ("Pod", "db-0"))})

    assert [] == made(actions)
    assert [After(1.0)] == [a for a in actions if isinstance(a, After)]


def test_a_failed_pod_is_told_of():
    """Somebody reads the events."""
    one = statefulset(1)
    actions = decide(one, [member(one, 0, phase="Failed")])

    assert ["StatefulSet d/db is recreating failed Pod db-0"] == [a.message for a in actions if isinstance(a, Event)]


def test_a_refusal_leaves_the_status_told():
    """The first pod was refused: the next pass writes the status and makes nothing."""
    one = statefulset(1)
    actions = decide(one, failures=(Failure(Create(pod("db-0")), "exceeded quota"),))

    assert [] == made(actions)
    assert any(isinstance(a, Patch) and a.subresource == "status" for a in actions)


@given(st.integers(0, 6), st.lists(st.tuples(st.integers(0, 8), st.booleans(), st.booleans()), max_size=9),
       st.booleans())
def test_one_step_at_a_time(want, there, parallel):
    """Whatever is there: no name is made twice, nothing wanted and current is deleted, and in order means one at once."""
    one = statefulset(want, podManagementPolicy="Parallel" if parallel else "OrderedReady")
    pods = {n: member(one, n, ready=ready, metadata=GONE if going else {}) for n, ready, going in there}
    actions = decide(one, pods.values())

    assert not set(made(actions)) & {p.metadata.name for p in pods.values()}
    assert all(int(name.rpartition("-")[2]) >= want for name in gone(actions))
    assert parallel or len(made(actions)) + len(gone(actions)) <= 1
    unwell = sorted(n for n, ready, going in {at[0]: at for at in there}.values() if n >= want and (going or not ready))
    assert parallel or not set(gone(actions)) & {f"db-{n}" for n in unwell[1:]}


@pytest.mark.parametrize("name", ["statefulset-ordered", "statefulset-parallel-claims"])
def test_each_step_leads_where_it_led(name):
    """The recorded steps: status and events are the recorded ones."""
    expected, got, api = replay(name, [CONTROLLER], watch=("StatefulSet", "s"))
    if name == "statefulset-parallel-claims":      # there the pods never ran: their claims had no class
        for status in got:
            status["status"] |= {"availableReplicas": 0}
            status["status"].pop("readyReplicas")

    assert expected == got
    assert sorted(told(load(name), "statefulset-controller")) == sorted(wrote(api, "statefulset-controller"))
