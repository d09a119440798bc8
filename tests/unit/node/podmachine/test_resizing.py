"""Stories of pods whose containers are given more or less while they run."""

from __future__ import annotations

import msgspec
import pytest

from knarr.api.types.core_v1 import Pod
from knarr.node import adopt
from knarr.node.podmachine import resizing
from knarr.node.podmachine.state import (
    Bound,
    Bounded,
    Fit,
    Fitted,
    Kill,
    PodChanged,
    Resize,
    Resized,
    ResizeFailed,
    Tell,
)
from knarr.node.status import pod_status
from tests.unit.node.making import pod
from tests.unit.node.podmachine.telling import Story


def sized(cpu="1", memory="64Mi", *, policy=()):
    """Return a pod whose container has these limits."""
    return pod(containers=[{"name": "c", "image": "app:1", "resizePolicy": [
        {"resourceName": name, "restartPolicy": "RestartContainer"} for name in policy],
        "resources": {"limits": {"cpu": cpu, "memory": memory}, "requests": {"cpu": cpu, "memory": memory}}}])


def resized(story, **amounts):
    """The API shows other amounts, and the node has room."""
    wanted = sized(**amounts)
    return story.tell(PodChanged(wanted)).tell(Fitted(wanted))


def conditions(story):
    """Return the conditions of a resize: type, reason, message."""
    status = pod_status(story.machine, host_ip="h", now_s=1.0)
    return [(each["type"], each.get("reason", ""), each.get("message", "")) for each in status["conditions"]
            if "Resize" in each["type"]]


def applied(story):
    """Return the container's limits as its status shows them, then what is allocated."""
    status = pod_status(story.machine, host_ip="h", now_s=1.0)["containerStatuses"][0]
    return status["resources"]["limits"], status["allocatedResources"]


def last(story, kind):
    """Return the newest instruction of a kind."""
    return [each for each in story.asked if isinstance(each, kind)][-1]


def test_a_run_is_updated_in_place():
    """Room is found, the runtime does it: conditions come and go, events tell, nothing restarts."""
    story = resized(Story(sized()).begin(), cpu="2")
    asked = last(story, Resize)
    assert ("c", "c-0", "2") == (asked.container, asked.container_id, asked.wanted.limits["cpu"])
    assert [("PodResizeInProgress", "", "")] == conditions(story)
    assert ({"cpu": "1", "memory": "64Mi"}, {"cpu": "2", "memory": "64Mi"}) == applied(story)

    story.tell(Resized("c", "c-0", asked.wanted))
    assert [] == conditions(story)
    assert ({"cpu": "2", "memory": "64Mi"}, {"cpu": "2", "memory": "64Mi"}) == applied(story)
    assert (["ResizeStarted", "ResizeCompleted"], 1) == (story.told(), story.runs)
    assert last(story, Tell).message == (
        'Pod resize completed: {"containers":[{"name":"c","resources":{"limits":{"cpu":"2","memory":"64Mi"},'
        '"requests":{"cpu":"2","memory":"64Mi"}}}],"generation":1}')


def test_a_resize_policy_may_ask_for_a_restart():
    """Memory changes only with a restart: the run is stopped, the next one has the new amounts."""
    story = resized(Story(sized(policy=("memory",))).begin(), memory="128Mi", policy=("memory",))

    assert (0, 1, 2) == (story.count(Resize), story.count(Kill), story.runs)
    assert ["ResizeStarted", "Killing", "ResizeCompleted"] == story.told()
    assert {"cpu": "1", "memory": "128Mi"} == applied(story)[0]


@pytest.mark.parametrize(("reason", "asked"), [
    pytest.param("Deferred", 3, id="later perhaps: the node is asked again and again"),
    pytest.param("Infeasible", 1, id="never: once is enough"),
])
def test_a_node_without_room(reason, asked):
    """The pod goes on as it was, and says what it waits for."""
    wanted = sized(cpu="64")
    story = Story(sized()).begin().tell(PodChanged(wanted)).tell(Fitted(wanted, reason, "why"))
    for _ in range(2):
        story.wait(10).tell(Fitted(wanted, reason, "why"))

    assert (asked, 0) == (story.count(Fit), story.count(Resize))
    assert [("PodResizePending", reason, "why")] == conditions(story)
    assert ([f"Resize{reason}"], {"cpu": "1", "memory": "64Mi"}) == (story.told(), applied(story)[1])


def test_a_wish_is_taken_back():
    """It waits for room, then the spec says again what the pod has."""
    wanted = sized(cpu="64")
    story = Story(sized()).begin().tell(PodChanged(wanted)).tell(Fitted(wanted, "Deferred", "why"))
    story.tell(PodChanged(sized()))

    assert [] == conditions(story)


