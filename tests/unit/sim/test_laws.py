"""Each law of the simulation finds what breaks it: a checker that never says no proves nothing."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from knarr.base.clock import ManualClock
from knarr.node.cri.face import Sandbox
from knarr.sim.laws import Laws
from knarr.sim.story import Story
from knarr.store.face import Change, Entry

OWNER = {"apiVersion": "v1", "controller": True}
POD_KEY, JOB_KEY = "/core/pods/d/p", "/batch/jobs/d/j"
SPACE = {"kind": "Namespace", "metadata": {"name": "d", "uid": "n"}, "spec": {}, "status": {}}


class History:
    """What was committed, one write after the other."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.laws = Laws(self.clock, Story(self.clock))
        self.revision = 1

    def write(self, key: str, obj: dict[str, Any], *, gone: bool = False) -> None:
        """Commit one write."""
        self.revision += 1
        known = self.laws.mirror.objects.get(key)
        kind = "DELETED" if gone else "MODIFIED" if known is not None else "ADDED"
        entry = Entry(key, orjson.dumps(obj), self.revision, self.revision, 0)
        self.laws.heard((Change(kind, entry, None),))  # type: ignore[arg-type]


def thing(kind: str, name: str, *, owner: str = "", **fields: Any) -> dict[str, Any]:
    """Make an object; its uid is its name."""
    meta: dict[str, Any] = {"name": name, "namespace": "d", "uid": name}
    if owner:
        of, _, uid = owner.partition("/")
        meta["ownerReferences"] = [{**OWNER, "kind": of, "name": uid, "uid": uid}]
    return {"kind": kind, "metadata": meta, "spec": {}, "status": {}, **fields}


def pod(name: str = "p", owner: str = "", node: str = "", *, phase: str = "Running", ready: bool = True) -> dict[str, Any]:
    """Make a pod."""
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return thing("Pod", name, owner=owner, spec={"nodeName": node}, status={"phase": phase, "conditions": conditions})


def job(succeeded: int, *, done: bool = False, completions: int = 2) -> dict[str, Any]:
    """Make a Job."""
    conditions = [{"type": "Complete", "status": "True"}] if done else []
    return thing("Job", "j", spec={"parallelism": 2, "completions": completions},
                 status={"succeeded": succeeded, "conditions": conditions})


