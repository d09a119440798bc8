"""Statuses as a real kubelet wrote them, in order, for the same lives of the same pods."""

from __future__ import annotations

import json
from typing import Any

import pytest

from knarr.node.podmachine.state import (
    Held,
    Kill,
    Mount,
    PodChanged,
    Probed,
    PullFailed,
    RunSandbox,
    Start,
    StopSandbox,
)
from knarr.node.status import pod_status
from knarr.node.statuswriter import difference
from tests.unit.node.making import pod
from tests.unit.node.podmachine.telling import Story
from tests.unit.node.recordings import bare, recorded_pods

ALL = (Mount, RunSandbox, Start, StopSandbox, Kill)
NOT_OURS = {"volumeMounts", "qosClass"}       # what admission adds


def up(story: Story) -> None:
    """Volumes and sandbox stand."""
    answered(story, Mount)
    answered(story, RunSandbox)


def answered(story: Story, kind: type) -> None:
    """The newest instruction of a kind is answered."""
    for event in story.answer([each for each in story.asked if isinstance(each, kind)][-1]):
        story.tell(event)


def runs(story: Story) -> None:
    """The container asked for starts."""
    answered(story, Start)


def ends(name: str, code: int) -> Any:
    """A container ends."""
    return lambda story: story.exits(name, code)


def closed(story: Story) -> None:
    """The sandbox is stopped."""
    answered(story, StopSandbox)


def cannot(reason: str, message: str) -> Any:
    """The container's image cannot be had."""
    return lambda story: story.tell(PullFailed("c", reason, message))


def later(seconds_s: float) -> Any:
    """Time passes, and timers ring."""
    return lambda story: story.wait(seconds_s)


def nothing(story: Story) -> None:
    """Only time passes."""


LIVES = [
    ("running", [nothing, up, runs]),
    ("ok-never", [nothing, up, runs, ends("c", 0), closed]),
    ("fail-never", [nothing, up, runs, ends("c", 3), closed]),
    ("crashloop", [nothing, up, runs, ends("c", 7), runs, ends("c", 7), later(1), later(9), runs]),
    ("init-ok", [nothing, up, runs, ends("i1", 0), runs, ends("i2", 0), runs, ends("c", 0), closed]),
    ("init-fails-never", [nothing, up, runs, ends("i1", 4), closed]),
    ("image-never", [nothing, up, cannot(
        "ErrImageNeverPull", 'Container image "absent:1" is not present with pull policy of Never')]),
    ("missing-configmap", [nothing, up, lambda s: s.tell(
        Held("c", "CreateContainerConfigError", 'configmap "nope" not found'))]),
    ("readiness-gate", [nothing, up, runs]),
    ("qos-guaranteed", [nothing, up, runs]),
    ("qos-burstable", [nothing, up, runs]),
]


def masked(status: dict[str, Any]) -> Any:
    """Mask what differs between any two runs, and leave out what nobody here adds."""
    return bare(status, without=NOT_OURS)


@pytest.mark.parametrize(("name", "steps"), LIVES, ids=[name for name, _ in LIVES])
def test_statuses_are_kubelets(name, steps):
    """Step by step the pod lives as the recorded one did; every status on the way is the recorded one."""
    recorded = recorded_pods()[name]
    spec = json.loads(json.dumps(recorded["spec"]).replace("IMAGE", "app:1"))
    story = Story(pod(status={"qosClass": recorded["statuses"][0]["status"]["qosClass"]}, **spec), held=ALL).begin()
    wanted = [masked(each["status"]) for each in recorded["statuses"] if "startTime" in each["status"]]
    seen = []
    for step in steps:
        step(story)
        status = pod_status(story.machine, host_ip="<host>", now_s=story.now_s)
        seen.append(masked(status))
        story.tell(PodChanged(pod(status=status, **spec)))
    missing = [each for each in seen if each not in wanted]

    assert [] == missing
    assert wanted[-1] in seen or name == "crashloop"


def test_a_run_that_never_started_is_not_ready_while_it_is_stopped():
    """Its startup probe failed for good: until it is dead it is neither started nor ready."""
    probed = pod(containers=[{"name": "c", "image": "app:1", "startupProbe": {"tcpSocket": {"port": 1}}}])
    story = Story(probed, held=(Kill,)).begin().tell(Probed("c", "c-0", "startup", False))
    row, = pod_status(story.machine, host_ip="h", now_s=1.0)["containerStatuses"]

    assert ("STOPPING", False, False) == (story.stage(), row["started"], row["ready"])


def test_a_pod_is_unready_not_completed_while_its_sidecar_goes():
    """The container is done, the sidecar takes its time: the pod runs; then it has completed."""
    sidecar = {"name": "s", "image": "app:1", "restartPolicy": "Always"}
    story = Story(pod(restartPolicy="Never", initContainers=[sidecar]), held=(Kill,)).begin().exits("c", 0)
    before = pod_status(story.machine, host_ip="h", now_s=1.0)
    story.exits("s", 137)
    after = pod_status(story.machine, host_ip="h", now_s=2.0)

    assert ("Running", "ContainersNotReady") == (before["phase"], reason(before, "Ready"))
    assert ("Succeeded", "PodCompleted") == (after["phase"], reason(after, "Ready"))


def reason(status: dict[str, Any], kind: str) -> str:
    """Return why a condition is as it is."""
    return str({each["type"]: each.get("reason", "") for each in status["conditions"]}[kind])


def test_only_what_differs_is_written():
    """The pod is ready: the patch carries the changed parts, takes back the reason, and names no unchanged one."""
    story = Story(pod(), held=ALL).begin()
    up(story)
    before = pod_status(story.machine, host_ip="h", now_s=1.0)
    stored = pod(status=before).status
    story.tell(PodChanged(pod(status=before)))
    runs(story)
    after = pod_status(story.machine, host_ip="h", now_s=2.0)
    change = difference(stored, after)

    assert {"phase", "conditions", "containerStatuses", "podIP", "podIPs", "resources"} >= set(change)
    assert [("Ready", None), ("ContainersReady", None)] == [(c["type"], c["reason"]) for c in change["conditions"]]
    assert {} == difference(pod(status=after).status, after)


def test_an_old_address_is_taken_back():
    """A new sandbox has another address; the list is merged by address, so the old one is deleted by name."""
    stored = pod(status={"podIPs": [{"ip": "10.0.0.1"}], "podIP": "10.0.0.1", "resources": {}}).status
    change = difference(stored, {"podIPs": [{"ip": "10.0.0.2"}], "podIP": "10.0.0.2", "phase": "Pending",
                                 "qosClass": "BestEffort", "resources": {}})

    assert [{"ip": "10.0.0.2"}, {"ip": "10.0.0.1", "$patch": "delete"}] == change["podIPs"]


def test_an_ephemeral_container_has_a_list_of_its_own():
    """It runs, yet nobody counts it: the pod is ready without it, and it says nothing of being ready."""
    debugged = pod(ephemeralContainers=[{"name": "debug", "image": "app:1"}])
    story = Story(pod()).begin().tell(PodChanged(debugged))
    status = pod_status(story.machine, host_ip="h", now_s=1.0)
    row, = status["ephemeralContainerStatuses"]

    assert ("debug", False, ["running"]) == (row["name"], row["ready"], list(row["state"]))
    assert ["c"] == [each["name"] for each in status["containerStatuses"]]
    assert "True" == {each["type"]: each["status"] for each in status["conditions"]}["Ready"]
