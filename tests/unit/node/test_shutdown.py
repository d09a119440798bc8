"""The machine goes down: pods end band by band, the node says why it takes none, and comes back when it is called off."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from knarr.node.rules import Band, Rules
from knarr.node.shutdown import banded
from tests.unit.node.test_agent import PODS, ready, state, tell

BANDS = (Band(0, 20), Band(100, 10), Band(2_000_000_000, 5))


@pytest.mark.parametrize(("priority", "band"), [
    pytest.param(None, 0, id="no priority"), pytest.param(-5, 0, id="below the lowest"), pytest.param(99, 0, id="below"),
    pytest.param(100, 100, id="just"), pytest.param(101, 100, id="above"),
    pytest.param(2_000_001_000, 2_000_000_000, id="above the highest"),
])
def test_bands(priority, band):
    """A pod belongs to the highest band that is not above it."""
    spec = SimpleNamespace(priority=priority)
    worker = SimpleNamespace(machine=SimpleNamespace(pod=SimpleNamespace(spec=spec)))

    assert [band] == [each.priority for each, _ in banded(BANDS, [worker])]


def node_ready(node):
    """Return the node's condition Ready."""
    found = next(each for each in node["status"]["conditions"] if each["type"] == "Ready")
    return found["status"], found["reason"], found["message"]


def test_the_machine_goes_down_and_stays_up_after_all(tmp_path):
    """The plain pod ends before the critical one; both have failed; a pod that comes now is refused; then all is well."""
    async def story(world):
        world.rules = Rules(shutdown=BANDS)
        world.power = asyncio.Queue()
        await world.kill_agent()
        world.start_agent()
        await world.make("plain", terminationGracePeriodSeconds=60)
        await world.make("critical", priorityClassName="system-node-critical")
        shown = {name: await world.until(ready, name=name) for name in ("plain", "critical")}

        world.power.put_nowait(True)
        for name in ("plain", "critical"):
            shown[name] = await world.until(lambda s: s["status"]["phase"] == "Failed", name=name)
            status = shown[name]["status"]
            assert ("Terminated", "Pod was terminated in response to imminent node shutdown.") == (
                status["reason"], status["message"])
            held = next(each for each in status["conditions"] if each["type"] == "DisruptionTarget")
            assert ("True", "TerminationByKubelet") == (held["status"], held["reason"])
        ends = [state(shown[name])["state"]["terminated"]["finishedAt"] for name in ("plain", "critical")]
        assert ends == sorted(ends)
        _, node = await world.api.ask("GET", "/api/v1/nodes/n1")
        assert ("False", "KubeletNotReady", "node is shutting down") == node_ready(node)
        await world.make("late")
        late = await world.until(lambda s: s["status"]["phase"] == "Failed", name="late")
        assert ("NodeShutdown", "Pod was rejected: Pod was rejected as the node is shutting down.") == (
            late["status"]["reason"], late["status"]["message"])

        world.power.put_nowait(False)
        for _ in range(100):
            await asyncio.sleep(0.2)
            _, node = await world.api.ask("GET", "/api/v1/nodes/n1")
            if node_ready(node)[0] == "True":
                break
        assert "True" == node_ready(node)[0]
        await world.make("later")
        await world.until(ready, name="later")
        events = (await world.api.ask("GET", "/api/v1/namespaces/default/events"))[1]["items"]
        assert ["Shutdown manager detected shutdown event", "Shutdown manager detected shutdown cancellation"] == [
            each["message"] for each in events if each["reason"] == "NodeShutdown"]

    tell(tmp_path, story)


def test_a_node_without_bands_ends_nothing(tmp_path):
    """Nobody asked for it: containers run until the machine takes them."""
    async def story(world):
        world.power = asyncio.Queue()
        await world.kill_agent()
        world.start_agent()
        await world.make()
        await world.until(ready)
        world.power.put_nowait(True)
        await asyncio.sleep(60)

        assert ready((await world.api.ask("GET", f"{PODS}/a"))[1])

    tell(tmp_path, story)


def test_after_a_reboot_the_important_come_first(tmp_path):
    """Everything lies still and the agent starts: sandboxes are made in the order of their pods' priorities."""
    async def story(world):
        for name, more in (("a", {}), ("b", {"priorityClassName": "system-node-critical"}), ("d", {}),
                           ("e", {"priorityClassName": "system-cluster-critical"})):
            await world.make(name, **more)
            await world.until(ready, name=name)
        await world.kill_agent()
        for sandbox in tuple(world.runtime.sandboxes):
            world.runtime.lose(sandbox)
        before = set(world.runtime.sandboxes)
        world.start_agent()
        for name in "abde":
            await world.until(lambda s: ready(s) and state(s)["restartCount"] == 1, name=name)

        made = [each.name for key, each in world.runtime.sandboxes.items() if key not in before]
        assert ["b", "e"] == made[:2]

    tell(tmp_path, story)
