"""Be a container runtime in memory. It runs nothing: whoever holds it says when its containers end.

The node's unit tests use it as it is; `sim.machine` gives it times, and containers that end by themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from knarr.base.clock import Clock
from knarr.node.cri.face import (
    ContainerLine,
    ContainerReport,
    ContainerSpec,
    Features,
    ImageLine,
    Pin,
    PullProgress,
    Resources,
    RuntimeEvent,
    RuntimeFault,
    RuntimeVersion,
    Sandbox,
    SandboxSpec,
    Usage,
)
from knarr.node.faces import ExecResult, Layers


@dataclass(slots=True)
class MemoryContainer:
    """One container. obeys: it ends at the stop signal with 0; else it waits for the KILL. signal: which it was."""

    spec: ContainerSpec
    report: ContainerReport
    sandbox_id: str
    obeys: bool = True
    signal: str = ""


@dataclass(slots=True)
class MemoryRuntime:
    """Answers as containerd does, as far as the agent looks. stubborn: its containers wait for the KILL."""

    clock: Clock
    sandboxes: dict[str, Sandbox] = field(default_factory=dict)
    containers: dict[str, MemoryContainer] = field(default_factory=dict)
    images: dict[str, ImageLine] = field(default_factory=dict)
    exec_results: dict[tuple[str, ...], ExecResult] = field(default_factory=dict)
    stubborn: bool = False
    usages: tuple[Usage, ...] = ()
    able: Features = field(default_factory=Features)
    _listeners: list[asyncio.Queue[RuntimeEvent]] = field(default_factory=list)
    _made: int = 0

    async def reach(self, call: str) -> None:
        """Every call passes here first: the place for delays and faults."""

    def started(self, container_id: str) -> None:
        """A container begins to run: the place to arrange its end."""

    def address(self, sandbox_id: str) -> str:
        """Return a sandbox's address."""
        return f"10.0.0.{int(sandbox_id[1:])}"

    def _id(self, kind: str) -> str:
        self._made += 1
        return f"{kind}{self._made:04d}"

    def add_image(self, name: str) -> None:
        """Have an image on the machine."""
        self.images[name] = ImageLine(f"sha256:{name}", (name,), (), 1000)

    def exit(self, container_id: str, code: int = 0, *, reason: str = "") -> None:
        """A container's process ends."""
        held = self.containers[container_id]
        if held.report.state != "running":
            return
        told = reason or ("Error" if code else "Completed")
        held.report = replace(held.report, state="exited", finished_s=self.clock.now_s(), exit_code=code, reason=told)
        self._tell(RuntimeEvent("exited", container_id, code, self.clock.now_s()))

    def lose(self, sandbox_id: str) -> None:
        """A sandbox's process dies."""
        self.sandboxes[sandbox_id] = replace(self.sandboxes[sandbox_id], ready=False)
        self._tell(RuntimeEvent("exited", sandbox_id, 137, self.clock.now_s()))

    def running(self, name: str = "") -> list[str]:
        """Return the ids of running containers, of one name or all."""
        return [key for key, held in self.containers.items()
                if held.report.state == "running" and name in ("", held.spec.name)]

    def _tell(self, event: RuntimeEvent) -> None:
        for listener in self._listeners:
            listener.put_nowait(event)

    async def version(self) -> RuntimeVersion:
        await self.reach("version")
        return RuntimeVersion("memory", "1")

    async def network_ready(self) -> str:
        return ""

    async def features(self) -> Features:
        return self.able

    async def run_sandbox(self, spec: SandboxSpec) -> str:
        await self.reach("run_sandbox")
        if spec.handler and spec.handler not in self.able.handlers:
            raise RuntimeFault(
                "UNKNOWN", f'failed to get sandbox runtime: no runtime for "{spec.handler}" is configured')
        await asyncio.sleep(0)
        key = self._id("s")
        self.sandboxes[key] = Sandbox(key, spec.name, spec.namespace, spec.uid, spec.attempt, True,
                                      self.clock.now_s(), spec.labels, spec.annotations)
        return key

    async def stop_sandbox(self, sandbox_id: str) -> None:
        await self.reach("stop_sandbox")
        for key, held in self.containers.items():
            if held.sandbox_id == sandbox_id:
                self.exit(key, 137)
        if sandbox_id in self.sandboxes:
            self.sandboxes[sandbox_id] = replace(self.sandboxes[sandbox_id], ready=False)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        await self.stop_sandbox(sandbox_id)
        self.sandboxes.pop(sandbox_id, None)
        for key in [key for key, held in self.containers.items() if held.sandbox_id == sandbox_id]:
            del self.containers[key]

    async def sandbox_ips(self, sandbox_id: str) -> tuple[str, ...]:
        return (self.address(sandbox_id),)

    async def list_sandboxes(self) -> tuple[Sandbox, ...]:
        await self.reach("list_sandboxes")
        return tuple(self.sandboxes.values())

    async def create_container(self, sandbox_id: str, spec: ContainerSpec, *, sandbox: SandboxSpec) -> str:
        await self.reach("create_container")
        if sandbox_id not in self.sandboxes:
            raise RuntimeFault("NOT_FOUND", f"sandbox {sandbox_id} not found")
        taken = (sandbox.uid, spec.name, spec.attempt)
        if taken in {(self.sandboxes[held.sandbox_id].uid, held.spec.name, held.spec.attempt)
                     for held in self.containers.values()}:
            raise RuntimeFault("UNKNOWN", f'failed to reserve container name "{spec.name}": name is reserved')
        key = self._id("c")
        report = ContainerReport(key, spec.name, spec.attempt, "created", spec.image, spec.image_ref, 0.0, 0.0, 0, "",
                                 "", spec.annotations)
        self.containers[key] = MemoryContainer(spec, report, sandbox_id, not self.stubborn)
        return key

    async def start_container(self, container_id: str) -> None:
        await self.reach("start_container")
        held = self._container(container_id)
        held.report = replace(held.report, state="running", started_s=self.clock.now_s())
        self.started(container_id)

    async def stop_container(self, container_id: str, *, grace_s: float, signal: str = "") -> None:
        await self.reach("stop_container")
        held = self.containers.get(container_id)
        if held is None or held.report.state != "running":
            return
        held.signal = signal
        if not held.obeys:
            await self.clock.sleep(grace_s)
        self.exit(container_id, 0 if held.obeys else 137)

    async def update_pin(self, container_id: str, pin: Pin) -> None:
        await self.reach("update_pin")
        held = self._container(container_id)
        held.spec = replace(held.spec, resources=replace(held.spec.resources, pin=pin))

    async def update_resources(self, container_id: str, resources: Resources) -> None:
        await self.reach("update_resources")
        held = self._container(container_id)
        held.spec = replace(held.spec, resources=resources)

    async def remove_container(self, container_id: str) -> None:
        await self.reach("remove_container")
        self.containers.pop(container_id, None)

    async def container_report(self, container_id: str) -> ContainerReport:
        await self.reach("container_report")
        return self._container(container_id).report

    async def list_containers(self) -> tuple[ContainerLine, ...]:
        return tuple(
            ContainerLine(key, held.sandbox_id, held.spec.name, held.spec.attempt, held.report.state,
                          held.spec.labels, held.spec.annotations)
            for key, held in self.containers.items())

    async def exec_sync(self, container_id: str, argv: tuple[str, ...], timeout_s: float) -> ExecResult:
        await self.reach("exec_sync")
        self._container(container_id)
        return self.exec_results.get(argv, ExecResult(0, b"", b""))

    async def exec_url(self, container_id: str, argv: tuple[str, ...], *, tty: bool, stdin: bool,
                       stdout: bool, stderr: bool) -> str:
        return f"http://memory/exec/{self._container(container_id).report.id}"

    async def attach_url(self, container_id: str, *, tty: bool, stdin: bool, stdout: bool, stderr: bool) -> str:
        return f"http://memory/attach/{self._container(container_id).report.id}"

    async def port_forward_url(self, sandbox_id: str, ports: tuple[int, ...]) -> str:
        return f"http://memory/portforward/{sandbox_id}"

    async def reopen_log(self, container_id: str) -> None:
        self._container(container_id)

    async def image(self, reference: str) -> ImageLine | None:
        await self.reach("image")
        return self.images.get(reference)

    async def image_layers(self, image_id: str) -> Layers:
        await self.reach("image_layers")
        return Layers("bind", f"/layers/{image_id}", ("ro",))

    async def list_images(self) -> tuple[ImageLine, ...]:
        return tuple(self.images.values())

    async def pull_image(self, reference: str, *, username: str = "", password: str = "") -> str:
        await self.reach("pull_image")
        self.add_image(reference)
        return reference

    async def pull_progress(self, reference: str) -> PullProgress | None:
        await self.reach("pull_progress")
        return None

    async def remove_image(self, reference: str) -> None:
        self.images = {name: image for name, image in self.images.items() if reference not in (name, image.id)}

    async def usage(self) -> tuple[Usage, ...]:
        return self.usages

    async def events(self) -> AsyncIterator[RuntimeEvent]:
        queue: asyncio.Queue[RuntimeEvent] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            if queue in self._listeners:
                self._listeners.remove(queue)

    def _container(self, container_id: str) -> MemoryContainer:
        if container_id not in self.containers:
            raise RuntimeFault("NOT_FOUND", f"container {container_id} not found")
        return self.containers[container_id]
