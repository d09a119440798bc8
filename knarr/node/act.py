"""Do what the machine asks for: volumes, sandboxes, launches, kills, timers, removal. Each answers with an event.

What the runtime refuses for a while is tried again with backoff until the pod no longer needs it.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any

import msgspec
import structlog

from knarr.api.errors import ApiError, Conflict, NotFound
from knarr.api.types.core_v1 import LifecycleHandler, Pod
from knarr.base.backoff import Backoff
from knarr.node import allocation, cgroups, containerlimits, neighbours, podcontainers
from knarr.node.cri.face import RuntimeEvent, RuntimeFault
from knarr.node.faces import ConfigError, MountError
from knarr.node.hooks import HookFailed
from knarr.node.launch import Launcher
from knarr.node.podmachine import state as words
from knarr.node.podmachine.table import Stage
from knarr.node.probes.prober import Prober
from knarr.node.statuswriter import StatusWriter
from knarr.node.tools import Tools, replace_reason
from knarr.node.users import NoUsers
from knarr.node.worker import PodWorker

RETRY = Backoff(first_s=0.2, factor=2, cap_s=10)
KILLED = 137           # exit code of what a KILL ended
LEFT_MIN_S = 2.0       # a container gets this long after its preStop hook, whatever the hook took. Source: kube
                       # kuberuntime_container.go, minimumGracePeriodInSeconds

log = structlog.get_logger()


class Hands:
    """Performs instructions for all pods of this node."""

    def __init__(
        self, tools: Tools, prober: Prober, *, writer: StatusWriter, forget: Callable[[PodWorker], None],
    ) -> None:
        self._tools = tools
        self._prober = prober
        self._writer = writer
        self._forget = forget
        self._launcher = Launcher(tools)
        self._closed = False

    def perform(self, worker: PodWorker, asked: words.Instruction) -> None:
        """Set going what is asked; never waits."""
        PERFORMED[type(asked)](self, worker, asked)

    def tell(self, worker: PodWorker, asked: words.Tell) -> None:
        """Record an event."""
        self._tools.teller(worker.machine.pod, asked.container)(asked.reason, asked.message, asked.type)

    def after(self, worker: PodWorker, asked: words.After) -> None:
        """Ring later."""
        loop = asyncio.get_running_loop()
        loop.call_later(asked.delay_s, self._ring, worker, words.Rang(asked.key, asked.number))

    def close(self) -> None:
        """Let no timer ring any more: the agent has stopped."""
        self._closed = True

    def _ring(self, worker: PodWorker, event: words.Rang) -> None:
        if not self._closed and not worker.gone:
            worker.post(event)

    def start_probes(self, worker: PodWorker, asked: words.StartProbes) -> None:
        """Probe a run."""
        machine = worker.machine
        address = (machine.ips or (self._tools.settings.node_ip,))[0]
        self._prober.watch(machine.pod, machine.container(asked.container), container_id=asked.run.id,
                           pod_ip=address, started_s=asked.run.started_s)

    def stop_probes(self, worker: PodWorker, asked: words.StopProbes) -> None:
        """Probe a run no more."""
        self._prober.stop(asked.container_id)

    def start(self, worker: PodWorker, asked: words.Start) -> None:
        """Launch a container."""
        worker.starting[asked.container] = self._spawn(self._launcher.run(worker, asked))

    def abandon(self, worker: PodWorker, asked: words.Abandon) -> None:
        """Give up a pull or a postStart hook; anything else ends by itself soon."""
        task = worker.starting.get(asked.container)
        if task is not None and asked.container in worker.cancellable:
            worker.cancellable.discard(asked.container)
            task.cancel()

    def mount(self, worker: PodWorker, asked: words.Mount) -> None:
        """Set up the volumes."""
        self._spawn(self._mount(worker))

    def run_sandbox(self, worker: PodWorker, asked: words.RunSandbox) -> None:
        """Make a sandbox."""
        self._spawn(self._run_sandbox(worker, asked))

    def kill(self, worker: PodWorker, asked: words.Kill) -> None:
        """Stop a container."""
        self._spawn(self._kill(worker, asked))

    def discard(self, worker: PodWorker, asked: words.Discard) -> None:
        """Remove an old run."""
        self._spawn(self._discard(asked.container_id))

    def fit(self, worker: PodWorker, asked: words.Fit) -> None:
        """Judge whether the node has room for new resources."""
        fixed = self._tools.alignment.fixed(worker.uid)
        worker.post(words.Fitted(asked.pod, "Infeasible", fixed) if fixed else
                    allocation.judge(asked.pod, self._tools.pods(), self._tools.node_facts()))

    def resize(self, worker: PodWorker, asked: words.Resize) -> None:
        """Give a run new resources."""
        self._spawn(self._resize(worker, asked))

    def bound(self, worker: PodWorker, asked: words.Bound) -> None:
        """Give the pod as a whole its bounds: upwards first, as its containers may have grown."""
        try:
            self._tools.groups.place(worker.machine.pod, widen=True)
            self._tools.groups.place(worker.machine.pod)
        except OSError as error:
            worker.post(words.Bounded(f"the kernel refuses the pod's bounds: {error}"))
        else:
            worker.post(words.Bounded())

    def stop_sandbox(self, worker: PodWorker, asked: words.StopSandbox) -> None:
        """Stop the sandbox and tear down the volumes."""
        self._spawn(self._stop_sandbox(worker))

    def remove(self, worker: PodWorker, asked: words.Remove) -> None:
        """Remove the pod from API and machine."""
        self._spawn(self._remove(worker, from_api=asked.from_api))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._tools.group.create_task(work)

    async def _mount(self, worker: PodWorker) -> None:
        try:
            runs = any(box.run is not None and not box.run.ended for box in worker.machine.boxes)
            refusal = await self._tools.alignment.admit(worker.machine.pod, runs=runs)
            if refusal is not None:
                worker.post(words.Refused(refusal))
                worker.post(words.Mounted())        # nothing is, and what ends needs nothing
                return
            await self._tools.volumes.set_up(worker.machine.pod)
        except MountError as fault:
            worker.post(words.MountFailed(str(fault)))
        except (ApiError, OSError) as fault:
            worker.post(words.MountFailed(f"unable to attach or mount volumes: {fault}"))
        else:
            worker.post(words.Mounted())

    async def _run_sandbox(self, worker: PodWorker, asked: words.RunSandbox) -> None:
        tools = self._tools
        pod = worker.machine.pod
        try:
            handler = tools.handler(pod)
            tools.give_users(pod, handler)
            if asked.old_id:
                await tools.runtime.stop_sandbox(asked.old_id)
            tools.groups.place(pod)
            async with tools.sandbox_slots:
                spec = replace(tools.sandbox_spec(worker.machine), handler=handler)
                sandbox_id = await tools.runtime.run_sandbox(spec)
            worker.sandboxes.add(sandbox_id)
            tools.owners[sandbox_id] = worker
            ips = () if pod.spec.hostNetwork else await tools.runtime.sandbox_ips(sandbox_id)
            for address in ips:
                neighbours.forget(tools.settings.bridge, address)
        except (RuntimeFault, ConfigError, NoUsers, OSError) as fault:
            worker.post(words.SandboxFailed(str(fault)))
            return
        worker.post(words.SandboxUp(sandbox_id, ips))
        for older in worker.sandboxes - {sandbox_id, asked.old_id}:     # the one before holds the last runs' ends
            await self._until_done(self._removing(older))
            worker.sandboxes.discard(older)

    async def _kill(self, worker: PodWorker, asked: words.Kill) -> None:
        """Run preStop, stop, and tell the end, also where the runtime's event for it is lost."""
        tools, machine = self._tools, worker.machine
        container = machine.container(asked.container)
        began_s = tools.clock.monotonic_s()
        hook = container.lifecycle.preStop if container.lifecycle else None
        if asked.hook and hook is not None:
            await self._pre_stop(worker, asked, hook)
        spent_s = tools.clock.monotonic_s() - began_s
        left_s = max(asked.grace_s - spent_s, LEFT_MIN_S if spent_s > 1 else asked.grace_s)
        signal = podcontainers.stop_signal(container)
        await self._until_done(lambda: tools.runtime.stop_container(asked.container_id, grace_s=left_s, signal=signal),
                               needed=lambda: worker.machine.box(asked.container).stage is Stage.STOPPING)
        if worker.machine.box(asked.container).stage is Stage.STOPPING:
            await self.tell_end(worker, asked.container_id)

    async def _pre_stop(self, worker: PodWorker, asked: words.Kill, hook: LifecycleHandler) -> None:
        tools, machine = self._tools, worker.machine
        container = machine.container(asked.container)
        pod_ip = (machine.ips or (tools.settings.node_ip,))[0]
        try:
            async with asyncio.timeout(asked.grace_s):
                await tools.hooks.run(hook, container, container_id=asked.container_id,
                                      pod_ip=pod_ip, limit_s=asked.grace_s)
        except TimeoutError:
            log.info("hook.late", pod=machine.pod.metadata.name, container=container.name, grace_s=asked.grace_s)
        except HookFailed as fault:
            log.info("hook.failed", pod=machine.pod.metadata.name, container=container.name, error=str(fault))
            tools.teller(machine.pod, container.name)("FailedPreStopHook", "PreStopHook failed", "Warning")

    async def hear_end(self, worker: PodWorker, event: RuntimeEvent) -> None:
        """Tell the pod of an end that the runtime's event describes; only whether a KILL was for memory is asked."""
        name, attempt = worker.created[event.container_id]
        box = worker.machine.box(name)
        known = box.run if box.run is not None and box.run.id == event.container_id else None
        started = known or words.Run(event.container_id, attempt, "", "")
        run = replace_reason(replace(started, finished_s=event.at_s, exit_code=event.exit_code))
        if event.exit_code == KILLED and box.stage is not Stage.STOPPING and await self._out_of_memory(run.id):
            run = replace(run, reason="OOMKilled")
        self._over(worker, name, self._tools.spoken(worker, run))

    async def _out_of_memory(self, container_id: str) -> bool:
        """Ask whether the kernel killed a run for memory; the runtime's state shows it a little later than the end."""
        try:
            return (await self._tools.ended_report(container_id)).reason == "OOMKilled"
        except RuntimeFault as fault:
            log.info("exit.unread", container=container_id, error=str(fault))
            return False

    async def tell_end(self, worker: PodWorker, container_id: str) -> None:
        """Read how a run ended and tell the pod; a run that the runtime has forgotten ended unseen."""
        name, attempt = worker.created[container_id]
        try:
            run = await self._tools.ended_run(worker, container_id)
        except RuntimeFault as fault:
            if fault.code != "NOT_FOUND":
                log.info("exit.unread", container=container_id, error=str(fault))
                return
            run = lost_run(worker, container_id, attempt, now_s=self._tools.clock.now_s())
        self._over(worker, name, run)

    def _over(self, worker: PodWorker, name: str, run: words.Run) -> None:
        """Keep a run's last words, then tell the pod."""
        self._tools.dead.keep(worker.machine.pod, name, run)
        worker.exited(name, run)

    async def _discard(self, container_id: str) -> None:
        self._tools.owners.pop(container_id, None)
        try:
            await self._tools.runtime.remove_container(container_id)
        except RuntimeFault as fault:
            log.info("container.kept", container=container_id, error=str(fault))    # it goes with its sandbox

    async def _resize(self, worker: PodWorker, asked: words.Resize) -> None:
        tools, pod, name = self._tools, worker.machine.pod, asked.container
        container = msgspec.structs.replace(worker.machine.container(name), resources=asked.wanted)
        limit_bytes = allocation.lowered_limit_bytes(asked.had, asked.wanted)
        try:
            used = await tools.runtime.usage() if limit_bytes else ()
            used_bytes = sum(each.memory_working_set_bytes for each in used if each.container_id == asked.container_id)
            if used_bytes > limit_bytes > 0:
                worker.post(words.ResizeFailed(name, asked.container_id, f'attempting to set container "{name}" memory '
                                               f"limit ({limit_bytes}) below current usage ({used_bytes})"))
                return
            tools.groups.place(pod, widen=True)
            await tools.runtime.update_resources(
                asked.container_id, containerlimits.resources(pod, container, tools.ground))
            tools.groups.place(pod)
        except RuntimeFault as fault:
            worker.post(words.ResizeFailed(name, asked.container_id, fault.details))
        except OSError as error:
            worker.post(words.ResizeFailed(name, asked.container_id, str(error)))
        else:
            worker.post(words.Resized(name, asked.container_id, asked.wanted))

    async def _stop_sandbox(self, worker: PodWorker) -> None:
        for sandbox_id in sorted(worker.sandboxes):
            await self._until_done(self._stopping(sandbox_id))
        await self._until_done(lambda: self._tools.volumes.tear_down(worker.uid))
        self._tools.alignment.release(worker.uid)
        worker.post(words.SandboxStopped())

    def _stopping(self, sandbox_id: str) -> Callable[[], Awaitable[None]]:
        return lambda: self._tools.runtime.stop_sandbox(sandbox_id)

    async def _remove(self, worker: PodWorker, *, from_api: bool) -> None:
        meta = worker.machine.pod.metadata
        for box in worker.machine.boxes:
            if box.run is not None and box.run.ended:   # once more: a runtime copies last lines after it told the end
                self._tools.dead.keep(worker.machine.pod, box.name, box.run)
        if from_api:
            await self._writer.write(worker)
            await self._until_done(lambda: self._delete(worker))
        for sandbox_id in sorted(worker.sandboxes):
            await self._until_done(self._removing(sandbox_id))
        for known in (*worker.created, *worker.sandboxes):
            self._tools.owners.pop(known, None)
        settings = self._tools.settings
        logs = settings.log_dir(meta.namespace or "", meta.name or "", worker.uid)
        for folder in (settings.pod_dir(worker.uid), logs):
            shutil.rmtree(folder, ignore_errors=True)
        cgroups.remove(settings.group_of(worker.machine.pod), settings.cgroup_root)
        worker.post(words.Removed())
        self._forget(worker)

    def _removing(self, sandbox_id: str) -> Callable[[], Awaitable[None]]:
        return lambda: self._tools.runtime.remove_sandbox(sandbox_id)

    async def _delete(self, worker: PodWorker) -> None:
        meta = worker.machine.pod.metadata
        try:
            await self._tools.client.delete(
                Pod, meta.namespace or "", meta.name or "", uid=meta.uid, options={"gracePeriodSeconds": 0})
        except (NotFound, Conflict):
            return          # it is gone, or its name belongs to another one already

    async def _until_done(
        self, act: Callable[[], Awaitable[None]], *, needed: Callable[[], bool] | None = None,
    ) -> None:
        """Try again with backoff until it succeeds or is no longer needed."""
        failures = 0
        while needed is None or needed():
            try:
                await act()
                return
            except (RuntimeFault, MountError, ApiError, OSError) as fault:
                log.warning("act.retry", failures=failures, error=str(fault))
                await self._tools.client.reach.pause(RETRY.delay_s(failures), self._tools.clock)
                failures += 1


