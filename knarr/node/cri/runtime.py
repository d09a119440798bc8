"""Ask a CRI v1 runtime over gRPC. The only module that speaks gRPC for the node."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from cri_api.v1 import api_pb2 as pb
from cri_api.v1 import api_pb2_grpc as stubs

from knarr.api.stopsignals import LINUX
from knarr.node.cri import decode, encode, events, layers, progress, tasks
from knarr.node.cri.face import (
    AWAY,
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
from knarr.node.faces import CONTAINERD, ExecResult, ExecTimeout, Layers

SHORT_S = 30.0         # reads and small changes
LONG_S = 240.0         # sandboxes and creations under load. Source: kubelet's runtimeRequestTimeout of 2 min, doubled
PULL_S = 3600.0        # a large image over a slow line
MESSAGE_MAX = 16 * 1024 * 1024   # bytes; as kubelet's
NOT_YET, LOOK_EVERY_S = "server is not initialized yet", 0.05   # Source: containerd pkg/cri/sbserver, checkInitialized
CONNECT_MS = 2000      # for one attempt to connect, though gRPC calls it a backoff; a busy machine needs a while
TASKS_MAX = 100        # that one sandbox may hold without CRI's knowledge
SLACK_S = 5.0          # what the runtime may need beyond a timeout it was given itself


class CriRuntime:
    """One connection to a runtime. Build it inside a running loop; close it at the end."""

    def __init__(self, endpoint: str) -> None:
        self._channel = grpc.aio.insecure_channel(endpoint, options=[
            ("grpc.max_receive_message_length", MESSAGE_MAX),
            ("grpc.enable_http_proxy", 0),
            ("grpc.max_reconnect_backoff_ms", 1000),
            ("grpc.initial_reconnect_backoff_ms", 50),
            ("grpc.min_reconnect_backoff_ms", CONNECT_MS),
            ("grpc.default_authority", "localhost"),
        ])
        self._runtime: Any = stubs.RuntimeServiceStub(self._channel)
        self._images: Any = stubs.ImageServiceStub(self._channel)
        self._name = CONTAINERD

    async def close(self) -> None:
        """Hang up."""
        await self._channel.close()

    async def ready(self, timeout_s: float) -> RuntimeVersion:
        """Wait until the runtime answers and knows its pods; RuntimeFault when it does not in time."""
        for _ in range(int(timeout_s / LOOK_EVERY_S)):
            try:
                request = self._runtime.Version(pb.VersionRequest(), timeout=timeout_s, wait_for_ready=True)
                answer = await asked(request)
                await self.network_ready()
                self._name = answer.runtime_name
                return RuntimeVersion(answer.runtime_name, answer.runtime_version)
            except RuntimeFault as fault:
                if fault.code != AWAY:
                    raise
            await asyncio.sleep(LOOK_EVERY_S)  # containerd listens before it has read what it runs
        raise RuntimeFault(AWAY, NOT_YET)

    async def version(self) -> RuntimeVersion:
        """Return who answers."""
        answer = await asked(self._runtime.Version(pb.VersionRequest(), timeout=SHORT_S))
        return RuntimeVersion(answer.runtime_name, answer.runtime_version)

    async def network_ready(self) -> str:
        """Return "" when pods can be networked, else why not."""
        answer = await asked(self._runtime.Status(pb.StatusRequest(), timeout=SHORT_S))
        bad = [c for c in answer.status.conditions if not c.status]
        return "; ".join(f"{c.type}: {c.reason}: {c.message}" for c in bad)

    async def features(self) -> Features:
        """Return what the runtime can do that not all can."""
        return decode.features(await asked(self._runtime.Status(pb.StatusRequest(), timeout=SHORT_S)))

    async def run_sandbox(self, spec: SandboxSpec) -> str:
        """Make a sandbox and its network; return its id."""
        request = pb.RunPodSandboxRequest(config=encode.sandbox_config(spec), runtime_handler=spec.handler)
        answer = await asked(self._runtime.RunPodSandbox(request, timeout=LONG_S))
        return str(answer.pod_sandbox_id)

    async def stop_sandbox(self, sandbox_id: str) -> None:
        """Kill everything in a sandbox and give its network back."""
        request = pb.StopPodSandboxRequest(pod_sandbox_id=sandbox_id)
        await unless_gone(self._runtime.StopPodSandbox(request, timeout=LONG_S))

    async def remove_sandbox(self, sandbox_id: str) -> None:
        """Forget a sandbox and its containers."""
        request = pb.RemovePodSandboxRequest(pod_sandbox_id=sandbox_id)
        await self._let_go(lambda: self._runtime.RemovePodSandbox(request, timeout=LONG_S))

    async def sandbox_ips(self, sandbox_id: str) -> tuple[str, ...]:
        """Return a sandbox's addresses, the first one first."""
        request = pb.PodSandboxStatusRequest(pod_sandbox_id=sandbox_id)
        network = (await asked(self._runtime.PodSandboxStatus(request, timeout=SHORT_S))).status.network
        return tuple(ip for ip in (network.ip, *(more.ip for more in network.additional_ips)) if ip)

    async def list_sandboxes(self) -> tuple[Sandbox, ...]:
        """Return every sandbox, also stopped ones."""
        answer = await asked(self._runtime.ListPodSandbox(pb.ListPodSandboxRequest(), timeout=SHORT_S))
        return tuple(map(decode.sandbox, answer.items))

    async def create_container(self, sandbox_id: str, spec: ContainerSpec, *, sandbox: SandboxSpec) -> str:
        """Make a container in a sandbox; return its id."""
        request = pb.CreateContainerRequest(
            pod_sandbox_id=sandbox_id, config=encode.container_config(spec),
            sandbox_config=encode.sandbox_config(sandbox),
        )
        answer = await asked(self._runtime.CreateContainer(request, timeout=LONG_S))
        return str(answer.container_id)

    async def start_container(self, container_id: str) -> None:
        """Start a created container."""
        request = pb.StartContainerRequest(container_id=container_id)
        await asked(self._runtime.StartContainer(request, timeout=LONG_S))

    async def stop_container(self, container_id: str, *, grace_s: float, signal: str = "") -> None:
        """Send the stop signal, then KILL after grace_s. An old runtime does not know whose choice it is."""
        if signal and grace_s > 0 and await self._signalled(container_id, signal, grace_s=grace_s):
            grace_s = 0
        request = pb.StopContainerRequest(container_id=container_id, timeout=max(0, round(grace_s)))
        await unless_gone(self._runtime.StopContainer(request, timeout=grace_s + LONG_S))

    async def _signalled(self, container_id: str, signal: str, *, grace_s: float) -> bool:
        """Tell whether a signal was sent, and the grace given, in the runtime's stead."""
        try:
            answer = await asked(self._runtime.ContainerStatus(
                pb.ContainerStatusRequest(container_id=container_id), timeout=SHORT_S))
            if answer.status.stop_signal != pb.RUNTIME_DEFAULT or answer.status.state != pb.CONTAINER_RUNNING:
                return False
            await asked(tasks.signalled(self._channel, container_id, LINUX[signal], grace_s=grace_s))
        except RuntimeFault as fault:
            if fault.code not in ("NOT_FOUND", "UNIMPLEMENTED"):
                raise
            return False        # it is gone; or this is no containerd, and an old one: its own signal has to do
        return True

    async def update_pin(self, container_id: str, pin: Pin) -> None:
        """Change where a running container may run and have its memory; all else stays as it is."""
        linux = pb.LinuxContainerResources(cpuset_cpus=pin.cpus, cpuset_mems=pin.nodes)
        request = pb.UpdateContainerResourcesRequest(container_id=container_id, linux=linux)
        await asked(self._runtime.UpdateContainerResources(request, timeout=SHORT_S))

    async def update_resources(self, container_id: str, resources: Resources) -> None:
        """Change a running container's limits."""
        request = pb.UpdateContainerResourcesRequest(container_id=container_id, linux=encode.resources(resources))
        await asked(self._runtime.UpdateContainerResources(request, timeout=SHORT_S))

    async def remove_container(self, container_id: str) -> None:
        """Forget a container."""
        request = pb.RemoveContainerRequest(container_id=container_id)
        await self._let_go(lambda: self._runtime.RemoveContainer(request, timeout=SHORT_S))

    async def _let_go(self, removal: Callable[[], Awaitable[Any]]) -> None:
        """Remove, ending what containerd runs and its CRI part does not know of: a sandbox may hold several such."""
        for _ in range(TASKS_MAX):
            try:
                await unless_gone(removal())
                return
            except RuntimeFault as fault:
                task_id = tasks.holding(fault)
                if not task_id:
                    raise
            try:
                await tasks.end(self._channel, task_id)
            except grpc.aio.AioRpcError as error:
                raise fault_of(error) from error
        raise RuntimeFault("FAILED_PRECONDITION", f"more than {TASKS_MAX} tasks that nobody knows of")

    async def container_report(self, container_id: str) -> ContainerReport:
        """Return all that the runtime knows of a container."""
        request = pb.ContainerStatusRequest(container_id=container_id)
        answer = await asked(self._runtime.ContainerStatus(request, timeout=SHORT_S))
        return decode.container_report(answer.status, self._name)

    async def list_containers(self) -> tuple[ContainerLine, ...]:
        """Return every container, also dead ones."""
        answer = await asked(self._runtime.ListContainers(pb.ListContainersRequest(), timeout=SHORT_S))
        return tuple(map(decode.container_line, answer.containers))

    async def exec_sync(self, container_id: str, argv: tuple[str, ...], timeout_s: float) -> ExecResult:
        """Run a command in a container and wait for its end."""
        limit_s = max(1, round(timeout_s))
        request = pb.ExecSyncRequest(container_id=container_id, cmd=argv, timeout=limit_s)
        try:
            answer = await asked(self._runtime.ExecSync(request, timeout=limit_s + SLACK_S))
        except RuntimeFault as fault:
            if fault.code == "DEADLINE_EXCEEDED" or "timeout" in fault.details:
                raise ExecTimeout(f"command {' '.join(argv)!r} timed out") from fault
            raise
        return ExecResult(answer.exit_code, answer.stdout, answer.stderr)

    async def exec_url(self, container_id: str, argv: tuple[str, ...], *, tty: bool, stdin: bool,
                       stdout: bool, stderr: bool) -> str:
        """Prepare an exec; return where to stream it."""
        request = pb.ExecRequest(container_id=container_id, cmd=argv, tty=tty, stdin=stdin, stdout=stdout,
                                 stderr=stderr)
        return str((await asked(self._runtime.Exec(request, timeout=SHORT_S))).url)

    async def attach_url(self, container_id: str, *, tty: bool, stdin: bool, stdout: bool, stderr: bool) -> str:
        """Prepare an attach; return where to stream it."""
        request = pb.AttachRequest(container_id=container_id, tty=tty, stdin=stdin, stdout=stdout, stderr=stderr)
        return str((await asked(self._runtime.Attach(request, timeout=SHORT_S))).url)

    async def port_forward_url(self, sandbox_id: str, ports: tuple[int, ...]) -> str:
        """Prepare a port-forward; return where to stream it."""
        request = pb.PortForwardRequest(pod_sandbox_id=sandbox_id, port=ports)
        return str((await asked(self._runtime.PortForward(request, timeout=SHORT_S))).url)

    async def reopen_log(self, container_id: str) -> None:
        """Have the log file opened anew."""
        request = pb.ReopenContainerLogRequest(container_id=container_id)
        await asked(self._runtime.ReopenContainerLog(request, timeout=SHORT_S))

    async def image(self, reference: str) -> ImageLine | None:
        """Find an image on this machine."""
        request = pb.ImageStatusRequest(image=pb.ImageSpec(image=reference))
        answer = await asked(self._images.ImageStatus(request, timeout=SHORT_S))
        return decode.image(answer.image) if answer.HasField("image") and answer.image.id else None

    async def image_layers(self, image_id: str) -> Layers:
        """Return what is to be mounted to see an image's files."""
        request = pb.ImageStatusRequest(image=pb.ImageSpec(image=image_id), verbose=True)
        answer = await asked(self._images.ImageStatus(request, timeout=SHORT_S))
        chain_id = decode.chain_id(answer.info)
        if not chain_id:
            raise RuntimeFault("UNIMPLEMENTED", "this container runtime does not show images as volumes")
        return await asked(layers.of_image(self._channel, chain_id, f"knarr-{image_id}-{os.getpid()}"))

    async def list_images(self) -> tuple[ImageLine, ...]:
        """Return every image on this machine."""
        answer = await asked(self._images.ListImages(pb.ListImagesRequest(), timeout=SHORT_S))
        return tuple(map(decode.image, answer.images))

    async def pull_image(self, reference: str, *, username: str = "", password: str = "") -> str:
        """Fetch an image; return its reference."""
        request = pb.PullImageRequest(image=pb.ImageSpec(image=reference))
        if username or password:
            request.auth.CopyFrom(pb.AuthConfig(username=username, password=password))
        return str((await asked(self._images.PullImage(request, timeout=PULL_S))).image_ref)

    async def pull_progress(self, reference: str) -> PullProgress | None:
        """Return how far a pull has come, where the runtime is containerd."""
        registry, _, rest = reference.partition("/")
        host = re.sub(r":\d+$", "", registry)       # containerd notes where content came from without the port
        return await asked(progress.of_pull(self._channel, host, re.split("[:@]", rest, maxsplit=1)[0]))

    async def remove_image(self, reference: str) -> None:
        """Drop an image."""
        request = pb.RemoveImageRequest(image=pb.ImageSpec(image=reference))
        await asked(self._images.RemoveImage(request, timeout=SHORT_S))

    async def usage(self) -> tuple[Usage, ...]:
        """Return what every container uses now."""
        answer = await asked(self._runtime.ListContainerStats(pb.ListContainerStatsRequest(), timeout=SHORT_S))
        return tuple(map(decode.usage, answer.stats))

    async def events(self) -> AsyncIterator[RuntimeEvent]:
        """Yield ends of processes, from containerd's own event service where there is one, else from CRI's.

        Raises RuntimeFault; UNIMPLEMENTED: there is neither, and only relisting tells.
        """
        subscribe: Any = self._channel.unary_stream(events.METHOD)
        try:
            async for envelope in subscribe(events.subscribe_request()):
                event = events.runtime_event(envelope)
                if event is not None:
                    yield event
            return
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise fault_of(error) from error
        try:
            async for told in self._runtime.GetContainerEvents(pb.GetEventsRequest()):
                event = decode.ended(told)
                if event is not None:
                    yield event
        except grpc.aio.AioRpcError as error:
            raise fault_of(error) from error


async def asked(call: Awaitable[Any]) -> Any:
    """Wait for an answer; a gRPC error becomes a RuntimeFault."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise fault_of(error) from error


async def unless_gone(call: Awaitable[Any]) -> None:
    """Wait for an answer; that the thing is gone already is as good."""
    try:
        await asked(call)
    except RuntimeFault as fault:
        if fault.code != "NOT_FOUND":
            raise


def fault_of(error: grpc.aio.AioRpcError) -> RuntimeFault:
    """Say what a gRPC error means in our words. Who has not read yet what he runs is away still."""
    details = error.details() or ""
    return RuntimeFault(AWAY if NOT_YET in details else error.code().name, details)
