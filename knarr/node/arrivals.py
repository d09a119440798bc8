"""Let pods in that come to this node, or turn them away.

What the node's object speaks against is looked at twice: the scheduler may know a label that was put on a moment ago.
Source: kube kubelet/lifecycle/predicate.go (Admit, which reads the node anew before it refuses).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from knarr.api.errors import ApiError
from knarr.api.types.core_v1 import Node, Pod
from knarr.base.backoff import Backoff
from knarr.base.clock import Clock
from knarr.client.client import Client
from knarr.node.admission import OF_THE_NODE, Admission
from knarr.node.podmachine.state import Begin, Refusal, Refused
from knarr.node.worker import PodWorker

RETRY = Backoff(first_s=0.1, factor=2, cap_s=7)

log = structlog.get_logger()


@dataclass(slots=True)
class Arrivals:
    """The way in. closed: why nobody comes in now; living: who is here; shown: a pod's newest object.

    make: a worker for a pod that this node sees for the first time.
    """

    admission: Admission
    workers: dict[str, PodWorker]
    node_name: str
    client: Client
    clock: Clock
    group: asyncio.TaskGroup
    closed: Callable[[], Refusal | None]
    living: Callable[[], list[Pod]]
    shown: Callable[[Pod], Pod | None]
    make: Callable[[Pod], PodWorker]
    _doubted: set[str] = field(default_factory=set)

    def see(self, pod: Pod) -> None:
        """Take a pod that has no worker, unless it is being looked at already."""
        if (pod.metadata.uid or "") not in self._doubted:
            self.come(self.make(pod))

    def come(self, worker: PodWorker, node: Node | None = None) -> None:
        """Let a pod begin, refuse it, or look again. node: this node, if read just now. Who lives here may stay."""
        pod = worker.machine.pod
        known = pod.status.startTime is not None or worker.machine.sandbox_id
        refusal = None if known else self.closed() or self.admission.judge(pod, self.living(), node=node)
        if refusal in OF_THE_NODE and node is None:
            self._doubted.add(worker.uid)
            self.group.create_task(self._look_again(pod))
            return
        self.workers[worker.uid] = worker
        worker.post(Begin() if refusal is None else Refused(refusal))

    async def _look_again(self, pod: Pod) -> None:
        try:
            node = await self._newest_node()
        finally:
            self._doubted.discard(pod.metadata.uid or "")
        shown = self.shown(pod)
        if shown is not None:
            self.come(self.make(shown), node)

    async def _newest_node(self) -> Node:
        failures = 0
        while True:
            try:
                return await self.client.get(Node, "", self.node_name)
            except (ApiError, OSError) as fault:
                log.info("node.read", failures=failures, error=str(fault))
                await self.clock.sleep(RETRY.delay_s(failures))
                failures += 1
