"""The whole agent on a runtime in memory and a real API server in process, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from knarr.api.http import Answer, Call, User
from knarr.api.types.core_v1 import Container, Pod
from knarr.base import virtual
from knarr.base.rng import Rng
from knarr.client.client import Client
from knarr.client.transport import InProcess
from knarr.node.agent import Agent, Parts
from knarr.node.cri.face import RuntimeFault
from knarr.node.eviction.thresholds import Level
from knarr.node.faces import DnsConfig, Layers, Mount, MountError, References
from knarr.node.registries.providers import Providers
from knarr.node.rules import Rules
from knarr.node.settings import Settings
from tests.unit.apiserver.asking import Asker
from tests.unit.node.fake_cri import FakeRuntime

PODS = "/api/v1/namespaces/web/pods"
PLENTY = {"imagefs.available": Level(90, 100), "nodefs.available": Level(90, 100),
          "memory.available": Level(8 << 30, 16 << 30)}


class NoVolumes:
    """Volumes of pods that have none. stuck: how often a tear-down still fails."""

    stuck = 0

    def __init__(self) -> None:
        self.shown: list[tuple[str, Layers]] = []

    async def run(self) -> None:
        await asyncio.Event().wait()

    def known(self) -> tuple[str, ...]:
        return ()

    async def references(self, pod: Pod) -> References:
        return References()

    async def set_up(self, pod: Pod) -> None: ...

    async def show(self, pod: Pod, volume: str, layers: Layers) -> None:
        self.shown.append((volume, layers))

    def see(self, pod: Pod) -> None: ...

    async def mounts(self, pod: Pod, container: Container, *, env: Mapping[str, str]) -> tuple[Mount, ...]:
        return ()

    async def tear_down(self, pod_uid: str) -> None:
        if self.stuck:
            self.stuck -= 1
            raise MountError("driver name x not found in the list of registered CSI drivers")


@dataclass
class World:
    """A server, a runtime, and agents that come and go. away: no agent reaches the server."""

    folder: Path
    api: Asker = field(default_factory=Asker)
    agent: Agent | None = None
    task: asyncio.Task[None] | None = None
    levels: dict[str, Level] = field(default_factory=lambda: dict(PLENTY))
    away: bool = False
    rules: Rules = field(default_factory=Rules)
    cluster_domain: str = "cluster.local"
    power: asyncio.Queue[bool] = field(default_factory=asyncio.Queue)

    async def start(self) -> World:
        """Start the server, the runtime with one image, and an agent."""
        await self.api.start("web")
        self.runtime = FakeRuntime(self.api.clock)
        self.runtime.add_image("docker.io/library/app:1")
        self.start_agent()
        return self

    def start_agent(self) -> None:
        """Start an agent that knows nothing."""
        settings = Settings(self.folder, "n1", "192.0.2.1", runtime_endpoint="unix:///fake", serving_port=0,
                            cgroup_root=self.folder / "cgroup", rules=self.rules,
                            cluster_domain=self.cluster_domain)
        client = Client(InProcess(self._reached, User("node", groups=("system:masters",))))

        async def serve(runtime: Any, lookup: Any) -> None:
            await asyncio.Event().wait()

        self.volumes = NoVolumes()
        parts = Parts(self.volumes, lambda pod, ip: "", lambda pod: DnsConfig(), serve, Providers(self.api.clock),
                      lambda settings: self.levels, power=self._powers)
        self.agent = agent = Agent(settings, client, clock=self.api.clock, rng=Rng(3), parts=parts)
        settings.pods_dir.mkdir(parents=True, exist_ok=True)

        async def run() -> None:
            async with asyncio.TaskGroup() as group:
                await agent.serve(group, self.runtime)

        self.task = asyncio.get_running_loop().create_task(run())

    async def _powers(self) -> AsyncIterator[bool]:
        while True:
            yield await self.power.get()

    async def _reached(self, call: Call) -> Answer:
        if self.away:
            raise OSError("connection refused")
        return await self.api.server.handle(call)

    async def kill_agent(self) -> None:
        """The agent dies where it stands."""
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait([self.task])

    async def make(self, name: str = "a", **spec: Any) -> dict[str, Any]:
        """Create a pod bound to this node."""
        return await self.api.make(PODS, {"metadata": {"name": name}, "spec": {
            "nodeName": "n1", "automountServiceAccountToken": False,
            "containers": [{"name": "c", "image": "app:1"}], **spec}})

    async def pod(self, name: str = "a") -> dict[str, Any] | None:
        """Read a pod."""
        code, obj = await self.api.ask("GET", f"{PODS}/{name}")
        return obj if code == 200 else None

    async def until(self, holds: Callable[[dict[str, Any] | None], bool], *, name: str = "a",
                    limit_s: float = 120) -> dict[str, Any]:
        """Let virtual time pass until the pod is as wanted."""
        for _ in range(int(limit_s * 10)):
            assert self.task is not None
            if self.task.done():
                self.task.result()
            shown = await self.pod(name)
            if holds(shown):
                return shown or {}
            await asyncio.sleep(0.1)
        raise AssertionError(f"not within {limit_s} s: {shown and shown['status']}")


def ready(shown: dict[str, Any] | None) -> bool:
    """Tell whether a pod is Ready."""
    return shown is not None and any(
        c["type"] == "Ready" and c["status"] == "True" for c in shown["status"].get("conditions", ()))


def told(shown: dict[str, Any] | None) -> bool:
    """Tell whether the node has said anything of a pod's containers."""
    return shown is not None and "containerStatuses" in shown["status"]


