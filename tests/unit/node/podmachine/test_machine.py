"""Stories of pods, from the first event to the last."""

from __future__ import annotations

from dataclasses import replace

import pytest

from knarr.node.podmachine.state import (
    Abandon,
    Discard,
    Held,
    Kill,
    Mount,
    MountFailed,
    PodChanged,
    PodGone,
    Probed,
    PullFailed,
    Remove,
    RunSandbox,
    SandboxFailed,
    SandboxLost,
    Start,
    StopSandbox,
)
from knarr.node.podmachine.table import Stage
from tests.unit.node.making import pod
from tests.unit.node.podmachine.telling import Story

THREE = [{"name": "a", "image": "app:1"}, {"name": "b", "image": "app:1"}]


def test_a_pod_comes_up():
    """Volumes, sandbox, container, in this order."""
    story = Story(pod()).begin()

    assert [Mount, RunSandbox, Start] == [type(each) for each in story.asked][:3]
    assert ("UP", "RUNNING") == (story.phase, story.stage())


def test_init_containers_run_one_after_the_other():
    """The second waits for the first, the container for both."""
    story = Story(pod(initContainers=[{"name": "i1", "image": "x"}, {"name": "i2", "image": "x"}])).begin()
    assert ("RUNNING", "WAITING", "WAITING") == (story.stage("i1"), story.stage("i2"), story.stage())

    story.exits("i1", 0)
    assert ("DONE", "RUNNING", "WAITING") == (story.stage("i1"), story.stage("i2"), story.stage())

    story.exits("i2", 0)
    assert "RUNNING" == story.stage()


def test_a_sidecar_lets_others_start_once_its_startup_probe_succeeds():
    """It never ends, so starting is enough; it is stopped after the container has ended for good."""
    story = Story(pod(restartPolicy="Never", initContainers=[
        {"name": "s", "image": "x", "restartPolicy": "Always", "startupProbe": {"tcpSocket": {"port": 1}}}])).begin()
    assert "WAITING" == story.stage()

    story.tell(Probed("s", "s-0", "startup", True))
    assert "RUNNING" == story.stage()

    story.exits("c", 0)
    assert ("DONE", "DONE", "ENDED") == (story.stage(), story.stage("s"), story.phase)


@pytest.mark.parametrize(("policy", "code", "stage", "phase"), [
    pytest.param("Always", 0, "RUNNING", "UP", id="always, even after success"),
    pytest.param("OnFailure", 1, "RUNNING", "UP", id="on failure, failed"),
    pytest.param("OnFailure", 0, "DONE", "ENDED", id="on failure, succeeded"),
    pytest.param("Never", 1, "DONE", "ENDED", id="never"),
])
def test_restart_policy(policy, code, stage, phase):
    """The first end is followed by another run at once, or by none."""
    story = Story(pod(restartPolicy=policy)).begin().exits(code=code)

    assert (stage, phase) == (story.stage(), story.phase)


def test_crash_loop_backs_off_from_ten_seconds_to_five_minutes():
    """It crashes at once every time: the waits double; the message tells the wait."""
    story = Story(pod()).begin().exits()
    waits = []
    for _ in range(7):
        ended_s = story.now_s
        story.exits().wait(1)
        waits.append(story.waiting().message.split()[1])
        while story.stage() != "RUNNING":
            story.wait(1)
        assert float(len(waits) and story.now_s - ended_s) >= 10

    assert ["10s", "20s", "40s", "1m20s", "2m40s", "5m0s", "5m0s"] == waits
    assert 9 == story.runs


def test_a_long_run_forgets_earlier_crashes():
    """After more than ten minutes of peace a crash counts as the first."""
    story = Story(pod()).begin().exits().wait(601).exits()

    assert "RUNNING" == story.stage()


def test_an_end_is_shown_before_the_wait_is():
    """For a second the container shows how it ended, then CrashLoopBackOff."""
    story = Story(pod()).begin().exits().exits()
    assert ("COOLING", None) == (story.stage(), story.waiting())

    story.wait(1)
    assert "CrashLoopBackOff" == story.waiting().reason
    assert "back-off 10s restarting failed container=c pod=web_shop(uid-web)" == story.waiting().message
    assert "BackOff" in story.told()


def test_deletion_stops_containers_then_sandbox_then_removes():
    """kubectl delete: Killing, the container's end, the sandbox's, the API object's."""
    story = Story(pod(), held=(Kill,)).begin().tell(PodChanged(pod(deleted=12)))
    assert ("ENDING", "STOPPING") == (story.phase, story.stage())
    kill = next(each for each in story.asked if isinstance(each, Kill))
    assert 12.0 == kill.grace_s

    story.exits(code=0)
    assert "GONE" == story.phase
    assert [StopSandbox, Remove] == [type(each) for each in story.asked if isinstance(each, StopSandbox | Remove)]