def rolling(replicas: int) -> dict[str, Any]:
    """Make a Deployment that may have one more, and none less."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    return thing("Deployment", "web", spec={"replicas": replicas, "strategy": strategy})


def replicaset(replicas: int) -> dict[str, Any]:
    """Make its ReplicaSet."""
    return thing("ReplicaSet", "rs", owner="Deployment/web", spec={"replicas": replicas})


def deployed(pods: int) -> History:
    """Let a Deployment of three have so many ready pods, and some time pass."""
    history = History()
    history.write("/apps/deployments/d/web", rolling(3))
    history.write("/apps/replicasets/d/rs", replicaset(3))
    for number in range(pods):
        history.write(f"/core/pods/d/p{number}", pod(f"p{number}", "ReplicaSet/rs"))
    history.clock.advance(1_000)
    return history


def test_what_is_allowed_breaks_nothing():
    """Three pods and the one that a rollout may add; a Job that counts what happened."""
    history = deployed(4)
    history.write("/apps/replicasets/d/rs", replicaset(2))
    history.write(JOB_KEY, job(0))
    for name in ("a", "b"):
        history.write(f"/core/pods/d/{name}", pod(name, "Job/j"))
        history.write(f"/core/pods/d/{name}", pod(name, "Job/j", phase="Succeeded"))
    history.write(JOB_KEY, job(2, done=True))

    assert [] == history.laws.broken


def test_one_pod_too_many_is_found():
    """Three are wanted, one more may be: the fifth is not."""
    assert ["Deployment d/web has 5 pods, at most 4 are allowed"] == deployed(5).laws.broken


@pytest.mark.parametrize(("late_s", "found"), [
    pytest.param(1, [], id="who replaces it may not know"),
    pytest.param(1_000, [f"Deployment d/web has {pods} pods, at most 3 are allowed" for pods in (4, 5)],
                 id="who replaces it must know"),
])
def test_a_pod_that_was_taken_is_replaced_for_a_while(late_s, found):
    """Two of three are evicted and the Deployment shrinks to two: who makes pods may believe in three for a while."""
    history = deployed(3)
    for name in ("p0", "p1"):
        history.write(f"/core/pods/d/{name}", evicted(name, going=True))
    history.write("/apps/deployments/d/web", rolling(2))
    history.write("/apps/replicasets/d/rs", replicaset(2))
    history.clock.advance(late_s)
    for name in ("p3", "p4", "p5", "p6"):
        history.write(f"/core/pods/d/{name}", pod(name, "ReplicaSet/rs"))

    assert found == history.laws.broken


def test_a_rollout_that_takes_too_much_is_found():
    """Three ready pods must be, three are: the ReplicaSet may not be lowered."""
    history = deployed(3)
    history.write("/apps/replicasets/d/rs", replicaset(2))

    assert ["Deployment d/web is left with 2 ready pods, at least 3 must be"] == history.laws.broken


@pytest.mark.parametrize("ready", [2, 3])
def test_pods_that_were_never_made_are_not_missed(ready):
    """A second ReplicaSet asks for two pods that a quota keeps from being made: lowering it takes none away."""
    history = deployed(ready)
    history.write("/apps/replicasets/d/next", {**replicaset(2), "metadata": {
        **replicaset(2)["metadata"], "name": "next", "uid": "next"}})
    history.write("/apps/replicasets/d/next", {**replicaset(0), "metadata": {
        **replicaset(0)["metadata"], "name": "next", "uid": "next"}})

    assert [] == history.laws.broken


@pytest.mark.parametrize(("key", "states", "found"), [
    pytest.param(POD_KEY, [pod(node="a"), pod(node="b")], "Pod d/p was bound to a and then to b", id="bound twice"),
    pytest.param(POD_KEY, [pod(phase="Succeeded"), pod()], "Pod d/p had Succeeded and then was Running", id="lives again"),
    pytest.param(JOB_KEY, [job(1)], "Job d/j counts 1 successes, there were 0", id="counts what never was"),
    pytest.param(JOB_KEY, [job(0, done=True)], "Job d/j is complete with 0 of 2", id="complete too early"),
    pytest.param(JOB_KEY, [job(0, done=True, completions=0), job(0, completions=0)],
                 "Job d/j was Complete and then was not", id="no longer complete"),
])
def test_a_broken_law_is_found(key, states, found):
    """One object goes where it must not."""
    history = History()
    for state in states:
        history.write(key, state)

    assert [found] == history.laws.broken


def test_a_lost_claim_is_found():
    """A claim goes though nobody asked, its namespace stays; then a volume goes that was to be kept."""
    history = History()
    history.write("/core/namespaces/-/d", SPACE)
    claim, volume = thing("PersistentVolumeClaim", "c"), thing(
        "PersistentVolume", "v", spec={"persistentVolumeReclaimPolicy": "Retain"})
    for key, obj in (("/core/persistentvolumeclaims/d/c", claim), ("/core/persistentvolumes/-/v", volume)):
        history.write(key, obj)
        history.write(key, obj, gone=True)

    assert ["PersistentVolumeClaim d/c was deleted by nobody's wish",
            "PersistentVolume d/v was deleted, though it was to be kept"] == history.laws.broken


def test_a_revision_that_comes_again_is_found():
    """Watchers would miss a change."""
    history = History()
    history.write(POD_KEY, pod())
    history.revision -= 1
    history.write(POD_KEY, pod())

    assert [f"{POD_KEY}: revision 2 came after 2"] == history.laws.broken


def evicted(name: str, *, going: bool) -> dict[str, Any]:
    """Make a pod of the Deployment that is healthy, and evicted or not yet."""
    made = pod(name, "ReplicaSet/rs")
    made["metadata"]["labels"] = {"app": "web"}
    if going:
        made["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        made["status"]["conditions"].append({"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"})
    return made


def budget(**status: Any) -> dict[str, Any]:
    """Make a budget that lets one pod lack."""
    return thing("PodDisruptionBudget", "b", spec={"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
                 status={"currentHealthy": 3, "desiredHealthy": 2, **status})


def protected() -> History:
    """Let a budget watch over a Deployment of three."""
    history = deployed(0)
    history.write("/policy/poddisruptionbudgets/d/b", budget(disruptionsAllowed=1))
    for number in range(3):
        history.write(f"/core/pods/d/p{number}", evicted(f"p{number}", going=False))
    history.clock.advance(1_000)
    return history


def test_an_eviction_past_the_budget_is_found():
    """The first is written down and may be; the second is not, and leaves one too few."""
    history = protected()
    history.write("/policy/poddisruptionbudgets/d/b", budget(disruptionsAllowed=0, disruptedPods={"p0": "now"}))
    history.write("/core/pods/d/p0", evicted("p0", going=True))
    assert [] == history.laws.broken
    history.write("/core/pods/d/p1", evicted("p1", going=True))

    assert ["Pod d/p1 was evicted past PodDisruptionBudget d/b",
            "Deployment d/web is left with 1 pods by evictions, PodDisruptionBudget d/b asks for 2"] == history.laws.broken


def test_a_budget_that_gives_what_it_has_not_is_found():
    """One of three may lack: two disruptions are one too many."""
    history = History()
    history.write("/policy/poddisruptionbudgets/d/b", budget(disruptionsAllowed=2))

    assert ["PodDisruptionBudget d/b allows 2 disruptions of 1"] == history.laws.broken


def test_a_pod_on_a_closed_node_is_found():
    """The node was closed long ago: a daemon may come, and another pod may not."""
    history = History()
    history.write("/core/nodes/-/n", {**thing("Node", "n"), "spec": {"unschedulable": True}})
    history.clock.advance(1_000)
    for name, owner in (("one", "DaemonSet/e"), ("two", "")):
        history.write(f"/core/pods/d/{name}", pod(name, owner))
        history.write(f"/core/pods/d/{name}", pod(name, owner, "n"))

    assert ["Pod d/two was bound to n, which is closed"] == history.laws.broken


def test_what_a_namespace_leaves_behind_is_found():
    """It goes before the last of its objects."""
    history = History()
    history.write(POD_KEY, pod())
    history.write("/core/namespaces/-/d", SPACE)
    history.write("/core/namespaces/-/d", SPACE, gone=True)

    assert ["Namespace d is gone, and Pod d/p is left of 1"] == history.laws.broken


@pytest.mark.parametrize("going", [False, True])
def test_a_claim_that_goes_before_its_owner_is_found(going):
    """Its StatefulSet is to take it along, but has not gone; only their namespace may be faster."""
    history = History()
    history.write("/core/namespaces/-/d", {**SPACE, "metadata": {
        **SPACE["metadata"], **({"deletionTimestamp": "2024-01-01T00:00:00Z"} if going else {})}})
    claim = thing("PersistentVolumeClaim", "c", owner="StatefulSet/s")
    history.write("/apps/statefulsets/d/s", thing("StatefulSet", "s", spec={"replicas": 1}))
    history.write("/core/persistentvolumeclaims/d/c", claim)
    history.write("/core/persistentvolumeclaims/d/c", claim, gone=True)

    found = [] if going else ["PersistentVolumeClaim d/c was deleted below StatefulSet d/s"]
    assert found == history.laws.broken


def test_one_pod_on_two_machines_is_found():
    """Unless somebody forced it."""
    history = History()
    for name in ("s-0", "s-1"):
        history.laws.lived(Sandbox("x", name, "d", "u", 0, True, 0.0, {}, {}), ["a"])
    history.laws.force("d", "s-1")
    for name in ("s-0", "s-1"):
        history.laws.lived(Sandbox("x", name, "d", "u", 0, True, 0.0, {}, {}), ["a", "b"])

    assert ["Pod d/s-0 runs on a, b at the same time"] == history.laws.broken


def test_daemons_that_are_miscounted_are_found():
    """Two are ready of one that is there."""
    history = History()
    history.write("/apps/daemonsets/d/e", thing("DaemonSet", "e", status={
        "desiredNumberScheduled": 3, "currentNumberScheduled": 1, "numberReady": 2, "numberAvailable": 0}))

    assert ["DaemonSet d/e counts 0 available, 2 ready, 1 of 3"] == history.laws.broken