def test_what_the_runtime_refuses_is_tried_again():
    """The memory limit cannot go below what is used: the condition says so until it can."""
    story = resized(Story(sized()).begin(), memory="32Mi")
    story.tell(ResizeFailed("c", "c-0", "busy"))
    assert [("PodResizeInProgress", "Error", "busy")] == conditions(story)

    story.wait(10)
    assert 2 == story.count(Resize)
    story.tell(Resized("c", "c-0", last(story, Resize).wanted))
    assert [] == conditions(story)


def test_a_request_for_memory_concerns_nobody_but_the_scheduler():
    """The runtime knows no memory requests: nothing is updated, the resize is done at once."""
    changed = pod(containers=[{"name": "c", "image": "app:1", "resources": {"requests": {"memory": "2Gi"}}}])
    plain = pod(containers=[{"name": "c", "image": "app:1", "resources": {"requests": {"memory": "1Gi"}}}])
    story = Story(plain).begin().tell(PodChanged(changed)).tell(Fitted(changed))

    assert (0, 0, ["ResizeStarted", "ResizeCompleted"]) == (story.count(Resize), story.count(Kill), story.told())


def whole(cpu, *, own=True):
    """Return a pod that has limits as a whole, and a container with limits of its own or without."""
    limits = {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}} if own else {}
    return pod(containers=[{"name": "c", "image": "app:1", "resources": limits}],
               resources={"limits": {"cpu": cpu}, "requests": {"cpu": cpu}})


def granted(story, wanted):
    """The API shows other amounts of the whole pod, and the node has room."""
    return story.tell(PodChanged(wanted)).tell(Fitted(wanted))


def test_a_whole_pod_grows_and_its_containers_stay_as_they_are():
    """No run is touched; the pod's own bounds are written, and then all is told."""
    story = granted(Story(whole("2")).begin(), whole("3"))
    assert (1, 0) == (story.count(Bound), story.count(Resize))
    assert [("PodResizeInProgress", "", "")] == conditions(story)
    story.tell(Bounded())

    assert ([], ["ResizeStarted", "ResizeCompleted"]) == (conditions(story), story.told())
    assert {"cpu": "3"} == pod_status(story.machine, host_ip="h", now_s=1.0)["allocatedResources"]


def test_a_container_without_limits_has_those_of_the_pod():
    """Its run is updated first, then the pod; its own status speaks of neither, for it asked for nothing."""
    story = granted(Story(whole("2", own=False)).begin(), whole("3", own=False))
    asked = last(story, Resize)
    assert ("2", "3", 0) == (asked.had.limits["cpu"], asked.wanted.limits["cpu"], story.count(Bound))
    story.tell(Resized("c", "c-0", asked.wanted)).tell(Bounded())

    assert ["ResizeStarted", "ResizeCompleted"] == story.told()
    assert {} == pod_status(story.machine, host_ip="h", now_s=1.0)["containerStatuses"][0]["resources"]


def test_the_kernel_refuses_a_pods_bounds_for_a_while():
    """The condition says why; it is tried again, and told once."""
    story = granted(Story(whole("3")).begin(), whole("2"))
    for _ in range(2):
        story.tell(Bounded("the kernel refuses the pod's bounds: busy"))
        assert [("PodResizeInProgress", "Error", "the kernel refuses the pod's bounds: busy")] == conditions(story)
        story.wait(10.0)
    assert (3, 1) == (story.count(Bound), story.told().count("ResizeError"))
    story.tell(Bounded())

    assert [] == conditions(story)


@pytest.mark.parametrize(("told", "expected"), [
    pytest.param({"limits": {"cpu": "2", "memory": "64Mi"}, "requests": {"cpu": "2"}}, "2", id="it was not granted yet"),
    pytest.param({"limits": {"cpu": "3"}, "requests": {"cpu": "3"}}, "3", id="it was"),
])
def test_the_next_agent_knows_what_a_whole_pod_has(told, expected):
    """It stands in the status; sums over containers that stand beside it are not the pod's own word."""
    running = [{"name": "c", "containerID": "containerd://1", "state": {"running": {}}, "image": "", "imageID": "",
                "ready": True, "restartCount": 0, "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}}]
    shown = msgspec.convert({**msgspec.to_builtins(whole("3")), "status": {
        "qosClass": "Burstable", "resources": told, "containerStatuses": running}}, Pod)
    held = adopt.as_allocated(shown)

    assert ({"cpu": expected}, {"cpu": expected}) == (held.spec.resources.limits, held.spec.resources.requests)
    assert (expected == "3") == resizing.same(shown, held)
