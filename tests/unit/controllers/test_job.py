"""What the Job controller decides."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knarr.api.types.batch_v1 import Job
from knarr.api.types.core_v1 import Pod
from knarr.controllers.job.indexes import parse, render
from knarr.controllers.job.plan import View, plan
from knarr.controllers.job.pods import INDEX, INDEX_FAILURES, TRACKING
from knarr.reconcile.actions import Create, Delete, Patch
from tests.unit.controllers.making import EPOCH, NOW_S, owner_of, pod

PODS_MAX = 40      # of one simulated Job; no other reason


def job(status: dict[str, Any] | None = None, **spec: Any) -> Job:
    """Return a Job of a=b."""
    return msgspec.convert({
        "metadata": {"name": "j", "namespace": "d", "uid": "uid-j", "resourceVersion": "5", "creationTimestamp": EPOCH},
        "spec": {"parallelism": 1, "completions": 1, "backoffLimit": 6, "selector": {"matchLabels": {"a": "b"}},
                 "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"restartPolicy": "Never"}}, **spec},
        "status": {"startTime": EPOCH, **(status or {})},
    }, Job)


def member(owner: Job, name: str, phase: str = "Running", *, index: int | None = None, **meta: Any) -> Pod:
    """Return a tracked pod of the Job."""
    notes = {} if index is None else {INDEX: str(index), INDEX_FAILURES: "0"}
    return pod(name, owner=owner, ready=phase == "Running", phase=phase,
               metadata={"finalizers": [TRACKING], "annotations": notes, "ownerReferences": [owner_of(owner)], **meta})


def decide(one: Job, *pods: Pod, now_s: float = NOW_S) -> tuple[int, int, dict[str, Any]]:
    """Return how many pods are made, how many deleted, and what of the status changes."""
    actions = plan(View(one, pods, now_s))
    status = next((a.patch["status"] for a in actions if isinstance(a, Patch) and isinstance(a.obj, Job)), {})
    return sum(isinstance(a, Create) for a in actions), sum(isinstance(a, Delete) for a in actions), status


@pytest.mark.parametrize(("spec", "phases", "creates", "deletes"), [
    pytest.param({"completions": 5, "parallelism": 2}, [], 2, 0, id="as many as may run at once"),
    pytest.param({"completions": 5, "parallelism": 2}, ["Running"], 1, 0, id="one is missing"),
    pytest.param({"completions": 5, "parallelism": 2}, ["Succeeded"] * 4, 1, 0, id="only one is left to do"),
    pytest.param({"completions": 5, "parallelism": 1}, ["Running"] * 3, 0, 2, id="parallelism was lowered"),
    pytest.param({"completions": None, "parallelism": 3}, ["Running"], 2, 0, id="a work queue"),
    pytest.param({"completions": None, "parallelism": 3}, ["Succeeded", "Running"], 0, 0, id="a work queue runs dry"),
    pytest.param({"suspend": True}, ["Running"], 0, 1, id="suspended"),
    pytest.param({"parallelism": 0}, [], 0, 0, id="nothing may run"),
    pytest.param({"backoffLimit": 0, "completions": 3, "parallelism": 3}, ["Failed", "Running"], 0, 1, id="it fails"),
    pytest.param({"managedBy": "example.com/other"}, [], 0, 0, id="somebody else's"),
])
def test_how_many_pods(spec, phases, creates, deletes):
    """Pods in some phases, none counted yet."""
    one = job(**spec)
    pods = [member(one, f"p{number}", phase) for number, phase in enumerate(phases)]

    assert (creates, deletes) == decide(one, *pods)[:2]


def test_backoff_doubles():
    """The second failure in a row was 15 s ago: 5 s are left of 20; a minute later the next pod is made."""
    one = job({"failed": 2})
    pods = [pod(f"p{n}", owner=one, phase="Failed", ready=False) for n in range(2)]

    assert 0 == decide(one, *pods, now_s=NOW_S + 15)[0]
    assert 1 == decide(one, *pods, now_s=NOW_S + 60)[0]


def test_one_pod_per_index():
    """Index 1 has two pods, index 0 none: the double goes; then index 0 is made."""
    one = job(completionMode="Indexed", completions=3, parallelism=3)
    pods = [member(one, "a", index=1), member(one, "b", index=1), member(one, "c", index=2)]
    assert (0, 1) == decide(one, *pods)[:2]
    (made,) = (action.obj for action in plan(View(one, tuple(pods[1:]), NOW_S)) if isinstance(action, Create))
    assert ("j-0-", "j-0", "0") == (made.metadata.generateName, made.spec.hostname, made.metadata.labels[INDEX])


def test_success_policy():
    """Index 0 is the leader: when it is done the Job is, and the others are stopped."""
    one = job(completionMode="Indexed", completions=3, parallelism=3,
              successPolicy={"rules": [{"succeededIndexes": "0"}]})
    pods = [member(one, "a", "Succeeded", index=0), member(one, "b", index=1)]
    _, deletes, status = decide(one, *pods)

    assert (1, "SuccessCriteriaMet", "SuccessPolicy") == (
        deletes, status["conditions"][0]["type"], status["conditions"][0]["reason"])


def failed_index(owner: Job, index: int, *, before: int, **status: Any) -> Pod:
    """Return a failed pod of an index that had failed `before` times already."""
    notes = {INDEX: str(index), INDEX_FAILURES: str(before)}
    made = member(owner, f"p{index}", "Failed", annotations=notes)
    return msgspec.structs.replace(made, status=msgspec.convert({"phase": "Failed", **status}, type(made.status)))


INDEXED = {"completionMode": "Indexed", "completions": 4, "parallelism": 2, "backoffLimit": 100}


def test_an_index_has_a_patience_of_its_own():
    """Each index may fail once more: 0 has just failed and waits for its backoff while 1 is made; 0 comes 10 s later."""
    one = job(backoffLimitPerIndex=1, **INDEXED)
    lost = failed_index(one, 0, before=0)

    made = [action.obj for action in plan(View(one, (lost,), NOW_S)) if isinstance(action, Create)]
    assert ["1"] == [pod.metadata.annotations[INDEX] for pod in made]
    made = [action.obj for action in plan(View(one, (lost,), NOW_S + 60)) if isinstance(action, Create)]
    assert [("0", "1"), ("1", "0")] == [
        (pod.metadata.annotations[INDEX], pod.metadata.annotations[INDEX_FAILURES]) for pod in made]


@pytest.mark.parametrize(("spec", "before", "condition"), [
    pytest.param({"backoffLimitPerIndex": 1}, 1, None, id="one index is lost, the others go on"),
    pytest.param({"backoffLimitPerIndex": 1, "maxFailedIndexes": 0}, 1, "MaxFailedIndexesExceeded", id="one is too many"),
    pytest.param({"backoffLimitPerIndex": 5, "podFailurePolicy": {"rules": [{"action": "FailIndex", "onExitCodes": {
        "operator": "In", "values": [42]}}]}}, 0, None, id="an exit code loses the index at once"),
])
def test_an_index_is_lost(spec, before, condition):
    """Index 0 fails beyond what it may: it is never made again, and the Job ends only where too many are lost."""
    one = job(**INDEXED, **spec)
    code = {"containerStatuses": [{"name": "c", "image": "", "imageID": "", "ready": False, "restartCount": 0, "state": {
        "terminated": {"exitCode": 42, "reason": "Error"}}}]}
    lost = failed_index(one, 0, before=before, **code)
    actions = plan(View(one, (lost,), NOW_S + 600))
    status = next(a.patch["status"] for a in actions if isinstance(a, Patch) and isinstance(a.obj, Job))

    assert "0" == status["failedIndexes"]
    assert "0" not in [a.obj.metadata.annotations[INDEX] for a in actions if isinstance(a, Create)]
    assert ([condition] if condition else []) == [each["reason"] for each in status.get("conditions", ())]


@pytest.mark.parametrize(("policy", "creates"), [
    pytest.param("TerminatingOrFailed", 1, id="replaced at once"),
    pytest.param("Failed", 0, id="not before it has ended"),
])
def test_when_a_leaving_pod_is_replaced(policy, creates):
    """Somebody deletes the only pod; it is still on its way out."""
    one = job(podReplacementPolicy=policy)
    leaving = member(one, "a", deletionTimestamp=EPOCH, deletionGracePeriodSeconds=30)

    assert creates == decide(one, leaving, now_s=NOW_S + 600)[0]


def test_an_ignored_failure_does_not_count():
    """The node was drained: the pod's end is ignored, and another is made."""
    rule = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    one = job(backoffLimit=0, podFailurePolicy={"rules": [rule]})
    lost = member(one, "a", "Failed")
    lost = msgspec.structs.replace(lost, status=msgspec.convert(
        {"phase": "Failed", "conditions": [{"type": "DisruptionTarget", "status": "True"}]}, type(lost.status)))

    creates, _, status = decide(one, lost, now_s=NOW_S + 60)
    assert 1 == creates
    assert {} == status.get("uncountedTerminatedPods")
    assert "conditions" not in status