def test_forced_deletion_overtakes_a_graceful_one():
    """The API forgets the pod while its container takes its time: it is killed now, and the API is not asked again."""
    story = Story(pod(), held=(Kill,)).begin().tell(PodChanged(pod(deleted=30))).tell(PodGone())
    graces = [each.grace_s for each in story.asked if isinstance(each, Kill)]
    assert [30.0, 1.0] == graces

    story.exits(code=137)
    assert [Remove(from_api=False)] == [each for each in story.asked if isinstance(each, Remove)]


@pytest.mark.parametrize("held", [Mount, RunSandbox, Start], ids=["mounting", "sandboxing", "starting"])
def test_deletion_while_something_is_in_flight(held):
    """Nothing is left behind: what is under way ends first, then all is removed."""
    story = Story(pod(), held=(held,)).begin().tell(PodChanged(pod(deleted=5)))
    assert story.phase not in ("ENDED", "GONE")
    story.held = ()
    waiting = next(each for each in story.asked if isinstance(each, held))
    for answer in story.answer(waiting):
        story.tell(answer)

    assert "GONE" == story.phase


def test_a_pull_that_is_no_longer_wanted_is_abandoned():
    """The image takes long, the pod is deleted: the launch is told to give up, and answers."""
    story = Story(pod(), held=(Start,)).begin().tell(PodChanged(pod(deleted=5)))
    assert 1 == story.count(Abandon)

    story.tell(PullFailed("c", "ErrImagePull", "pull canceled"))
    assert "GONE" == story.phase


def test_a_failed_pull_backs_off_and_says_why():
    """ErrImagePull with the runtime's words, a second later ImagePullBackOff, at ten seconds another try."""
    story = Story(pod(), held=(Start,)).begin().tell(PullFailed("c", "ErrImagePull", "no such host"))
    assert ("ErrImagePull", "no such host") == (story.waiting().reason, story.waiting().message)

    story.wait(1)
    assert "ImagePullBackOff" == story.waiting().reason
    assert 'Back-off pulling image "app:1": ErrImagePull: no such host' == story.waiting().message

    story.wait(9)
    assert ("PREPARING", 2) == (story.stage(), story.count(Start))


def test_a_container_that_cannot_be_configured_is_looked_at_again():
    """Its config map may come: the next look is ten seconds away."""
    story = Story(pod(), held=(Start,)).begin().tell(Held("c", "CreateContainerConfigError", 'configmap "x" not found'))
    assert "CreateContainerConfigError" == story.waiting().reason

    story.wait(10)
    assert "PREPARING" == story.stage()


def test_failed_mounts_and_sandboxes_are_tried_again():
    """The config map of a volume comes late, then the runtime stumbles: the pod comes up all the same."""
    story = Story(pod(), held=(Mount, RunSandbox)).begin().tell(MountFailed("no config map"))
    story.held = (RunSandbox,)
    story.wait(1).tell(SandboxFailed("no address left"))
    story.held = ()
    story.wait(2)

    assert ("UP", ["FailedMount", "FailedCreatePodSandBox"]) == (story.phase, story.told())


def test_a_lost_sandbox_takes_its_containers_with_it():
    """Somebody killed the pause process: all is stopped, a second sandbox is made, everything runs again."""
    story = Story(pod(containers=THREE)).begin().tell(SandboxLost("sandbox-0"))

    assert ("UP", "sandbox-1") == (story.phase, story.machine.sandbox_id)
    assert [1, 1] == [box.run.attempt for box in story.machine.boxes]


def test_liveness_failure_restarts_without_back_off_the_first_time():
    """The probe condemns the run: it is stopped and another begins at once."""
    story = Story(pod()).begin().tell(Probed("c", "c-0", "liveness", False))

    assert ("RUNNING", 1) == (story.stage(), story.machine.box("c").run.attempt)
    assert "Container c failed liveness probe, will be restarted" in [
        each.message for each in story.asked if hasattr(each, "message")]


@pytest.mark.parametrize(("containers", "said"), [
    pytest.param(THREE[:1], "Stopping container a", id="the pod ends with it"),
    pytest.param(THREE, "Container a failed liveness probe", id="another container goes on"),
])
def test_a_condemned_container_that_is_not_restarted(containers, said):
    """restartPolicy Never: the event names the probe only where the pod goes on without the container."""
    story = Story(pod(containers=containers, restartPolicy="Never")).begin().tell(Probed("a", "a-0", "liveness", False))

    assert said in [each.message for each in story.asked if hasattr(each, "message")]


