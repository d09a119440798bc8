"""Simulate nodes at the price of one reader: their pods run as soon as they are bound, and end as soon as they must.

What a real agent tells the API is told here too: a Lease that it renews, a pod's status once it runs, and its end. What
it does on its own machine is not here; `bench.pods` measures that.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from knarr.api.errors import ApiError, NotFound
from knarr.api.types.coordination_v1 import Lease, LeaseSpec
from knarr.api.types.core_v1 import Node, Pod
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.base.clock import Clock
from knarr.base.times import rfc3339, rfc3339_micro
from knarr.client.client import Client
from knarr.client.informers import Informers

HANDS = 16
RENEW_S = 10.0  # Source: kubelet's nodeLeaseDurationSeconds / 4
LEASES = "kube-node-lease"
MERGE = "application/merge-patch+json"
SIZE = {"cpu": "64", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "110"}


class Fleet:
    """Nodes that are light. informers: their view of all pods."""

    def __init__(self, client: Client, informers: Informers, clock: Clock, *, nodes: int) -> None:
        self._client, self._clock = client, clock
        self._names = [f"node-{number}" for number in range(1, nodes + 1)]
        self._pods = informers.of(Pod)
        self._work: deque[Pod] = deque()
        self._woken = asyncio.Event()
        self._told: set[str] = set()  # uids of pods that have been told to run

    async def live(self) -> None:
        """Register, beat, and run pods until cancelled."""
        for name in self._names:
            await self._client.create(Node(metadata=ObjectMeta(name=name, labels={"kubernetes.io/hostname": name})))
            await self._client.patch(Node, "", name, patch={"status": {
                "capacity": SIZE, "allocatable": SIZE, "conditions": [self._condition("Ready", "KubeletReady")]}},
                content_type=MERGE, subresource="status")
        self._pods.on_change(self._seen)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat())
            for _ in range(HANDS):
                group.create_task(self._hand())

    def _condition(self, type_: str, reason: str = "") -> dict[str, Any]:
        return {"type": type_, "status": "True", "lastTransitionTime": rfc3339(self._clock.now_s()),
                **({"reason": reason} if reason else {})}

    def _seen(self, _: Pod | None, new: Pod | None) -> None:
        if new is None or not new.spec.nodeName:
            return
        if new.metadata.deletionTimestamp or new.metadata.uid not in self._told:
            self._told.add(new.metadata.uid or "")
            self._work.append(new)
            self._woken.set()

    async def _hand(self) -> None:
        while True:
            while self._work:
                await self._tell(self._work.popleft())
            self._woken.clear()
            await self._woken.wait()

    async def _tell(self, pod: Pod) -> None:
        meta = pod.metadata
        place = meta.namespace or "", meta.name or ""
        try:
            if meta.deletionTimestamp:
                self._told.discard(meta.uid or "")
                await self._client.delete(Pod, *place, uid=meta.uid, options={"gracePeriodSeconds": 0})
            else:
                await self._client.patch(Pod, *place, patch={"status": self._running(pod)}, content_type=MERGE,
                                         subresource="status")
        except (NotFound, ApiError):
            return  # it went meanwhile

    def _running(self, pod: Pod) -> dict[str, Any]:
        now = rfc3339(self._clock.now_s())
        number = len(self._told)
        ip = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        ran = [{"name": one.name, "image": one.image, "imageID": "sha256:0", "containerID": f"sim://{pod.metadata.uid}",
                "ready": True, "started": True, "restartCount": 0, "state": {"running": {"startedAt": now}}}
               for one in pod.spec.containers]
        kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
        return {"phase": "Running", "startTime": now, "hostIP": "192.0.2.1", "podIP": ip, "podIPs": [{"ip": ip}],
                "conditions": [self._condition(kind) for kind in kinds], "containerStatuses": ran}

    async def _beat(self) -> None:
        made: dict[str, Lease] = {}
        while True:
            for name in self._names:
                now = rfc3339_micro(self._clock.now_s())
                spec = LeaseSpec(holderIdentity=name, leaseDurationSeconds=40, renewTime=now)
                old = made.get(name)
                meta = old.metadata if old is not None else ObjectMeta(name=name, namespace=LEASES)
                lease = Lease(metadata=meta, spec=spec)
                made[name] = await (self._client.update(lease) if old is not None else self._client.create(lease))
            await self._clock.sleep(RENEW_S)
