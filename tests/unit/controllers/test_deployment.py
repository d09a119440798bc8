"""From one template to the next: never too many pods, never too few, and in kube's own numbers."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from knarr.api import errors
from knarr.api.types.apps_v1 import Deployment, ReplicaSet
from knarr.controllers.deployment import CONTROLLER as DEPLOYMENT
from knarr.controllers.deployment.plan import View, plan
from knarr.controllers.deployment.revisions import DESIRED, MAX, REVISION, new_replicaset, size_of
from knarr.controllers.deployment.sizes import (
    available,
    max_surge,
    max_unavailable,
    new_size,
    proportional,
    scaled,
    shrink_old,
)
from knarr.controllers.replicaset import CONTROLLER as REPLICASET
from knarr.reconcile.actions import After, Create, Delete, Event, Failure, Patch
from tests.unit.controllers.making import EPOCH, NOW_S, owner_of, replicaset, template
from tests.unit.stage import events, play


def deployment(replicas=3, *, status=None, metadata=None, surge="25%", unavailable="25%", **spec):
    """Return a Deployment named web that selects a=b."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    return msgspec.convert({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "d", "uid": "uid-web", "generation": 1, **(metadata or {})},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"a": "b"}}, "template": template(),
                 "strategy": strategy, "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10, **spec},
        "status": status or {},
    }, Deployment)


def old_set(one, name, size, *, ready=None, revision=1, born=0, sized_for=None):
    """Return an older ReplicaSet of the Deployment; sized_for: (desired, max) in its annotations."""
    desired, most = sized_for or (one.spec.replicas, one.spec.replicas + max_surge(one))
    there = size if ready is None else ready
    return replicaset(name, size, metadata={
        "ownerReferences": [owner_of(one)], "labels": {"a": "b"}, "creationTimestamp": f"2025-01-01T00:00:{born:02}Z",
        "annotations": {REVISION: str(revision), DESIRED: str(desired), MAX: str(most)}},
        spec={"template": template(old=name)},
        status={"replicas": size, "availableReplicas": there, "readyReplicas": there, "observedGeneration": 1})


def present_set(one, size, *, ready=None, older=(), sized_for=None):
    """Return the ReplicaSet of the present template."""
    made = new_replicaset(one, older, replicas=size, surge=max_surge(one))
    there = size if ready is None else ready
    desired, most = sized_for or (one.spec.replicas, one.spec.replicas + max_surge(one))
    notes = {**made.metadata.annotations, DESIRED: str(desired), MAX: str(most)}
    meta = msgspec.structs.replace(made.metadata, uid="uid-new", creationTimestamp=EPOCH, annotations=notes, generation=1)
    status = msgspec.structs.replace(
        made.status, replicas=size, availableReplicas=there, readyReplicas=there, observedGeneration=1)
    return msgspec.structs.replace(made, metadata=meta, status=status)


def decide(one, sets=(), *, holder=None, failures=()):
    return plan(View(one, tuple(sets), holder, {}, NOW_S, failures))


def resized(actions):
    return {a.obj.metadata.name: a.patch["spec"]["replicas"] for a in actions
            if isinstance(a, Patch) and "replicas" in a.patch.get("spec", {})}


def status_of(actions):
    return next((a.patch["status"] for a in actions if isinstance(a, Patch) and a.subresource == "status"), {})


@pytest.mark.parametrize(("value", "total", "up", "expected"), [
    pytest.param("25%", 10, True, 3, id="surge is rounded up"),
    pytest.param("25%", 10, False, 2, id="unavailable is rounded down"),
    pytest.param("0%", 10, True, 0, id="nothing of ten"),
    pytest.param(4, 10, True, 4, id="a number stands for itself"),
    pytest.param(None, 10, True, 0, id="nothing said"),
])
def test_percentages(value, total, up, expected):
    """A number, or a part of the whole."""
    assert expected == scaled(value, total, up=up)


def test_both_zero_would_stand_still():
    """Neither surge nor unavailable is allowed, or both round to nothing: then one may be unavailable."""
    assert (0, 1) == (max_surge(deployment(3, surge=0, unavailable=0)), max_unavailable(deployment(3, surge=0, unavailable=0)))
    assert (0, 1) == (max_surge(deployment(3, surge="0%", unavailable="1%")),
                      max_unavailable(deployment(3, surge="0%", unavailable="1%")))


def test_the_first_replicaset():
    """Nothing is there: it is made at full size, told, and noted in the status with its revision."""
    actions = decide(deployment(3, metadata={"annotations": {"team": "x", "deployment.kubernetes.io/revision": "9"}}))
    create, event, status, after = actions

    assert isinstance(create, Create)
    assert (3, {"team": "x", REVISION: "1", DESIRED: "3", MAX: "4"}) == (
        create.obj.spec.replicas, create.obj.metadata.annotations)
    short = create.obj.metadata.labels["pod-template-hash"]
    assert f"web-{short}" == create.obj.metadata.name
    assert {"a": "b", "pod-template-hash": short} == create.obj.spec.selector.matchLabels
    assert Event(decide_on(actions), "ScalingReplicaSet", f"Scaled up replica set web-{short} from 0 to 3") == event
    assert {REVISION: "1"} == status.patch["metadata"]["annotations"]
    assert "NewReplicaSetCreated" in [c["reason"] for c in status.patch["status"]["conditions"]]
    assert After(601) == after


