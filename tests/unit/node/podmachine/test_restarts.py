"""Whether a container runs again: its own policy, rules about exit codes, and ends that take the whole pod with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from knarr.node import adopt
from knarr.node.cri.face import ContainerLine, ContainerReport, Sandbox
from knarr.node.podmachine.machine import fresh
from knarr.node.podmachine.state import Kill, RunSandbox, Start
from knarr.node.status import pod_status
from tests.unit.node.making import pod
from tests.unit.node.podmachine.telling import Story


def rule(action: str, *codes: int, operator: str = "In") -> dict[str, object]:
    return {"action": action, "exitCodes": {"operator": operator, "values": list(codes)}}


def container(name: str = "c", policy: str = "Never", *rules: dict[str, object]) -> dict[str, object]:
    return {"name": name, "image": "app:1", "restartPolicy": policy, "restartPolicyRules": list(rules)}


RENEWING = container("boss", "Never", rule("RestartAllContainers", 88))


@pytest.mark.parametrize(("policy", "rules", "code", "again"), [
    pytest.param("Never", [rule("Restart", 42)], 42, True, id="a rule wins over Never"),
    pytest.param("Never", [rule("Restart", 42)], 1, False, id="no rule fits: the container's policy"),
    pytest.param("Never", [rule("Restart", 0, 3, operator="NotIn")], 7, True, id="not in: fits"),
    pytest.param("Never", [rule("Restart", 0, 3, operator="NotIn")], 3, False, id="not in: does not fit"),
    pytest.param("OnFailure", [rule("Restart", 42)], 0, False, id="success on failure"),
    pytest.param("OnFailure", [rule("Restart", 42)], 1, True, id="failure on failure"),
    pytest.param("Always", [], 0, True, id="the container's policy wins over the pod's"),
])
def test_a_containers_own_policy_and_rules(policy, rules, code, again):
    """The pod never restarts; the container says otherwise."""
    story = Story(pod(restartPolicy="Never", containers=[container("c", policy, *rules)])).begin().exits(code=code)

    assert ("RUNNING" if again else "DONE") == story.stage()


def test_an_init_container_that_succeeds_is_done_whatever_its_rule_says():
    """A rule that asks for another run at code 0 would hold the pod up for ever."""
    init = container("i", "Never", rule("Restart", 0, 9))
    story = Story(pod(initContainers=[init])).begin()

    story.exits("i", 9)
    assert "RUNNING" == story.stage("i")
    story.exits("i", 0)
    assert ("DONE", "RUNNING") == (story.stage("i"), story.stage())


def test_the_longest_wait_is_the_nodes_choice():
    """A node says 15 s: 10 s, then 15 s for ever; a node says 2 s: always 2 s."""
    for cap_s, waits in ((15.0, ["10s", "15s", "15s"]), (2.0, ["2s", "2s", "2s"])):
        story = Story(pod())
        story.machine = replace(story.machine, backoff_cap_s=cap_s)
        story.begin().exits()
        told = []
        for _ in waits:
            story.exits().wait(1)
            told.append(story.waiting().message.split()[1])
            story.wait(20)
        assert waits == told


def test_one_end_makes_all_containers_begin_again():
    """The sandbox stays; the init container runs first again; hooks are left out; every count goes up."""
    story = Story(pod(initContainers=[{"name": "i", "image": "x"}], containers=[RENEWING, {"name": "c", "image": "x"}]),
                  held=(Kill,)).begin().exits("i", 0)
    assert ("RUNNING", "RUNNING") == (story.stage("boss"), story.stage())

    story.exits("boss", 88)
    assert ("DONE", "STOPPING") == (story.stage("boss"), story.stage())
    assert [False] == [each.hook for each in story.asked if isinstance(each, Kill)]
    shown = pod_status(story.machine, host_ip="192.0.2.1", now_s=story.now_s)
    assert "Running" == shown["phase"]
    assert ("True", "RestartAllContainersStarted") == condition(shown, "AllContainersRestarting")

    story.exits("c", 137)
    assert ("RUNNING", "WAITING", "WAITING") == (story.stage("i"), story.stage("boss"), story.stage())

    story.exits("i", 0)
    assert ["i", "boss", "c"] * 2 == [each.container for each in story.asked if isinstance(each, Start)]
    assert 1 == story.count(RunSandbox)
    assert [1, 1, 1] == [box.run.attempt for box in story.machine.boxes]
    shown = pod_status(story.machine, host_ip="192.0.2.1", now_s=story.now_s)
    assert ("False", "") == condition(shown, "AllContainersRestarting")


def test_whose_end_takes_all_along_waits_longer_each_time():
    """The second time in a row all stand still for ten seconds; another container's late timer changes nothing."""
    story = Story(pod(containers=[RENEWING, {"name": "c", "image": "x"}])).begin()
    story.exits().exits()
    assert "COOLING" == story.stage()
    story.exits("boss", 88)
    assert "RUNNING" == story.stage("boss")

    story.exits("boss", 88).wait(9)
    assert ("DONE", "DONE") == (story.stage("boss"), story.stage())
    story.wait(1)
    assert ("RUNNING", "RUNNING") == (story.stage("boss"), story.stage())


def test_an_agent_that_comes_back_while_all_begin_again_goes_on():
    """The init container runs anew already: the end before it is not heeded twice."""
    spec = pod(initContainers=[{"name": "i", "image": "x"}], containers=[RENEWING])
    sandbox = Sandbox("s", "web", "shop", "uid-web", 0, True, 1.0)
    lines = (line("boss-0", "boss", 0, "exited"), line("i-1", "i", 1, "running"))
    reports = {"boss-0": report("boss-0", "exited", 100.0, 110.0, 88), "i-1": report("i-1", "running", 111.0)}

    machine = adopt.machine_of(spec, adopt.Remains((sandbox,), lines), reports=reports, ips=("10.0.0.7",), now_s=120.0)

    assert ["RUNNING", "WAITING"] == [box.stage.name for box in machine.boxes]
    assert fresh(spec, 1.0).backoff_cap_s == machine.backoff_cap_s


def line(id, name, attempt, state):
    """Return a container as the runtime lists it."""
    return ContainerLine(id, "s", name, attempt, state, {"io.kubernetes.pod.uid": "uid-web"})


def report(id, state, started_s, finished_s=0.0, exit_code=0):
    """Return a container as the runtime reports it."""
    return ContainerReport(id, id[:-2], int(id[-1]), state, "app:1", "sha256:1", started_s, finished_s, exit_code,
                           "Error" if exit_code else "", "")


def condition(shown, kind):
    """Return a condition's status and reason."""
    found = next(each for each in shown["conditions"] if each["type"] == kind)
    return found["status"], found.get("reason", "")