def lost_run(worker: PodWorker, container_id: str, attempt: int, *, now_s: float) -> words.Run:
    """Return the end of a run that nobody saw. Source: kube kubelet_pods.go, ContainerStatusUnknown, exit code 137."""
    known = [box.run for box in worker.machine.boxes if box.run is not None and box.run.id == container_id]
    return words.Run(
        container_id, attempt, known[0].image if known else "", known[0].image_ref if known else "",
        known[0].started_s if known else 0.0, now_s, 137, "ContainerStatusUnknown",
        "The container could not be located when the pod was terminated",
    )


PERFORMED: dict[type, Callable[[Hands, PodWorker, Any], None]] = {
    words.Tell: Hands.tell,
    words.After: Hands.after,
    words.StartProbes: Hands.start_probes,
    words.StopProbes: Hands.stop_probes,
    words.Start: Hands.start,
    words.Abandon: Hands.abandon,
    words.Mount: Hands.mount,
    words.RunSandbox: Hands.run_sandbox,
    words.Kill: Hands.kill,
    words.Discard: Hands.discard,
    words.Fit: Hands.fit,
    words.Resize: Hands.resize,
    words.Bound: Hands.bound,
    words.StopSandbox: Hands.stop_sandbox,
    words.Remove: Hands.remove,
}
