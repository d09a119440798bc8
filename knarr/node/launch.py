"""Bring one run of a container about: image, environment, mounts, creation, start, postStart hook.

Every way it can end is an event for the pod: PullFailed, Held, Exited (it was created but could not start), Started.
Source of reasons and texts: kube kuberuntime_container.go (startContainer), images/image_manager.go.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import structlog

from knarr.api.errors import ApiError
from knarr.api.types.core_v1 import Container, Pod
from knarr.base.backoff import Backoff
from knarr.node import env, podcontainers, specs, users
from knarr.node.adopt import UID_LABEL, never_ran
from knarr.node.cri.face import AWAY, ContainerReport, ContainerSpec, ImageLine, RuntimeFault, SandboxSpec
from knarr.node.devices.face import DeviceFault
from knarr.node.faces import ConfigError, Mount, MountError
from knarr.node.hooks import HookFailed
from knarr.node.images import ImageFault
from knarr.node.obtain import Obtain
from knarr.node.podmachine import resizing
from knarr.node.podmachine.containers import START_ERROR
from knarr.node.podmachine.state import Exited, Held, Machine, PullFailed, Run, Start
from knarr.node.runs import run_of
from knarr.node.tools import Tools, has_own_users
from knarr.node.volumes import mountlist
from knarr.node.worker import PodWorker

RESERVED = "failed to reserve container name"      # Source: containerd CRI, container_create.go
UNSEEN, UNSEEN_CODE = "ContainerStatusUnknown", 137     # Source: kube kubelet_pods.go
RETRY = Backoff(first_s=0.2, factor=2, cap_s=10)
STARTS_MAX = 5             # of one run, each ended by the runtime's own end
RUNTIME_DIES = "the container runtime ended each time the container was started"
START_ERROR_CODE = 128     # Source: containerd CRI, a task that could not be started

log = structlog.get_logger()


class Launcher:
    """Launches containers; one task each."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._obtain = Obtain(tools)
        default = "RuntimeDefault" if tools.settings.rules.seccomp_default else "Unconfined"
        self._profiles = specs.Profiles(str(tools.settings.seccomp_dir), default)

    async def run(self, worker: PodWorker, start: Start) -> None:
        """Launch and tell how it went."""
        pod = worker.machine.pod
        container = worker.machine.container(start.container)
        tell = self._tools.teller(pod, container.name)
        try:
            image = await self._obtain.image(worker, container)
            for volume, shown in (await self._obtain.shown(worker, container)).items():
                await self._tools.volumes.show(pod, volume, await self._tools.runtime.image_layers(shown.id))
            spec = await self._spec(worker, container, start=start, image=image)
            sandbox = self._tools.sandbox_spec(worker.machine)      # by today's settings, which may not fit it any more
            await self._tools.devices.starting(pod.metadata.uid or "", container.name)
        except ImageFault as fault:
            worker.post(PullFailed(container.name, fault.reason, str(fault)))
            return
        except (ConfigError, DeviceFault, MountError, ApiError, OSError) as fault:
            tell("Failed", f"Error: {fault}", "Warning")
            worker.post(Held(container.name, "CreateContainerConfigError", str(fault)))
            return
        except RuntimeFault as fault:
            tell("Failed", f"Error: {fault.details}", "Warning")
            worker.post(Held(container.name, "CreateContainerError", fault.details))
            return
        async with self._tools.start_slots:
            run = await self._create_and_start(worker, container, spec, sandbox)
        if run is not None:
            await self._post_start(worker, container, run)

    async def _spec(self, worker: PodWorker, container: Container, *, start: Start, image: ImageLine) -> ContainerSpec:
        """Gather what the run needs. Raises ConfigError and what reading the API may raise."""
        tools, machine = self._tools, worker.machine
        pod, pod_ip = machine.pod, (machine.ips or ("",))[0]
        if pod.spec.hostNetwork:
            pod_ip = tools.settings.node_ip
        if container.volumeMounts and podcontainers.is_ephemeral(pod, container.name):
            await tools.volumes.set_up(pod)     # nobody may have mounted these before
        references = await tools.volumes.references(pod)
        pairs = env.container_env(
            pod, container, references, services=tools.services(), node=tools.node_facts(), pod_ip=pod_ip)
        known = dict(pairs)
        mounts = await tools.volumes.mounts(pod, container, env=known)
        deep = any(each.read_only_below for each in mounts) and tools.features().of(tools.handler(pod)).read_only_below
        mounts = mountlist.within_reach(container, mounts, deep=deep)
        own = self._own_mounts(pod, container, attempt=start.attempt, pod_ip=pod_ip)
        grants = tools.devices.grants(pod.metadata.uid or "", container.name)
        own = (*(mount for grant in grants for mount in grant.mounts), *own)
        taken = {mount.container_path for mount in mounts}
        raw = await tools.volumes.devices(pod, container) if container.volumeDevices else ()
        return specs.container_spec(pod, container, specs.Prepared(
            attempt=start.attempt, image_ref=image.id, uid=image.uid, username=image.username,
            env=(*(pair for grant in grants for pair in grant.env.items() if pair[0] not in known), *pairs),
            command=env.expand(container.command, known), args=env.expand(container.args, known),
            mounts=(*mounts, *(mount for mount in own if mount.container_path not in taken)),
            devices=(*raw, *(device for grant in grants for device in grant.devices)),
            cdi_devices=tuple(name for grant in grants for name in grant.cdi),
            notes={**{key: text for grant in grants for key, text in grant.annotations.items()},
                   specs.BACKOFF_NOTE: f"{start.backoff_s}:{start.backoff_at_s}"},
            ground=tools.ground, profiles=self._profiles, pid_target=pid_target(machine, container.name),
            pin=tools.alignment.pin(pod.metadata.uid or "", container.name),
            users=users.given(tools.settings, pod.metadata.uid or "") if has_own_users(pod) else None,
        ))

    def _own_mounts(self, pod: Pod, container: Container, *, attempt: int, pod_ip: str) -> tuple[Mount, ...]:
        """Write the hosts file and an empty termination log; return their mounts."""
        settings = self._tools.settings
        home = settings.pod_dir(pod.metadata.uid or "")
        hosts = home / "etc-hosts"
        home.mkdir(parents=True, exist_ok=True, mode=0o750)
        if not hosts.exists():
            hosts.write_text(self._tools.hosts_file(pod, pod_ip))
        log = termination_log(settings.pods_dir, pod.metadata.uid or "", container.name, attempt)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        os.chmod(log, 0o666)       # whoever the container runs as may write it. Source: kube kuberuntime_container.go
        return (Mount("/etc/hosts", str(hosts)),
                Mount(container.terminationMessagePath or specs.TERMINATION_LOG, str(log)))

    async def _create_and_start(self, worker: PodWorker, container: Container, spec: ContainerSpec,
                                sandbox: SandboxSpec) -> Run | None:
        """Create and start; None after telling that it failed."""
        tools = self._tools
        tell = tools.teller(worker.machine.pod, container.name)
        for _ in range(STARTS_MAX):
            try:
                container_id = await self._create(worker, spec, sandbox)
            except RuntimeFault as fault:
                tell("Failed", f"Error: {fault.details}", "Warning")
                worker.post(Held(container.name, "CreateContainerError", fault.details))
                return None
            worker.created[container_id] = (container.name, spec.attempt)
            tools.owners[container_id] = worker
            tell("Created", "Container created")
            run = Run(container_id, spec.attempt, spec.image, spec.image_ref)
            try:
                report = await self._start(worker, container_id)
            except RuntimeFault as fault:
                tell("Failed", f"Error: {fault.details}", "Warning")
                worker.post(Exited(container.name, replace(
                    run, finished_s=tools.clock.now_s(), exit_code=START_ERROR_CODE, reason=START_ERROR,
                    message=fault.details)))
                return None
            if report is not None:
                tell("Started", "Container started")
                return replace(run_of(report, image=spec.image, fallback_started_s=tools.clock.now_s()),
                               resources=resizing.effective(worker.machine.pod, container))
        worker.post(Held(container.name, "CreateContainerError", RUNTIME_DIES))
        return None

    async def _start(self, worker: PodWorker, container_id: str) -> ContainerReport | None:
        """Start the container and return what became of it. Raises RuntimeFault.

        None: the runtime went away before it had started it. It may have begun to, so another one has to be made, which
        clears this one away.
        """
        runtime = self._tools.runtime
        try:
            await runtime.start_container(container_id)
            return await runtime.container_report(container_id)
        except RuntimeFault as fault:
            if fault.code != AWAY:
                raise
            log.info("start.runtime_away", container=container_id, error=str(fault))
        report = await self._back(container_id)
        if never_ran(worker.machine.pod, report):
            del worker.created[container_id], self._tools.owners[container_id]
            return None
        if report.reason == START_ERROR:
            raise RuntimeFault("UNKNOWN", report.message)
        return report

    async def _back(self, container_id: str) -> ContainerReport:
        """Wait until the runtime answers again, and return what it says of a container. Raises RuntimeFault.

        What it has lost sight of it must be told to stop, before it says anything.
        """
        runtime, failures = self._tools.runtime, 0
        while True:
            await self._tools.clock.sleep(RETRY.delay_s(failures))
            try:
                report = await runtime.container_report(container_id)
                if report.state != "unknown":
                    return report
                await runtime.stop_container(container_id, grace_s=0)
            except RuntimeFault as fault:
                if fault.code != AWAY:
                    raise
            failures += 1

    async def _create(self, worker: PodWorker, spec: ContainerSpec, sandbox: SandboxSpec) -> str:
        """Create the container; one of its name whose caller died before the answer came is cleared away first."""
        runtime = self._tools.runtime
        try:
            return await runtime.create_container(worker.machine.sandbox_id, spec, sandbox=sandbox)
        except RuntimeFault as fault:
            if RESERVED not in fault.details:
                raise
            log.warning("container.stray", container=spec.name, error=fault.details)
        for line in await runtime.list_containers():
            same = (line.labels.get(UID_LABEL), line.name, line.attempt) == (worker.uid, spec.name, spec.attempt)
            if same and line.id not in worker.created:
                await runtime.remove_container(line.id)
        return await runtime.create_container(worker.machine.sandbox_id, spec, sandbox=sandbox)

    async def _post_start(self, worker: PodWorker, container: Container, run: Run) -> None:
        """Run the hook where there is one; then the container counts as running."""
        hook = container.lifecycle.postStart if container.lifecycle else None
        if hook is None:
            worker.started(container.name, run)
            return
        pod, tools = worker.machine.pod, self._tools
        tell = tools.teller(pod, container.name)
        pod_ip = (worker.machine.ips or (tools.settings.node_ip,))[0]
        grace_s = pod.spec.terminationGracePeriodSeconds
        worker.cancellable.add(container.name)
        try:
            await tools.hooks.run(hook, container, container_id=run.id, pod_ip=pod_ip)
        except HookFailed:
            tell("FailedPostStartHook", "PostStartHook failed", "Warning")
            tell("Killing", "FailedPostStartHook")
            await self._end(worker, container.name, run, grace_s=30.0 if grace_s is None else float(grace_s))
        except asyncio.CancelledError:
            if container.name in worker.cancellable:      # the agent stops; else the pod no longer wants it
                raise
            ending = worker.machine.ending
            tell("Killing", f"Stopping container {container.name}")
            await self._end(worker, container.name, run, grace_s=ending.grace_s if ending is not None else 1.0)
        else:
            worker.started(container.name, run)
        finally:
            worker.cancellable.discard(container.name)

    async def _end(self, worker: PodWorker, name: str, run: Run, *, grace_s: float) -> None:
        """Stop a run that never counted as started, however often that takes, and tell its end."""
        tools, failures = self._tools, 0
        signal = podcontainers.stop_signal(worker.machine.container(name))
        while True:
            try:
                await tools.runtime.stop_container(run.id, grace_s=grace_s, signal=signal)
                over = await tools.ended_run(worker, run.id)
                break
            except RuntimeFault as fault:
                if fault.code == "NOT_FOUND":
                    over = replace(run, finished_s=tools.clock.now_s(), exit_code=UNSEEN_CODE, reason=UNSEEN)
                    break
                log.info("hook.end", container=run.id, failures=failures, error=str(fault))
                await tools.clock.sleep(RETRY.delay_s(failures))
                failures += 1
        worker.post(Exited(name, over))


def pid_target(machine: Machine, name: str) -> str:
    """Return the run whose processes an ephemeral container asks to see, empty for none. Raises ConfigError."""
    asked = podcontainers.target(machine.pod, name)
    if not asked:
        return ""
    run = next((box.run for box in machine.boxes if box.name == asked), None)
    if run is None:
        raise ConfigError(f"unable to find target container {asked}")
    return run.id


def termination_log(pods_dir: Path, pod_uid: str, container: str, attempt: int) -> Path:
    """Return where a run leaves its last words."""
    return pods_dir / pod_uid / "containers" / container / f"{attempt}.termination"
