"""Put the assembly together on virtual time: a server over its disk, controllers, scheduler, nodes, and a user.

Every part can crash and start again. A bug in any part (an exception) ends the run; `Part.crash` is no bug.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from knarr.api.http import User
from knarr.assembly import components
from knarr.assembly.components import CONTROLLER_USER
from knarr.base.clock import ManualClock
from knarr.base.rng import Rng
from knarr.client.client import Client
from knarr.node.cri.face import Sandbox
from knarr.sim import server
from knarr.sim.clocks import SkewedClock
from knarr.sim.disk import Platter
from knarr.sim.laws import Laws
from knarr.sim.machine import Machine, Plot
from knarr.sim.network import Link, Network
from knarr.sim.story import Story

START_S = 1_767_225_600.0      # 2026-01-01T00:00:00Z
PERSON = User("user", groups=("system:masters", "system:authenticated"))
SKEW_S = 30.0                  # a node's wall clock goes wrong by so much, before or after
LOOK_S = 0.1                   # how often a condition that is waited for is looked at


class Part:
    """Something that runs, crashes and starts again."""

    def __init__(self, name: str, life: Callable[[], Coroutine[Any, Any, None]], group: asyncio.TaskGroup) -> None:
        self.name = name
        self._life = life
        self._group = group
        self._task: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        """Tell whether it runs."""
        return self._task is not None

    def start(self) -> None:
        """Begin a new life."""
        assert self._task is None, f"{self.name} runs already"
        self._task = self._group.create_task(self._life(), name=self.name)

    async def crash(self) -> None:
        """End this life where it stands; what it has sent goes on without it."""
        assert self._task is not None, f"{self.name} does not run"
        task, self._task = self._task, None
        task.cancel()
        await asyncio.wait([task])


class World:
    """Everything there is in one run."""

    def __init__(self, rng: Rng, clock: ManualClock, folder: Path, *, group: asyncio.TaskGroup) -> None:
        self.rng = rng
        self.dice = rng.child("faults")
        self.clock = clock
        self.story = Story(clock)
        self.laws = Laws(clock, self.story)
        self.platter = Platter(rng.child("disk"), self.laws.heard)
        self.network = Network(rng.child("network"), self.laws.doubted)
        self.user = Client(self.link("user", PERSON))
        self._folder = folder
        self._group = group
        self._lives = 0
        self.server = Part("server", self._serve, group)
        self.controllers = Part("controllers", lambda: self._run("controllers"), group)
        self.scheduler = Part("scheduler", lambda: self._run("scheduler"), group)
        self.machines: dict[str, Machine] = {}
        self.agents: dict[str, Part] = {}

    def link(self, name: str, user: User) -> Link:
        """Join a part to the network, as the user that it is in a real cluster."""
        return self.network.link(name, user)

    async def start(self, nodes: int) -> None:
        """Start everything, and wait until every node is ready for pods."""
        self.server.start()
        await self.until(lambda: self.network.server is not None)
        self.controllers.start()
        self.scheduler.start()
        for number in range(1, nodes + 1):
            self.add_machine(number)
        await self.until(lambda: self.laws.ready_nodes() == nodes)
        self.story.tell("world", f"is up with {nodes} nodes")

    def add_machine(self, number: int) -> None:
        """Build one more machine and start its agent."""
        name = f"node-{number}"
        plot = Plot(name, number, self._folder / name)
        rng = self.rng.child(name)
        clock = SkewedClock(self.clock, rng.child("clock").uniform(-SKEW_S, SKEW_S))
        link = self.link(name, User(f"system:node:{name}", groups=("system:nodes", "system:authenticated")))
        machine = Machine(plot, link, clock=clock, rng=rng)
        machine.runtime.told = lambda sandbox: self.laws.lived(sandbox, self.running(sandbox))
        self.machines[name] = machine
        self.agents[name] = Part(name, machine.live, self._group)
        self.agents[name].start()

    def running(self, sandbox: Sandbox) -> list[str]:
        """Return the machines on which containers of a pod's name run."""
        return [machine.name for machine in self.machines.values() if machine.runs(sandbox)]

    async def until(self, holds: Callable[[], bool], *, limit_s: float = 120) -> None:
        """Let time pass until something holds. AssertionError when it never does."""
        end_s = self.clock.monotonic_s() + limit_s
        while not holds():
            assert self.clock.monotonic_s() < end_s, f"not within {limit_s} s"
            await asyncio.sleep(LOOK_S)

    def parts(self) -> list[Part]:
        """Return everything that can crash."""
        return [self.server, self.controllers, self.scheduler, *self.agents.values()]

    def _dice(self, name: str) -> Rng:
        """Return dice of its own for each life of a part."""
        self._lives += 1
        return self.rng.child(f"{name}/{self._lives}")

    async def _serve(self) -> None:
        await server.live(self.platter, self.network, clock=self.clock, rng=self._dice("server"))

    async def _run(self, name: str) -> None:
        """Run the scheduler, or everything but it."""
        parts = {one: start for one, start in components.PARTS.items() if (one == "scheduler") == (name == "scheduler")}
        settings = components.ControllerSettings("", "", lambda **_: "", "https://server")
        await components.together(
            parts, Client(self.link(name, CONTROLLER_USER)), clock=self.clock, rng=self._dice(name), settings=settings)