def test_a_verdict_on_an_older_run_is_late():
    """The probe of a run that is over must not condemn the next one."""
    story = Story(pod()).begin().exits().tell(Probed("c", "c-0", "liveness", False))

    assert ("RUNNING", "c-1") == (story.stage(), story.machine.box("c").run.id)


def test_an_end_told_once_more_does_not_end_the_next_run():
    """Event and relist both tell of the first run's end; by the second time the next run is being started."""
    story = Story(pod()).begin()
    first = story.exit_of("c", 1)
    story.held = (Start,)
    story.tell(first)
    before = story.machine
    story.tell(first)

    assert ("PREPARING", before) == (story.stage(), story.machine)


def test_the_deadline_ends_the_pod():
    """activeDeadlineSeconds: 3."""
    story = Story(pod(activeDeadlineSeconds=3)).begin().wait(2)
    assert "UP" == story.phase

    story.wait(2)
    assert ("ENDED", "deadline") == (story.phase, story.machine.ending.why)


@pytest.mark.parametrize(("at_first", "ends_after_s"), [(None, 5), (100, 5), (3, 3)])
def test_a_deadline_that_is_set_later_ends_the_pod(at_first, ends_after_s):
    """Somebody sets activeDeadlineSeconds: 5 on a pod that runs without one, or with a longer one."""
    story = Story(pod(activeDeadlineSeconds=at_first)).begin().wait(1)
    story.tell(PodChanged(pod(activeDeadlineSeconds=min(at_first or 5, 5)))).wait(ends_after_s - 2)
    assert "UP" == story.phase

    story.wait(2)
    assert ("ENDED", "deadline") == (story.phase, story.machine.ending.why)


def test_only_the_last_two_runs_are_kept():
    """For --previous one dead run is enough; older ones are removed from the runtime."""
    story = Story(pod()).begin().exits().exits().wait(10).exits().wait(30)

    assert {"c-0", "c-1"} == {each.container_id for each in story.asked if isinstance(each, Discard)}


def test_a_new_image_replaces_the_run():
    """kubectl set image on the pod itself: the container is stopped and started with the new one."""
    story = Story(pod()).begin().tell(PodChanged(pod(containers=[{"name": "c", "image": "app:2"}])))

    assert 2 == story.count(Start)


DEBUGGER = [{"name": "debug", "image": "tools:1", "targetContainerName": "c"}]


def debugged(**spec):
    """Return the pod with a debugger added, as the API shows it a little later."""
    return pod(ephemeralContainers=DEBUGGER, **spec)


def test_an_ephemeral_container_runs_once():
    """It is added to a running pod, starts beside the container, ends, and is never started again."""
    story = Story(pod()).begin().tell(PodChanged(debugged()))
    assert "RUNNING" == story.stage("debug")

    story.exits("debug", 1).wait(700)
    assert ("DONE", "RUNNING", 2) == (story.stage("debug"), story.stage(), story.runs)


def test_an_ephemeral_container_does_not_wait_for_init_containers():
    """The init container hangs: the debugger is there to see why."""
    init = {"initContainers": [{"name": "i", "image": "x"}]}
    story = Story(pod(**init)).begin().tell(PodChanged(debugged(**init)))

    assert ("RUNNING", "RUNNING", "WAITING") == (story.stage("i"), story.stage("debug"), story.stage())


def test_a_pod_ends_with_its_containers_whatever_the_debugger_does():
    """The last container is done: the debugger is stopped with the pod."""
    story = Story(pod(restartPolicy="Never")).begin().tell(PodChanged(debugged(restartPolicy="Never"))).exits(code=0)

    assert ("ENDED", "DONE") == (story.phase, story.stage("debug"))


def test_a_dead_debugger_stays_dead_in_a_new_sandbox():
    """The sandbox is lost: the container starts again, the debugger that has ended does not."""
    story = Story(pod()).begin().tell(PodChanged(debugged())).exits("debug", 0).tell(SandboxLost("sandbox-0"))

    assert ("RUNNING", "DONE") == (story.stage(), story.stage("debug"))


def test_a_run_that_outlived_its_sandbox_ends_late():
    """The pause process died while no agent looked; the old container ends when its sandbox is cleared away.

    By then the next run is on its way already: it is started once, and the old one's end is remembered.
    """
    story = Story(pod()).begin()
    old = story.exit_of("c", 137)
    story.held = (Start,)
    story.machine = replace(story.machine, boxes=(replace(story.machine.box("c"), stage=Stage.WAITING),))
    story.tell(PodChanged(pod())).tell(old).tell(old)

    assert (2, "PREPARING", 137) == (story.count(Start), story.stage(), story.machine.box("c").run.exit_code)
