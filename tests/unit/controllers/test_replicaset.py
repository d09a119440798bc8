"""As many pods of one template as are wanted: no more, no less, and the least useful go first."""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knarr.api import errors
from knarr.api.types.core_v1 import Pod, ReplicationController
from knarr.controllers.replicaset import CONTROLLER, ELDER
from knarr.controllers.replicaset.plan import BURST_MAX, View, deletion_rank, plan
from knarr.reconcile.actions import After, Create, Delete, Failure, Patch
from tests.unit.controllers.making import NOW_S, pod, replicaset, template
from tests.unit.stage import events, play


def decide(rs, pods, **more):
    return plan(View(rs, tuple(pods), {}, NOW_S + 100, **more))


def of(kind, actions):
    return [action for action in actions if isinstance(action, kind)]


def status_of(actions):
    return next((a.patch["status"] for a in of(Patch, actions) if a.subresource == "status"), {})


@pytest.mark.parametrize(("want", "alive", "creates", "deletes"), [
    pytest.param(3, 0, 3, 0, id="from nothing"),
    pytest.param(3, 3, 0, 0, id="as wanted"),
    pytest.param(3, 5, 0, 2, id="scale down"),
    pytest.param(0, 2, 0, 2, id="scale to zero"),
    pytest.param(900, 0, BURST_MAX, 0, id="a burst is bounded"),
    pytest.param(0, 900, 0, BURST_MAX, id="so is a purge"),
])
def test_plan_counts(want, alive, creates, deletes):
    """The number of pods differs from the spec by so much."""
    rs = replicaset(replicas=want)
    actions = decide(rs, [pod(f"p{n}", owner=rs) for n in range(alive)])

    assert (creates, deletes) == (len(of(Create, actions)), len(of(Delete, actions)))