@given(st.sets(st.integers(0, 60)))
def test_indexes_survive_being_written(indexes):
    """What is rendered is read back."""
    assert indexes == parse(render(indexes), limit=61)


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 4), st.integers(1, 6), st.booleans(), st.lists(st.integers(0, 5), max_size=PODS_MAX))
def test_laws(parallelism, completions, indexed, dice):
    """Whatever happens to its pods, never more than `parallelism` run, no index runs twice, and counts are the history."""
    mode = {"completionMode": "Indexed"} if indexed else {}
    world = World(job(parallelism=parallelism, completions=completions, backoffLimit=1000, **mode))
    for number, die in enumerate(dice):
        world.turn()
        world.end(number, well=die > 1)
        if die % 2:
            world.turn()
    for number in range(60):
        world.turn()
        world.end(number, well=True)
    status = world.job.status
    done = len(world.won_indexes) if indexed else world.won
    assert "Complete" == status.conditions[-1].type
    assert (done, world.lost) == (status.succeeded, status.failed or 0)


class World:
    """One Job and its pods, as a server without delays would keep them."""

    def __init__(self, one: Job) -> None:
        self.job, self.pods, self.made = one, {}, 0
        self.won = self.lost = 0
        self.won_indexes: set[str] = set()
        self.now_s = NOW_S

    def turn(self) -> None:
        """Let the controller act once, and check what must hold at every moment."""
        self.now_s += 700     # longer than any backoff
        for action in plan(View(self.job, tuple(self.pods.values()), self.now_s)):
            if isinstance(action, Create):
                self.made += 1
                name = f"p{self.made}"
                meta = msgspec.structs.replace(action.obj.metadata, name=name, uid=f"uid-{name}")
                self.pods[name] = msgspec.structs.replace(action.obj, metadata=meta)
            elif isinstance(action, Delete):
                self.pods.pop(action.obj.metadata.name, None)
            elif isinstance(action, Patch) and isinstance(action.obj, Job):
                self._merge(action.patch["status"])
            elif isinstance(action, Patch):
                self._untrack(action.obj.metadata.name)
        active = [one for one in self.pods.values() if one.status.phase not in ("Succeeded", "Failed")]
        assert len(active) <= (self.job.spec.parallelism or 0)
        indexes = [one.metadata.labels.get(INDEX) for one in active if INDEX in one.metadata.labels]
        assert len(indexes) == len(set(indexes))

    def end(self, number: int, *, well: bool) -> None:
        """Let one of the active pods end."""
        active = [name for name, one in sorted(self.pods.items()) if one.status.phase not in ("Succeeded", "Failed")]
        if not active:
            return
        name = active[number % len(active)]
        self.won, self.lost = self.won + well, self.lost + (not well)
        held = self.pods[name]
        if well:
            self.won_indexes.add(held.metadata.labels.get(INDEX, ""))
        phase = "Succeeded" if well else "Failed"
        self.pods[name] = msgspec.structs.replace(held, status=msgspec.structs.replace(held.status, phase=phase))

    def _merge(self, patch: dict[str, Any]) -> None:
        held = {**msgspec.to_builtins(self.job.status), **patch}
        if isinstance(patch.get("uncountedTerminatedPods"), dict):
            before = msgspec.to_builtins(self.job.status).get("uncountedTerminatedPods", {})
            held["uncountedTerminatedPods"] = {
                key: value for key, value in {**before, **patch["uncountedTerminatedPods"]}.items() if value is not None}
        status = msgspec.convert({key: value for key, value in held.items() if value is not None}, type(self.job.status))
        self.job = msgspec.structs.replace(self.job, status=status)

    def _untrack(self, name: str) -> None:
        if name in self.pods:
            held = self.pods[name]
            self.pods[name] = msgspec.structs.replace(
                held, metadata=msgspec.structs.replace(held.metadata, finalizers=()))