def state(shown: dict[str, Any]) -> dict[str, Any]:
    """Return the container's status."""
    return dict(shown["status"]["containerStatuses"][0])


def tell(folder: Path, story: Callable[[World], Awaitable[None]], **world_is: Any) -> None:
    """Run a story on virtual time."""
    async def program() -> None:
        world = await World(folder, **world_is).start()
        try:
            await story(world)
        finally:
            await world.kill_agent()
            await world.api.server.stop()

    virtual.run(program())


def test_a_pod_comes_up_and_goes(tmp_path):
    """Created, it runs and is Ready with the sandbox's address; deleted, nothing of it is left anywhere."""
    async def story(world):
        await world.make()
        shown = await world.until(ready)
        assert ("Running", "10.0.0.1") == (shown["status"]["phase"], shown["status"]["podIP"])
        await world.api.ask("DELETE", f"{PODS}/a")
        await world.until(lambda shown: shown is None)
        await asyncio.sleep(1)
        assert ({}, {}, []) == (world.runtime.sandboxes, world.runtime.containers, list((tmp_path / "pods").iterdir()))

    tell(tmp_path, story)


def test_an_image_is_shown_as_a_volume_before_the_container_starts(tmp_path):
    """Once it is there; one that is not there holds the container back, as its own image would."""
    def seeing(image: str) -> dict[str, Any]:
        return {"containers": [{"name": "c", "image": "app:1", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
                "volumes": [{"name": "v", "image": {"reference": image, "pullPolicy": "Never"}},
                            {"name": "unused", "image": {"reference": "absent:1"}}]}

    async def story(world: World) -> None:
        await world.make(**seeing("app:1"))
        await world.until(ready)
        (image,) = world.runtime.images.values()
        assert [("v", Layers("bind", f"/layers/{image.id}", ("ro",)))] == world.volumes.shown
        await world.make("b", **seeing("absent:1"))
        shown = await world.until(told, name="b")
        assert "ErrImageNeverPull" == state(shown)["state"]["waiting"]["reason"]

    tell(tmp_path, story)


@pytest.mark.parametrize(("creation_s", "first", "within_s"), [
    pytest.param(0.0, "running", 0.2, id="at once: one write, of the running container"),
    pytest.param(0.3, "running", 0.5, id="soon: likewise"),
    pytest.param(3.0, "waiting", 0.7, id="slow: people see that it is being created"),
])
def test_the_steps_before_a_start_are_told_together(tmp_path, monkeypatch, creation_s, first, within_s):
    """What only prepares a pod waits a moment for the start itself, so that a quick pod costs one write and not three."""
    async def story(world):
        create = type(world.runtime).create_container

        async def slow(*args, **more):
            await asyncio.sleep(creation_s)
            return await create(*args, **more)

        monkeypatch.setattr(type(world.runtime), "create_container", slow)
        await asyncio.sleep(1)
        began_s = world.api.clock.monotonic_s()
        await world.make()
        shown = await world.until(told)
        assert [first] == list(state(shown)["state"])
        assert world.api.clock.monotonic_s() - began_s <= within_s
        await world.until(ready)

    tell(tmp_path, story)


def test_the_steps_of_a_removal_are_told_together(tmp_path):
    """A pod is deleted: its containers' end and its own are one write, after which it is gone."""
    async def story(world: World) -> None:
        made = await world.make()
        await world.until(ready)
        watching = world.api.server.core.store.watch("/core/pods/", since=world.api.server.core.store.revision)
        await world.api.ask("DELETE", f"{PODS}/a", {"preconditions": {"uid": made["metadata"]["uid"]}})
        await world.until(lambda shown: shown is None)
        watching.finish()
        changes = [change async for batch in watching for change in batch]

        assert ["MODIFIED", "MODIFIED", "DELETED"] == [change.kind for change in changes]   # marked, ended, removed
        status = changes[-1].entry.obj["status"]
        assert "Succeeded" == status["phase"]
        assert "terminated" in status["containerStatuses"][0]["state"]

    tell(tmp_path, story)


def test_a_killed_agent_is_not_noticed(tmp_path):
    """kill -9 and a new agent: the same container, not one call that changes anything, not one write."""
    async def story(world):
        await world.make()
        before = await world.until(ready)
        await asyncio.sleep(1)
        before = await world.pod()
        await world.kill_agent()
        world.runtime.calls.clear()
        world.start_agent()
        await asyncio.sleep(60)

        assert before == await world.pod()
        assert set() == {"run_sandbox", "create_container", "stop_container", "stop_sandbox"} & set(world.runtime.calls)

    tell(tmp_path, story)


def test_what_happened_while_the_agent_was_dead(tmp_path):
    """One container crashed, one pod was force-deleted, one was created: all three are dealt with."""
    async def story(world):
        for name in ("a", "b"):
            await world.make(name)
            await world.until(ready, name=name)
        await world.kill_agent()
        first = state(await world.pod("a"))["containerID"].removeprefix("containerd://")
        world.runtime.exit(first, 1)
        await world.api.ask("DELETE", f"{PODS}/b?gracePeriodSeconds=0")
        await world.make("d")
        world.start_agent()

        shown = await world.until(lambda s: ready(s) and state(s)["restartCount"] == 1)
        assert 1 == state(shown)["lastState"]["terminated"]["exitCode"]
        await world.until(ready, name="d")
        await asyncio.sleep(1)
        assert {"a", "d"} == {sandbox.name for sandbox in world.runtime.sandboxes.values()}

    tell(tmp_path, story)


def test_a_pod_that_goes_while_an_agent_takes_over(tmp_path):
    """It was there when the agent began to look at what runs, and gone before it had seen all."""
    async def story(world):
        await world.make()
        await world.until(ready)
        await world.kill_agent()
        busy = world.runtime.held["container_report"] = asyncio.Event()
        world.start_agent()
        await asyncio.sleep(5)
        await world.api.ask("DELETE", f"{PODS}/a?gracePeriodSeconds=0")
        await asyncio.sleep(5)
        busy.set()
        for _ in range(100):
            if not world.runtime.sandboxes:
                return
            await asyncio.sleep(1)
        raise AssertionError("it runs for ever")

    tell(tmp_path, story)


def test_an_agent_killed_between_create_and_start(tmp_path):
    """The container stands created and was never started: the next agent makes it anew under the same number."""
    async def story(world):
        world.runtime.faults["start_container"] = [asyncio.CancelledError()]
        await world.make()
        await world.until(lambda shown: bool(world.runtime.containers))
        await world.kill_agent()
        assert ["created"] == [held.report.state for held in world.runtime.containers.values()]
        world.start_agent()
        shown = await world.until(ready)
        assert (0, 1) == (state(shown)["restartCount"], len(world.runtime.containers))

    tell(tmp_path, story)


@pytest.mark.parametrize(("message", "policy", "code"), [
    pytest.param("failed to create containerd task: context canceled", "Never", 0, id="before its process was made"),
    pytest.param("failed to create containerd task: failed to start shim: start failed: : signal: killed", "Never", 0,
                 id="with the shim"),
    pytest.param("failed to start containerd task: context canceled", "Never", 128, id="its process may have begun"),
    pytest.param("failed to start containerd task: context canceled", "OnFailure", 0, id="it would run again anyway"),
])
def test_an_agent_killed_while_it_starts_a_container(tmp_path, message, policy, code):
    """The runtime gave the start up with its caller and calls it failed: it is no end of the container's own.

    Only where its process may have begun, and must not begin twice, is it told as one.
    """
    async def story(world):
        world.runtime.faults["start_container"] = [asyncio.CancelledError()]
        await world.make(restartPolicy=policy)
        await world.until(lambda shown: bool(world.runtime.containers))
        await world.kill_agent()
        held, = world.runtime.containers.values()
        held.report = replace(held.report, state="exited", exit_code=128, reason="StartError", finished_s=1.0,
                              message=message)
        world.start_agent()
        shown = await world.until(lambda s: ready(s) or (told(s) and "terminated" in state(s)["state"]))
        assert (code, 0) == (state(shown)["state"].get("terminated", {}).get("exitCode", 0), state(shown)["restartCount"])
        assert 1 == len(world.runtime.containers)

    tell(tmp_path, story)


def test_a_start_that_failed_and_was_told_stays_told(tmp_path):
    """The command does not exist, as everybody has read: the next agent does not try the same run again."""
    async def story(world):
        world.runtime.faults["start_container"] = [RuntimeFault("UNKNOWN", "no such file")]
        await world.make(restartPolicy="Never")
        shown = await world.until(lambda s: told(s) and "terminated" in state(s)["state"])
        held, = world.runtime.containers.values()
        held.report = replace(held.report, state="exited", exit_code=128, reason="StartError", finished_s=1.0)
        await world.kill_agent()
        world.start_agent()
        await asyncio.sleep(60)
        assert shown["status"]["containerStatuses"] == (await world.pod())["status"]["containerStatuses"]

    tell(tmp_path, story)


@pytest.mark.parametrize(("call", "asked"), [("start_container", 2), ("container_report", 1)],
                         ids=["before it started it", "after it started it"])
def test_a_runtime_that_goes_away_during_a_start(tmp_path, call, asked):
    """Nobody answers whether the container was started: it is looked at before it is started again."""
    async def story(world):
        world.runtime.faults[call] = [RuntimeFault("UNAVAILABLE", "error reading from server: EOF")]
        await world.make(restartPolicy="Never")
        shown = await world.until(ready)
        assert (0, asked) == (state(shown)["restartCount"], world.runtime.calls.count("start_container"))

    tell(tmp_path, story)


def test_a_crash_loop_is_kept_across_agents(tmp_path):
    """The back-off stands on the container: a new agent waits as long as the old one would have."""
    async def story(world):
        await world.make()
        for count in (0, 1, 2):
            shown = await world.until(lambda s, n=count: ready(s) and state(s)["restartCount"] == n)
            world.runtime.exit(state(shown)["containerID"].removeprefix("containerd://"), 7)
        await world.until(lambda s: state(s)["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff")
        await world.kill_agent()
        world.start_agent()
        shown = await world.until(lambda s: "back-off 20s" in state(s)["state"].get("waiting", {}).get("message", ""))
        assert 2 == state(shown)["restartCount"]
        await world.until(lambda s: ready(s) and state(s)["restartCount"] == 3)

    tell(tmp_path, story)


def test_a_missed_end_is_found_by_the_relist(tmp_path):
    """The runtime's event got lost; within the relist's time the container runs again."""
    async def story(world):
        await world.make()
        shown = await world.until(ready)
        world.runtime._listeners.clear()
        world.runtime.exit(state(shown)["containerID"].removeprefix("containerd://"), 1)
        await world.until(lambda s: ready(s) and state(s)["restartCount"] == 1, limit_s=30)

    tell(tmp_path, story)


def test_a_lost_sandbox_is_replaced(tmp_path):
    """The pause process is killed: a new sandbox, a new address, the container counts one restart."""
    async def story(world):
        await world.make()
        shown = await world.until(ready)
        world.runtime.lose(next(iter(world.runtime.sandboxes)))
        again = await world.until(lambda s: ready(s) and state(s)["restartCount"] == 1)
        assert shown["status"]["podIP"] != again["status"]["podIP"]
        assert [{"ip": again["status"]["podIP"]}] == again["status"]["podIPs"]

    tell(tmp_path, story)


@pytest.mark.parametrize("step", ["run_sandbox", "create_container", "image"])
def test_faults_of_the_runtime_pass(tmp_path, step):
    """The runtime stumbles once at each step: the pod comes up all the same."""
    async def story(world):
        world.runtime.faults[step] = [RuntimeFault("UNAVAILABLE", "later")]
        await world.make()
        await world.until(ready)

    tell(tmp_path, story)


def test_a_finished_pod_is_left_finished(tmp_path):
    """restartPolicy Never: it succeeds once, also under the next agent; its container stays, and is known, for its log."""
    async def story(world):
        await world.make(restartPolicy="Never")
        shown = await world.until(ready)
        run_id = state(shown)["containerID"].removeprefix("containerd://")
        world.runtime.exit(run_id, 0)
        done = await world.until(lambda s: s["status"]["phase"] == "Succeeded")
        await world.kill_agent()
        world.start_agent()
        await asyncio.sleep(5)

        assert done == await world.pod()
        assert 1 == len(world.runtime.containers)
        assert [run_id] == [box.run.id for worker in world.agent.workers.values() for box in worker.machine.boxes]

    tell(tmp_path, story)


def test_a_machine_that_slept_comes_back_at_once(tmp_path):
    """Three times everything is stopped while no agent runs, as a reboot does: no end counts as a crash.

    Each time the pod is Ready again without back-off, its init container has run again, and what was done stays done.
    """
    async def story(world):
        await world.make(initContainers=[{"name": "i", "image": "app:1"}])
        await world.make("job", restartPolicy="OnFailure")
        shown = await world.until(ready, name="job")
        world.runtime.exit(state(shown)["containerID"].removeprefix("containerd://"), 0)
        await world.until(lambda s: s["status"]["phase"] == "Succeeded", name="job")
        for count in range(4):
            await world.until(lambda s: world.runtime.running("i"), limit_s=3)
            world.runtime.exit(world.runtime.running("i")[0], 0)
            shown = await world.until(ready, limit_s=3)
            assert (count, count) == (state(shown)["restartCount"],
                                      shown["status"]["initContainerStatuses"][0]["restartCount"])
            await world.kill_agent()
            for sandbox in list(world.runtime.sandboxes):
                await world.runtime.stop_sandbox(sandbox)
            world.start_agent()
        assert "Succeeded" == (await world.pod("job"))["status"]["phase"]

    tell(tmp_path, story)


def test_what_a_dead_agents_calls_made_too_late_is_removed(tmp_path):
    """A killed agent's call for a container came through after its successor had looked: its name is taken by nobody's.

    So did a call for a sandbox: two relists later it is gone. The pod runs, and nothing is there twice.
    """
    async def story(world):
        world.runtime.faults["start_container"] = [asyncio.CancelledError()]
        await world.make()
        await world.until(lambda shown: bool(world.runtime.containers))
        await world.kill_agent()
        key, late = world.runtime.containers.popitem()
        taken = RuntimeFault("UNKNOWN", 'failed to reserve container name "c": name "c" is reserved for "c9"')
        world.runtime.faults["create_container"] = [taken, taken]
        world.start_agent()
        await world.until(lambda shown: told(shown) and "waiting" in state(shown)["state"])
        world.runtime.containers[key] = late
        await world.until(ready)
        sandbox = next(iter(world.runtime.sandboxes.values()))
        world.runtime.sandboxes["s9999"] = replace(sandbox, id="s9999", attempt=7)
        await asyncio.sleep(60)

        assert [sandbox.id] == list(world.runtime.sandboxes)
        assert ["running"] == [held.report.state for held in world.runtime.containers.values()]

    tell(tmp_path, story)


def test_a_volume_that_will_not_come_off(tmp_path):
    """The driver of a pod's volume is not there when the pod ends, nor when an agent finds what an API-less end has left.

    Each waits for it, and takes nobody else down.
    """
    async def story(world):
        await world.make()
        await world.until(ready)
        world.volumes.stuck = 3
        await world.api.ask("DELETE", f"{PODS}/a")
        await world.until(lambda shown: shown is None)
        assert 0 == world.volumes.stuck

        left = world.folder / "pods" / "orphan"
        await world.kill_agent()
        left.mkdir(parents=True)
        world.start_agent()
        world.volumes.stuck = 3
        await world.make("b")
        await world.until(ready, name="b")
        await asyncio.sleep(10)
        assert not left.exists()

    tell(tmp_path, story)