@pytest.mark.parametrize(("before", "after", "looked_at"), [
    pytest.param(None, {}, True, id="comes"),
    pytest.param({}, None, True, id="is gone"),
    pytest.param({"ready": False}, {}, True, id="comes ready"),
    pytest.param({}, {"phase": "Failed"}, True, id="ends"),
    pytest.param({}, {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, True, id="is being deleted"),
    pytest.param({}, {"metadata": {"labels": {"a": "c"}}}, True, id="matches no more"),
    pytest.param({}, {"metadata": {"uid": "another"}}, True, id="is another of the same name"),
    pytest.param({"spec": {"nodeName": None}}, {}, False, id="is bound"),
    pytest.param({"ready": False, "phase": "Pending"}, {"ready": False, "status": {"podIP": "10.0.0.1"}}, False,
                 id="goes on with its start"),
])
def test_which_changes_of_a_pod_are_looked_at(before, after, looked_at):
    """A pod is written four times until it runs; a ReplicaSet of many looks when one counts otherwise."""
    old, new = (None if made is None else pod("p", **made) for made in (before, after))
    (watch,) = [watch for watch in CONTROLLER.watches if watch.of is Pod]

    assert looked_at == watch.when(old, new)


@pytest.mark.parametrize(("made", "counted"), [
    pytest.param({"phase": "Succeeded"}, False, id="ended well"),
    pytest.param({"phase": "Failed"}, False, id="ended badly"),
    pytest.param({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, False, id="being deleted"),
    pytest.param({"phase": "Pending", "ready": False}, True, id="not started yet"),
])
def test_what_counts_as_a_replica(made, counted):
    """One pod is wanted and one is there, of a kind that may not count."""
    rs = replicaset(replicas=1)

    assert (0 if counted else 1) == len(of(Create, decide(rs, [pod("p", owner=rs, **made)])))


def test_new_pods_are_the_templates():
    """The pod carries the template's labels and annotations, and says who controls it."""
    rs = replicaset(replicas=1, spec={"template": template(v="1")})
    (create,) = of(Create, decide(rs, []))

    assert ("web-", "d", {"a": "b"}, {"v": "1"}) == (
        create.obj.metadata.generateName, create.obj.metadata.namespace, create.obj.metadata.labels,
        create.obj.metadata.annotations)
    (owner,) = create.obj.metadata.ownerReferences
    assert ("ReplicaSet", "web", "uid-web", True, True) == (
        owner.kind, owner.name, owner.uid, owner.controller, owner.blockOwnerDeletion)


def test_orphans_are_adopted_and_strangers_released():
    """A matching pod has no controller; one of ours lost the label; one belongs to another."""
    rs, other = replicaset(replicas=2), replicaset("other")
    pods = [pod("orphan"), pod("strayed", owner=rs, metadata={"labels": {"a": "z"}}), pod("foreign", owner=other)]
    actions = decide(rs, pods)

    adopt, release = (a for a in of(Patch, actions) if not a.subresource)
    assert ("orphan", "uid-web") == (adopt.obj.metadata.name, adopt.patch["metadata"]["ownerReferences"][0]["uid"])
    assert ("strayed", None) == (release.obj.metadata.name, release.patch["metadata"]["ownerReferences"])
    assert 1 == len(of(Create, actions))


def test_what_is_being_deleted_changes_nothing():
    """The ReplicaSet is going, its pods are the garbage collector's."""
    rs = replicaset(replicas=5, metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    actions = decide(rs, [pod("orphan")])

    assert [] == of(Create, actions) + of(Delete, actions) + [a for a in of(Patch, actions) if not a.subresource]


RANKED = [   # the first of each pair goes first
    pytest.param({"spec": {"nodeName": ""}}, {}, id="unscheduled before scheduled"),
    pytest.param({"phase": "Pending"}, {"ready": False}, id="pending before running"),
    pytest.param({"ready": False}, {}, id="unready before ready"),
    pytest.param({"metadata": {"annotations": {"controller.kubernetes.io/pod-deletion-cost": "-5"}}}, {}, id="cheap"),
    pytest.param({"spec": {"nodeName": "crowded"}}, {}, id="doubled on its node"),
    pytest.param({"status": {"containerStatuses": [{"name": "c", "restartCount": 3, "image": "", "imageID": "",
                                                    "ready": True}]}}, {}, id="restarted often"),
    pytest.param({"metadata": {"creationTimestamp": "2026-01-01T00:01:30Z"}}, {}, id="young before old"),
]


@pytest.mark.parametrize(("first", "second"), RANKED)
def test_deletion_rank(first, second):
    """Two pods differ in one thing only; the less useful goes first."""
    rank = deletion_rank(Counter({"crowded": 5, "n1": 1}), NOW_S + 100)

    assert rank(pod("z", **first)) < rank(pod("a", **second))


def test_status_counts_what_is_there():
    """Three pods: one ready, one unready, one going; the label of the template is on all."""
    rs = replicaset(replicas=2)
    pods = [pod("a", owner=rs), pod("b", owner=rs, ready=False),
            pod("c", owner=rs, metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})]

    assert {"replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 1, "availableReplicas": 1,
            "terminatingReplicas": 1, "observedGeneration": 1} == status_of(decide(rs, pods))


@pytest.mark.parametrize(("wanted", "was", "now", "spacing_s"), [
    pytest.param(100, 40,  41, 0.4,  id="one more of a hundred"),
    pytest.param(900, 40,  41, 0.5,  id="bounded"),
    pytest.param(3,   1,   2,  0.012, id="one more of three"),
    pytest.param(100, 0,   1,  0.0,  id="the first"),
    pytest.param(100, 99, 100, 0.0,  id="the last"),
    pytest.param(100, 41,  40, 0.0,  id="one fewer"),
])
def test_a_status_on_the_way_can_wait(wanted, was, now, spacing_s):
    """Pods come ready one by one, or fail; nothing else has changed."""
    counts = {"replicas": wanted, "readyReplicas": was, "availableReplicas": was, "observedGeneration": 1,
              "fullyLabeledReplicas": wanted}
    rs = replicaset(replicas=wanted, status=counts)
    pods = [pod(f"p{number}", owner=rs, ready=number < now) for number in range(wanted)]

    (told,) = of(Patch, decide(rs, pods))

    assert pytest.approx(spacing_s) == told.spacing_s


def test_what_else_a_status_tells_does_not_wait():
    """A new generation was seen while one more pod came ready."""
    rs = replicaset(replicas=100, status={
        "replicas": 100, "readyReplicas": 40, "availableReplicas": 40, "observedGeneration": 0})
    pods = [pod(f"p{number}", owner=rs, ready=number < 41) for number in range(100)]

    (told,) = of(Patch, decide(rs, pods))

    assert 0.0 == told.spacing_s


def test_availability_comes_by_waiting():
    """A pod is ready for 100 s and counts after 130: look again in 30."""
    rs = replicaset(replicas=1, spec={"minReadySeconds": 130})
    actions = decide(rs, [pod("a", owner=rs)])

    assert "availableReplicas" not in status_of(actions)
    assert [After(30)] == of(After, actions)


def test_a_refusal_stands_in_the_status_until_it_is_over():
    """A quota forbids pods: the report makes none, and the condition goes when all are there."""
    rs = replicaset(replicas=1)
    refused = Failure(Create(pod("x")), "exceeded quota", "Forbidden")
    report = decide(rs, [], failures=(refused,))
    (told,) = status_of(report)["conditions"]
    assert [] == of(Create, report)
    assert ("ReplicaFailure", "True", "FailedCreate", "exceeded quota") == (
        told["type"], told["status"], told["reason"], told["message"])

    rs = replicaset(replicas=1, status={"conditions": [told]})
    assert "conditions" not in status_of(decide(rs, []))
    assert None is status_of(decide(rs, [pod("a", owner=rs)]))["conditions"]


@given(st.integers(0, 40), st.lists(st.sampled_from(["Running", "Pending", "Failed"]), max_size=40), st.booleans())
def test_a_plan_reaches_the_spec_and_never_passes_it(want, phases, older):
    """Whatever is there: what stays plus what is made is exactly what is wanted, and both are never needed at once.

    older: of a ReplicationController.
    """
    rs = replicationcontroller(want) if older else replicaset(replicas=want)
    pods = [pod(f"p{n}", owner=rs, phase=phase) for n, phase in enumerate(phases)]
    actions = decide(rs, pods)
    alive = sum(phase != "Failed" for phase in phases)

    assert want == alive + len(of(Create, actions)) - len(of(Delete, actions))
    assert not (of(Create, actions) and of(Delete, actions))


def replicationcontroller(replicas):
    return msgspec.convert({
        "metadata": {"name": "old", "namespace": "d", "uid": "o", "generation": 1, "resourceVersion": "5"},
        "spec": {"replicas": replicas, "selector": {"a": "b"}, "template": template()}}, ReplicationController)


RS = {
    "apiVersion": "apps/v1", "kind": "ReplicaSet", "status": {"replicas": 0},
    "metadata": {"namespace": "d", "name": "web", "uid": "w", "generation": 1},
    "spec": {"replicas": 3, "selector": {"matchLabels": {"a": "b"}}, "template": template()},
}


def test_the_whole_way():
    """Three pods are wanted; one is adopted, two are made; one is deleted by somebody and replaced."""
    async def story(api):
        api.put({"apiVersion": "v1", "kind": "Pod", "spec": {}, "status": {},
                 "metadata": {"namespace": "d", "name": "orphan", "uid": "o", "labels": {"a": "b"}}})
        api.put(RS)
        await asyncio.sleep(1)
        assert 3 == len(api.all("pods"))
        api.drop("pods", "d", "web-00001")
        await asyncio.sleep(1)

    api = play([CONTROLLER], story)

    assert 3 == len(api.all("pods"))
    assert {"replicas": 3, "fullyLabeledReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
            "terminatingReplicas": 0, "observedGeneration": 1} == api.all("replicasets")[0]["status"]
    assert 3 == sum(told.startswith("SuccessfulCreate: Created pod: web-") for told in events(api))


def test_a_quota_is_reported_and_then_lifted():
    """Pods are forbidden for a minute; the status says so, and says no more when they are there."""
    async def story(api):
        quota = errors.Forbidden('pods "web-x" is forbidden: exceeded quota: q')
        api.refuse = lambda call: quota if call.method == "POST" and call.path.endswith("/pods") else None
        api.put(RS)
        await asyncio.sleep(60)
        (told,) = api.all("replicasets")[0]["status"]["conditions"]
        assert 'pods "web-x" is forbidden: exceeded quota: q' == told["message"]
        api.refuse = lambda call: None
        await asyncio.sleep(120)

    api = play([CONTROLLER], story)

    assert 3 == len(api.all("pods"))
    assert "conditions" not in api.all("replicasets")[0]["status"]
    assert 'FailedCreate: Error creating: pods "web-x" is forbidden: exceeded quota: q' in events(api)


def test_a_replicationcontroller_keeps_its_number():
    """The elder kind writes its selector as a map: it adopts an orphan, makes the rest, and tells so as itself."""
    rc = {"apiVersion": "v1", "kind": "ReplicationController",
          "metadata": {"name": "old", "namespace": "d", "uid": "rc-1", "generation": 1},
          "spec": {"replicas": 3, "selector": {"app": "old"},
                   "template": {"metadata": {"labels": {"app": "old"}}, "spec": {"containers": [{"name": "c"}]}}}}
    orphan = {"apiVersion": "v1", "kind": "Pod",
              "metadata": {"name": "found", "namespace": "d", "uid": "p-1", "labels": {"app": "old"}}, "spec": {}}

    async def story(api):
        api.put(orphan)
        api.put(rc)
        await asyncio.sleep(1)

    api = play([ELDER], story)
    owners = {(owner["apiVersion"], owner["kind"], owner["name"])
              for one in api.all("pods") for owner in one["metadata"]["ownerReferences"]}

    assert 3 == len(api.all("pods"))
    assert {("v1", "ReplicationController", "old")} == owners
    assert {"replicas": 3, "fullyLabeledReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
            "observedGeneration": 1} == api.all("replicationcontrollers")[0]["status"]
    assert 2 == sum(told.startswith("SuccessfulCreate: Created pod: old-") for told in events(api))