def decide_on(actions):
    return next(a.about for a in actions if isinstance(a, Event))


ROLLING = [   # (replicas, surge, unavailable, old (size, available), new (size, available), what is resized)
    pytest.param(10, "25%", "25%", (10, 10), (0, 0), {"new": 3}, id="the surge comes first"),
    pytest.param(10, "25%", "25%", (10, 10), (3, 0), {"old": 8}, id="then old ones go, as far as allowed"),
    pytest.param(10, "25%", "25%", (8, 8), (3, 0), {"new": 5}, id="their room is filled"),
    pytest.param(10, "25%", "25%", (8, 8), (5, 0), {}, id="nothing more until new ones are available"),
    pytest.param(10, "25%", "25%", (8, 8), (5, 4), {"old": 4}, id="which lets old ones go"),
    pytest.param(4, 1, 0, (4, 4), (1, 0), {}, id="none may be missing: wait"),
    pytest.param(4, 0, 1, (4, 4), (0, 0), {"old": 3}, id="no surge: one goes first"),
    pytest.param(4, 1, 1, (4, 1), (1, 0), {"old": 3}, id="unhealthy old ones go first"),
    pytest.param(3, 1, 1, (0, 0), (3, 3), {}, id="done"),
]


@pytest.mark.parametrize(("replicas", "surge", "unavailable", "old", "new", "expected"), ROLLING)
def test_rolling(replicas, surge, unavailable, old, new, expected):
    """One step of a rolling update, from an old ReplicaSet to a new one."""
    one = deployment(replicas, surge=surge, unavailable=unavailable)
    before = old_set(one, "old", old[0], ready=old[1])
    present = present_set(one, new[0], ready=new[1], older=[before])
    got = resized(decide(one, [before, present]))

    assert expected == {("new" if name == present.metadata.name else name): size for name, size in got.items()}


RECREATE = [   # (what the old ReplicaSet's status says, what is made)
    pytest.param({"replicas": 0, "observedGeneration": 2}, 1, id="it has heard, and has none"),
    pytest.param({"replicas": 1, "observedGeneration": 2}, 0, id="it has heard, and has one yet"),
    pytest.param({"replicas": 0, "observedGeneration": 1}, 0, id="it has not heard that it shall have none"),
]


@pytest.mark.parametrize(("told", "made"), RECREATE)
def test_recreating_waits_for_the_old(told, made):
    """An old ReplicaSet was told to have none: the new one comes once that one says that it has none."""
    one = deployment(3, strategy={"type": "Recreate"})
    old = replicaset("old", 0, metadata={"ownerReferences": [owner_of(one)], "labels": {"a": "b"}, "generation": 2},
                     spec={"template": template(old="old")}, status=told)

    assert made == len([a for a in decide(one, [old]) if isinstance(a, Create)])


def test_a_new_size_in_mid_rollout_is_shared():
    """Ten become fifteen while eight old and five new pods are there, surge 3. Source: kube docs, proportional scaling."""
    one = deployment(15, surge=3, unavailable=2)
    before = old_set(one, "old", 8, sized_for=(10, 13))
    present = present_set(one, 5, sized_for=(10, 13), older=[before])
    sizes = resized(decide(one, [before, present]))

    assert {"old": 11, present.metadata.name: 7} == sizes


def test_paused_means_scaled_but_not_rolled():
    """The template changed while paused: no ReplicaSet is made for it, but the old one follows the number."""
    one = deployment(5, paused=True)
    before = old_set(one, "old", 3, sized_for=(3, 4))
    actions = decide(one, [before])

    assert {"old": 5} == resized(actions)
    assert [] == [a for a in actions if isinstance(a, Create)]
    assert "DeploymentPaused" in [c["reason"] for c in status_of(actions)["conditions"]]


def test_history_is_kept_to_its_limit():
    """Four empty old ReplicaSets, two of which may stay: the lowest revisions go."""
    one = deployment(1, revisionHistoryLimit=2)
    older = [old_set(one, f"old{n}", 0, revision=n) for n in (4, 1, 3, 2)]
    actions = decide(one, [*older, present_set(one, 1, older=older)])

    assert ["old1", "old2"] == [a.obj.metadata.name for a in actions if isinstance(a, Delete)]


def test_a_template_that_comes_back_takes_the_newest_revision():
    """Undo: the first ReplicaSet is found again; it becomes revision 3 and remembers that it was 1."""
    one = deployment(1)
    first = present_set(one, 0)
    (patch,) = (a for a in decide(one, [first, old_set(one, "second", 1, revision=2)])
                if isinstance(a, Patch) and a.obj is first and REVISION in a.patch["metadata"].get("annotations", {}))

    assert {REVISION: "3", "deployment.kubernetes.io/revision-history": "1"} == patch.patch["metadata"]["annotations"]


