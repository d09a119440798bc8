"""Remove what runs or lies here for pods that the API no longer has."""

from __future__ import annotations

import asyncio
import shutil

import structlog

from knarr.base.backoff import Backoff
from knarr.node import cgroups
from knarr.node.adopt import Remains
from knarr.node.cri.face import RuntimeFault
from knarr.node.faces import MountError
from knarr.node.specs import SIGNAL_NOTE
from knarr.node.tools import Tools

GRACE_NOTE = "io.kubernetes.pod.terminationGracePeriod"
GRACE_S = 30.0
TRIES_MAX = 5
RETRY = Backoff(first_s=0.5, factor=2, cap_s=60)

log = structlog.get_logger()


async def remove_orphan(tools: Tools, uid: str, left: Remains) -> None:
    """Stop a pod's containers with the grace they were made with, then remove its sandboxes and folders."""
    for failures in range(TRIES_MAX):
        try:
            await stop(tools, left)
            break
        except RuntimeFault as fault:
            log.warning("orphan.retry", uid=uid, error=str(fault))
            await tools.clock.sleep(1.0 + failures)
    await remove_folders(tools, uid)
    for qos in cgroups.QOS_DIRS:
        cgroups.remove(cgroups.pod_parent(tools.settings.cgroup_parent, qos, uid), tools.settings.cgroup_root)
    for sandbox in left.sandboxes:
        logs = tools.settings.log_dir(sandbox.namespace, sandbox.name, uid)
        shutil.rmtree(logs, ignore_errors=True)


async def stop(tools: Tools, left: Remains) -> None:
    """Stop containers side by side, then their sandboxes."""
    running = [line for line in left.containers if line.state == "running"]
    await asyncio.gather(*(
        tools.runtime.stop_container(line.id, grace_s=float(line.annotations.get(GRACE_NOTE, GRACE_S)),
                                     signal=line.annotations.get(SIGNAL_NOTE, ""))
        for line in running))
    for sandbox in left.sandboxes:
        await tools.runtime.stop_sandbox(sandbox.id)
        await tools.runtime.remove_sandbox(sandbox.id)


async def remove_folders(tools: Tools, uid: str) -> None:
    """Tear down a pod's volumes and remove its folder; until it is done, for a volume's driver may come up later."""
    failures = 0
    while True:
        try:
            await tools.volumes.tear_down(uid)
            break
        except MountError as fault:
            log.warning("orphan.volumes", uid=uid, failures=failures, error=str(fault))
            await tools.clock.sleep(RETRY.delay_s(failures))
            failures += 1
    shutil.rmtree(tools.settings.pod_dir(uid), ignore_errors=True)
