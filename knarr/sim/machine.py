"""Be a machine that is a node: a container runtime in memory whose containers live and die, below the real node agent.

What a container does is in its image's name: `sim/app` runs on, `sim/task` ends well after a while, `sim/flaky` ends
badly one time in three, `sim/broken` ends badly at once, `sim/absent` is in no registry. The agent may die and come
back while the runtime goes on; when the machine dies, every container dies with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from knarr.api.types.core_v1 import Container, Pod
from knarr.base.clock import Clock
from knarr.base.rng import Rng
from knarr.client.client import Client
from knarr.client.transport import Transport
from knarr.node.agent import Agent, Parts
from knarr.node.cri.face import RuntimeFault, Sandbox
from knarr.node.eviction.thresholds import Level
from knarr.node.faces import Device, DnsConfig, Layers, Mount, References
from knarr.node.nodestatus import MachineFacts
from knarr.node.registries.providers import Providers
from knarr.node.settings import Settings
from knarr.node.volumes.reclaim import Reclaim
from knarr.sim.clocks import SkewedClock
from knarr.sim.runtime import MemoryRuntime

PULL_S = (0.1, 3.0)
SANDBOX_S = (0.05, 0.3)
CALL_S = (0.001, 0.02)
TASK_S = (1.0, 15.0)         # how long `sim/task` and `sim/flaky` run
FLAKY_OF = 3                 # one run in so many of `sim/flaky` fails
KILLED, CRASHED = 137, 1
GIB = 1 << 30


class SimRuntime(MemoryRuntime):
    """One machine's runtime: calls take time, images are pulled, containers do what their image says."""

    def __init__(self, clock: Clock, rng: Rng, subnet: str) -> None:
        super().__init__(clock)
        self.told: Callable[[Sandbox], None] = lambda _sandbox: None      # of the pod whose container begins to run
        self._rng = rng
        self._subnet = subnet

    async def reach(self, call: str) -> None:
        """Take as long as such a call takes."""
        await self.clock.sleep(self._rng.uniform(*(SANDBOX_S if call == "run_sandbox" else CALL_S)))

    def started(self, container_id: str) -> None:
        """Arrange the end that the image asks for."""
        held = self.containers[container_id]
        self.told(self.sandboxes[held.sandbox_id])
        image = held.spec.image
        ends_s = {"task": TASK_S, "flaky": TASK_S, "broken": CALL_S}
        for word, (least_s, most_s) in ends_s.items():
            if f"sim/{word}" in image:
                fails = word == "broken" or (word == "flaky" and self._rng.below(FLAKY_OF) == 0)
                delay_s = self._rng.uniform(least_s, most_s)
                asyncio.get_running_loop().call_later(delay_s, self._end, container_id, CRASHED if fails else 0)

    def address(self, sandbox_id: str) -> str:
        """Return an address of this node's share of the pod network."""
        return f"{self._subnet}.{int(sandbox_id[1:]) % 250 + 2}"

    async def pull_image(self, reference: str, *, username: str = "", password: str = "") -> str:
        """Fetch an image, unless no registry has it."""
        await self.clock.sleep(self._rng.uniform(*PULL_S))
        if "sim/absent" in reference:
            raise RuntimeFault("NOT_FOUND", f"{reference}: not found")
        return await super().pull_image(reference)

    def die(self) -> None:
        """The machine loses power: every process is gone, and the runtime will find out."""
        for key in self.running():
            self.exit(key, KILLED)
        self.sandboxes = {key: replace(each, ready=False) for key, each in self.sandboxes.items()}

    def _end(self, container_id: str, code: int) -> None:
        if container_id in self.containers:
            self.exit(container_id, code)


@dataclass(frozen=True, slots=True)
class Plot:
    """Where a machine stands. number: from 1; its addresses follow from it. folder: its data directory."""

    name: str
    number: int
    folder: Path
    cpus: int = 8
    pods_max: int = 110


class Machine:
    """One node. `live` is one life of its agent."""

    def __init__(self, plot: Plot, transport: Transport, *, clock: SkewedClock, rng: Rng) -> None:
        self.name = plot.name
        self.clock = clock
        self._plot = plot
        self._transport = transport
        self._rng = rng
        network = f"10.{128 + plot.number // 256}.{plot.number % 256}"
        self.runtime = SimRuntime(clock, rng.child("runtime"), network)
        self._settings = Settings(
            plot.folder, plot.name, f"192.0.{plot.number // 256}.{plot.number % 256}", pod_cidr=f"{network}.0/24",
            runtime_endpoint="unix:///simulated", serving_port=0, cgroup_root=plot.folder / "cgroup",
            max_pods=plot.pods_max)
        self._lives = 0

    async def live(self) -> None:
        """Run a fresh agent until cancelled."""
        self._lives += 1
        settings, rng = self._settings, self._rng.child(f"life/{self._lives}")
        client = Client(self._transport)
        volumes = SimVolumes(Reclaim(settings, client, clock=self.clock, rng=rng.child("reclaim")))
        parts = Parts(volumes, _no_hosts, _no_dns, _serve_nobody, Providers(self.clock), _plenty, self._facts)
        agent = Agent(settings, client, clock=self.clock, rng=rng, parts=parts)
        settings.pods_dir.mkdir(parents=True, exist_ok=True)
        async with asyncio.TaskGroup() as group:
            await agent.serve(group, self.runtime)

    def runs(self, pod: Sandbox) -> bool:
        """Tell whether a container runs here of a pod of this namespace and name."""
        runtime = self.runtime
        own = (runtime.sandboxes[runtime.containers[key].sandbox_id] for key in runtime.running())
        return any((each.namespace, each.name) == (pod.namespace, pod.name) for each in own)

    def _facts(self, _folder: Path) -> MachineFacts:
        name = self._plot.name
        return MachineFacts(self._plot.cpus, 32 * GIB, 100 * GIB, name, name, name, "6.1", "simulated", "amd64", name)


class SimVolumes:
    """Volumes that always stand at once; only giving back local ones is real."""

    def __init__(self, reclaim: Reclaim) -> None:
        self._reclaim = reclaim

    async def run(self) -> None:
        """Give back local volumes until cancelled."""
        await self._reclaim.run()

    def known(self) -> tuple[str, ...]:
        """None is kept."""
        return ()

    async def references(self, pod: Pod) -> References:
        """Programs that are not there read no environment."""
        return References()

    async def set_up(self, pod: Pod) -> None:
        """They stand."""

    async def show(self, pod: Pod, volume: str, layers: Layers) -> None:
        """Nobody looks at it."""

    def see(self, pod: Pod) -> None:
        """They hold no files."""

    async def mounts(self, pod: Pod, container: Container, *, env: Mapping[str, str]) -> tuple[Mount, ...]:
        """Nothing is mounted."""
        return ()

    async def devices(self, pod: Pod, container: Container) -> tuple[Device, ...]:
        """There are none."""
        return ()

    async def tear_down(self, pod_uid: str) -> None:
        """They are gone."""


async def _serve_nobody(_runtime: Any, _lookup: Any) -> None:
    await asyncio.Event().wait()


def _no_hosts(_pod: Pod, _address: str) -> str:
    return ""


def _no_dns(_pod: Pod) -> DnsConfig:
    return DnsConfig()


def _plenty(_settings: Settings) -> Mapping[str, Level]:
    return dict.fromkeys(("memory.available", "nodefs.available", "imagefs.available"), Level(90 * GIB, 100 * GIB))