def test_a_taken_name_is_a_collision():
    """Somebody else's ReplicaSet has the name: the count goes up, and the next name differs."""
    one = deployment(1)
    actions = decide(one, holder=replicaset("stranger"))
    assert 1 == next(a.patch["status"]["collisionCount"] for a in actions if isinstance(a, Patch))

    counted = deployment(1, status={"collisionCount": 1})
    assert new_replicaset(one, [], replicas=1, surge=0).metadata.name != (
        new_replicaset(counted, [], replicas=1, surge=0).metadata.name)


def test_a_refused_replicaset_is_told():
    """A quota forbids ReplicaSets: the condition and an event say so."""
    one = deployment(1)
    made = new_replicaset(one, [], replicas=1, surge=0)
    actions = decide(one, failures=(Failure(Create(made), "exceeded quota", "Forbidden"),))
    text = f'Failed to create new replica set "{made.metadata.name}": exceeded quota'

    assert [text] == [a.message for a in actions if isinstance(a, Event)]
    assert ("False", "ReplicaSetCreateError", text) in [
        (c["status"], c["reason"], c["message"]) for c in status_of(actions)["conditions"]]


def test_selecting_everything_is_refused():
    """An empty selector would take every pod there is."""
    actions = decide(deployment(1, selector={}))

    assert ["SelectingAll"] == [a.reason for a in actions if isinstance(a, Event)]
    assert [] == [a for a in actions if isinstance(a, Create)]


SETS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=4)
LIMITS = st.one_of(st.integers(0, 5), st.integers(0, 100).map("{}%".format))


@given(st.integers(1, 12), SETS, LIMITS, LIMITS)
def test_one_step_is_never_too_far(replicas, shapes, surge, unavailable):
    """Whatever is there: growing stays within the surge, shrinking takes no more available pods than allowed."""
    one = deployment(replicas, surge=surge, unavailable=unavailable)
    sets = [old_set(one, f"s{n}", size, ready=min(size, there), born=n) for n, (size, there) in enumerate(shapes)]
    *old, new = sets
    total = sum(map(size_of, sets))
    assume(size_of(new) <= replicas)

    grown = new_size(one, sets, present=size_of(new))
    assert size_of(new) <= grown <= replicas
    assert total - size_of(new) + grown <= max(total, replicas + max_surge(one))

    shrunk = shrink_old(one, old, new)
    assert all(0 <= size <= size_of(s) for s in old if (size := shrunk.get(s.metadata.name)) is not None)
    least = replicas - max_unavailable(one)
    left = available(new) + sum(min(available(s), shrunk.get(s.metadata.name, size_of(s))) for s in old)
    assert left >= min(least, sum(map(available, sets)))


@given(st.integers(0, 40), st.lists(st.integers(1, 20), min_size=2, max_size=4), st.integers(0, 5))
def test_shares_add_up(replicas, sizes, surge):
    """However a new number is shared, the shares add up to it and the surge, and none is negative.

    Only where rounding leaves more to take than the largest has does a rest stay, as with kube: later passes take it.
    """
    one = deployment(replicas, surge=surge, unavailable=1)
    before = sum(sizes)
    sets = [old_set(one, f"s{n}", size, born=n, sized_for=(before, before)) for n, size in enumerate(sizes)]
    shared = proportional(one, sets)

    assert all(size >= 0 for size in shared.values())
    wanted = replicas + surge if replicas else 0
    assert wanted == sum(shared.values()) or (wanted < sum(shared.values()) and 0 in shared.values())


def test_pods_refused_show_in_the_deployment():
    """A quota lets no pod in: the ReplicaSet says so, and the Deployment says what the ReplicaSet says."""
    async def story(api):
        quota = errors.Forbidden('pods "x" is forbidden: exceeded quota: q')
        api.refuse = lambda call: quota if call.method == "POST" and call.path.endswith("/pods") else None
        api.put(msgspec.to_builtins(deployment(2)))
        await asyncio.sleep(30)

    api = play([DEPLOYMENT, REPLICASET], story)
    conditions = {c["type"]: c for c in api.all("deployments")[0]["status"]["conditions"]}

    assert ("True", "FailedCreate", 'pods "x" is forbidden: exceeded quota: q') == tuple(
        conditions["ReplicaFailure"][key] for key in ("status", "reason", "message"))
    assert "False" == conditions["Available"]["status"]
    assert any(told.startswith("FailedCreate: Error creating") for told in events(api))


def test_orphans_come_home():
    """The Deployment was deleted without its ReplicaSets, and comes back: it takes them again, and makes none."""
    one = deployment(2)
    orphan = present_set(one, 2)
    orphan = msgspec.structs.replace(orphan, metadata=msgspec.structs.replace(orphan.metadata, ownerReferences=()))
    actions = decide(one, [orphan])

    assert ["uid-web"] == [a.patch["metadata"]["ownerReferences"][0]["uid"] for a in actions
                           if isinstance(a, Patch) and "ownerReferences" in a.patch["metadata"]]
    assert [] == [a for a in actions if isinstance(a, Create) and isinstance(a.obj, ReplicaSet)]
