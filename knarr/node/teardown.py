"""Stop every pod of this machine, and on demand remove every trace of the node.

Works without the agent and without the API: it asks the runtime what there is. Containers first get their stop signal
and a grace; then their sandboxes go, which gives networks back. With a runtime that someone else runs, only sandboxes
whose logs lie below our own data directory are ours.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable

import structlog

from knarr.base.clock import Clock
from knarr.node import cgroups, cni
from knarr.node.containerd import Containerd, shims, state_dir, unmount_below
from knarr.node.cri.face import ContainerLine, RuntimeFault, Sandbox
from knarr.node.cri.runtime import CriRuntime
from knarr.node.orphans import GRACE_NOTE
from knarr.node.settings import Settings
from knarr.node.specs import SIGNAL_NOTE
from knarr.node.volumes.csi import kubeletdir

PURGE_GRACE_S = 2.0  # when their data goes too, there is little to end well for
GRACE_S = 10.0  # what a container gets at most to end well when the machine's owner says stop
ANSWER_S = 20.0  # how long a runtime may take to answer after a start
AT_ONCE_MAX = 16  # stops in flight: more only makes CNI plugins wait for each other

log = structlog.get_logger()


async def stop_pods(settings: Settings, clock: Clock, *, forget: bool) -> int:
    """Stop all containers and sandboxes of this node and return how many pods that were. forget: remove them too."""
    containerd = Containerd(settings, clock)
    if settings.managed and not containerd.pid():
        if not settings.runtime_dir.exists() or not (forget or shims(settings)):
            return 0
        containerd.start()
    runtime = CriRuntime(settings.endpoint)
    try:
        await runtime.ready(ANSWER_S)
        sandboxes = await runtime.list_sandboxes()
        containers = await runtime.list_containers()
        mine = {one.id for one in sandboxes} if settings.managed else _ours(settings, sandboxes)
        grace_s = PURGE_GRACE_S if forget else GRACE_S
        await _each(_stop_container(runtime, one, grace_s) for one in containers if one.sandbox_id in mine)
        await _each(_stop_sandbox(runtime, one, forget=forget) for one in sandboxes if one.id in mine)
        return len({one.uid for one in sandboxes if one.id in mine and one.ready})
    finally:
        await runtime.close()


async def rest(settings: Settings, clock: Clock) -> int:
    """Stop all pods and our own containerd; everything can start again. Returns how many pods were stopped."""
    count = await stop_pods(settings, clock, forget=False)
    if settings.managed:
        await Containerd(settings, clock).stop()
        if not shims(settings):     # else a container still lives by what lies there
            unmount_below(state_dir(settings))
    return count


async def purge(settings: Settings, clock: Clock) -> None:
    """Remove the node: pods, networks, bridge, rules, mounts, cgroups, and their files below the data directory.

    What a containerd of our own does not let go is ended with it.
    """
    try:
        await stop_pods(settings, clock, forget=True)
    except RuntimeFault as fault:
        if not settings.managed:
            raise
        log.warning("purge.forced", error=str(fault))
    if settings.managed:
        await Containerd(settings, clock).purge()
    else:
        cgroups.remove(settings.cgroup_parent)
    cni.remove_masquerade(settings)
    await cni.remove_bridge(settings)
    cni.forget_all(settings)
    unmount_below(settings.data_dir)
    kubeletdir.give_up(settings.data_dir)
    for folder in (settings.pods_dir, settings.memory_dir, settings.cni_conf_dir, settings.cni_ports_dir):
        shutil.rmtree(folder, ignore_errors=True)


def _ours(settings: Settings, sandboxes: Iterable[Sandbox]) -> set[str]:
    return {one.id for one in sandboxes if one.uid and settings.pod_dir(one.uid).exists()}


async def _stop_container(runtime: CriRuntime, line: ContainerLine, grace_s: float) -> None:
    if line.state == "running":
        own_s = float(line.annotations.get(GRACE_NOTE, grace_s))
        await runtime.stop_container(line.id, grace_s=min(own_s, grace_s),
                                     signal=line.annotations.get(SIGNAL_NOTE, ""))


async def _stop_sandbox(runtime: CriRuntime, sandbox: Sandbox, *, forget: bool) -> None:
    await runtime.stop_sandbox(sandbox.id)
    if forget:
        await runtime.remove_sandbox(sandbox.id)


async def _each(steps: Iterable[object]) -> None:
    """Run coroutines side by side, a bounded number at once; the first fault is raised after all have ended."""
    room = asyncio.Semaphore(AT_ONCE_MAX)
    faults: list[RuntimeFault] = []

    async def one(step: object) -> None:
        async with room:
            try:
                await step  # type: ignore[misc]
            except RuntimeFault as fault:
                faults.append(fault)

    async with asyncio.TaskGroup() as group:
        for step in steps:
            group.create_task(one(step))
    if faults:
        raise faults[0]
