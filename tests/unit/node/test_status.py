"""Statuses as a real kubelet wrote them, in order, for the same lives of the same pods."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from knarr.node.podmachine.state import Held, Kill, Mount, PodChanged, PullFailed, RunSandbox, Start, StopSandbox
from knarr.node.status import pod_status
from knarr.node.statuswriter import difference
from tests.unit.node.making import pod
from tests.unit.node.podmachine.telling import Story

RECORDED = Path(__file__).parents[4] / "shared/wire/pods/statuses.json"
ALL = (Mount, RunSandbox, Start, StopSandbox, Kill)
NOT_OURS = {"lastProbeTime", "volumeMounts", "lastTransitionTime", "qosClass"}
IMAGES = {"registry.k8s.io/e2e-test-images/busybox:1.29-4": "IMAGE", "app:1": "IMAGE"}


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


@pytest.mark.parametrize(("name", "steps"), LIVES, ids=[name for name, _ in LIVES])
def test_statuses_are_kubelets(name, steps):
    """Step by step the pod lives as the recorded one did; every status on the way is the recorded one."""
    recorded = recording(name)
    spec = json.loads(json.dumps(recorded["spec"]).replace("IMAGE", "app:1"))
    story = Story(pod(status={"qosClass": recorded["statuses"][0]["status"]["qosClass"]}, **spec), held=ALL).begin()
    wanted = [bare(each["status"]) for each in recorded["statuses"] if "startTime" in each["status"]]
    seen = []
    for step in steps:
        step(story)
        status = pod_status(story.machine, host_ip="<host>", now_s=story.now_s)
        seen.append(bare(status))
        story.tell(PodChanged(pod(status=status, **spec)))
    missing = [each for each in seen if each not in wanted]

    assert [] == missing
    assert wanted[-1] in seen or name == "crashloop"


def recording(name: str) -> dict[str, Any]:
    """Return one recorded pod; skip where the recordings are absent."""
    if not RECORDED.exists():
        pytest.skip(f"no recordings at {RECORDED}")
    return dict(json.loads(RECORDED.read_text())[name])


def bare(value: Any) -> Any:
    """Mask what differs between any two runs, and drop what is empty."""
    if isinstance(value, dict):
        if value == {"limits": {"memory": "9007199254740988Ki"}}:      # a fault of the recorded kubelet's own
            return {}
        parts = {key: bare(part) for key, part in value.items() if key not in NOT_OURS}
        return {key: part for key, part in parts.items() if part not in ({}, [], None, "")}
    if isinstance(value, list):
        return [bare(part) for part in value]
    if isinstance(value, str):
        return masked(value)
    return value


def masked(text: str) -> str:
    """Mask ids, times and addresses."""
    text = IMAGES.get(text, text).replace("_rec3(<uid>)", "_NS(UID)").replace("_shop(uid-web)", "_NS(UID)")
    text = re.sub(r"pod=[a-z-]+_NS", "pod=P_NS", text)
    text = re.sub(r"^containerd://.*", "containerd://ID", text)
    text = re.sub(r"^sha256:.*", "sha256:DIGEST", text)
    text = re.sub(r"^(\d{4}-\d\d-\d\dT.*Z|<time>)$", "TIME", text)
    return re.sub(r"^(10\.0\.0\.7|<pod-ip>)$", "IP", text)


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
