"""Keep this node known to the API: register it, renew its lease, write its status when it changes or grows old.

Source: kube kubelet_node_status.go; component-helpers/apimachinery/lease/controller.go.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

import msgspec
import structlog

from knarr.api.errors import AlreadyExists, ApiError, NotFound
from knarr.api.types.coordination_v1 import Lease, LeaseSpec
from knarr.api.types.core_v1 import Node
from knarr.api.types.meta_v1 import ObjectMeta, OwnerReference
from knarr.base.backoff import Backoff
from knarr.base.clock import Clock
from knarr.base.times import rfc3339_micro
from knarr.client.client import MERGE, STRATEGIC, Client
from knarr.node import nodestatus
from knarr.node.cri.face import Features, Runtime, RuntimeFault, RuntimeVersion
from knarr.node.nodestatus import Changing, MachineFacts
from knarr.node.settings import Settings

LEASE_NAMESPACE = "kube-node-lease"
LEASE_S, RENEW_S = 40, 10.0        # Source: kubelet's nodeLeaseDurationSeconds, a quarter of it
PACE = "knarr.dev/renew-every"     # annotation of the lease: how often to renew it, in seconds; controllers write it
RENEW_MIN_S = 1.0                  # whatever is written there
MISSED_MAX = 3                     # renewals that may be late before a quick lease is over
LOOK_S = 10.0                      # how often the machine is looked at. Source: kubelet's nodeStatusUpdateFrequency
REPORT_S = 300.0                   # an unchanged status is written again. Source: nodeStatusReportFrequency
RETRY = Backoff(first_s=0.1, factor=2, cap_s=7)
AGEING = frozenset({"lastHeartbeatTime", "lastTransitionTime"})

log = structlog.get_logger()


class Heartbeat:
    """One node's presence in the API."""

    def __init__(self, settings: Settings, client: Client, runtime: Runtime, *, facts: MachineFacts,
                 clock: Clock, changing: Callable[[], Changing] = Changing) -> None:
        """Changing: what is different from one look to the next."""
        self._changing = changing
        self.urgent = asyncio.Event()       # set it to have the machine looked at now
        self._settings = settings
        self._client = client
        self._runtime = runtime
        self.features = Features()          # of the runtime, as it was asked last
        self._facts = facts
        self._clock = clock
        self._written: dict[str, Any] = {}
        self._written_at_s = float("-inf")
        self._lease: Lease | None = None
        self.registered = asyncio.Event()
        self.node: Node | None = None       # as it was read last

    async def run(self) -> NoReturn:
        """Register, then beat for ever."""
        node = await self._register()
        self.registered.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._renew_forever(node))
            group.create_task(self._report_forever())
        raise AssertionError("a heart does not end")

    async def _register(self) -> Node:
        """Create the Node, or take the one that is there; until it succeeds."""
        failures = 0
        while True:
            try:
                node = await self._create_or_adopt()
                await self._report(node)
                return node
            except (ApiError, OSError, RuntimeFault) as fault:
                log.info("node.register", failures=failures, error=str(fault))
                await self._clock.sleep(RETRY.delay_s(failures))
                failures += 1

    async def _create_or_adopt(self) -> Node:
        wanted = nodestatus.node_object(self._settings, self._facts)
        try:
            return await self._client.create(wanted)
        except AlreadyExists:
            node = await self._client.get(Node, "", self._settings.node_name)
        labels, notes = wanted.metadata.labels, wanted.metadata.annotations
        if labels.items() <= node.metadata.labels.items() and notes.items() <= node.metadata.annotations.items():
            return node
        return await self._client.patch(
            Node, "", self._settings.node_name, patch={"metadata": {"labels": labels, "annotations": notes}},
            content_type=MERGE)

    async def _report_forever(self) -> NoReturn:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self.urgent.wait()
            self.urgent.clear()
            try:
                await self._report(await self._client.get(Node, "", self._settings.node_name))
            except NotFound:
                await self._register()
            except (ApiError, OSError) as fault:
                log.info("node.report", error=str(fault))

    async def _report(self, node: Node) -> None:
        """Write the status if it differs from what was written last, or that has grown old, or somebody overwrote it.

        The node controller does so once it takes us for lost: it must hear at once that we are not.
        """
        self.node = node
        age_s = self._clock.monotonic_s() - self._written_at_s      # the wall clock may have been set back
        version, fault, images = await self._look()
        before = {each.type: each for each in node.status.conditions}
        changing = self._changing()
        healthy = nodestatus.Health(fault or changing.trouble, changing.pressures)
        status = nodestatus.node_status(
            self._settings, self._facts, runtime=version, images=images,
            conditions=nodestatus.node_conditions(healthy, before, self._clock.now_s()), devices=changing.devices)
        ageless = {**status, "conditions": [
            {key: value for key, value in each.items() if key not in AGEING} for each in status["conditions"]]}
        stands = all(one["type"] in before and before[one["type"]].status == one["status"]
                     for one in status["conditions"])
        if ageless == self._written and stands and age_s < REPORT_S:
            return
        await self._client.patch(Node, "", self._settings.node_name, patch={"status": status},
                                 content_type=STRATEGIC, subresource="status")
        self._written, self._written_at_s = ageless, self._clock.monotonic_s()

    async def learn_features(self) -> None:
        """Ask what the runtime can do. Raises RuntimeFault."""
        self.features = await self._runtime.features()

    async def _look(self) -> tuple[RuntimeVersion, str, tuple[Any, ...]]:
        """Ask the runtime how it is; a fault is its answer."""
        try:
            version = await self._runtime.version()
            await self.learn_features()
            version = replace(version, features=self.features)
            return version, await self._runtime.network_ready(), await self._runtime.list_images()
        except RuntimeFault as fault:
            return RuntimeVersion("unknown", ""), f"container runtime is down: {fault}", ()

    async def _renew_forever(self, node: Node) -> NoReturn:
        failures = 0
        while True:
            try:
                await self._renew(node)
                failures = 0
                await self._clock.sleep(renew_s(self._lease))
            except (ApiError, OSError) as fault:
                log.info("lease.retry", failures=failures, error=str(fault))
                self._lease = None
                await self._clock.sleep(RETRY.delay_s(failures))
                failures += 1

    async def _renew(self, node: Node) -> None:
        """Create the lease, or write a new time into it."""
        name = self._settings.node_name
        if self._lease is None:
            try:
                self._lease = await self._client.get(Lease, LEASE_NAMESPACE, name)
            except NotFound:
                owner = OwnerReference(apiVersion="v1", kind="Node", name=name, uid=node.metadata.uid or "")
                meta = ObjectMeta(name=name, namespace=LEASE_NAMESPACE, ownerReferences=(owner,))
                self._lease = await self._client.create(self._renewed(Lease(metadata=meta)))
                return
        self._lease = await self._client.update(self._renewed(self._lease))

    def _renewed(self, lease: Lease) -> Lease:
        """Return the lease with a new time, and for as long as its pace promises."""
        every_s = renew_s(lease)
        spec = LeaseSpec(
            holderIdentity=self._settings.node_name, renewTime=rfc3339_micro(self._clock.now_s()),
            leaseDurationSeconds=LEASE_S if every_s >= RENEW_S else int(MISSED_MAX * every_s))
        notes = {PACE: f"{RENEW_S:g}", **lease.metadata.annotations}
        return msgspec.structs.replace(
            lease, spec=spec, metadata=msgspec.structs.replace(lease.metadata, annotations=notes))


def renew_s(lease: Lease | None) -> float:
    """Return how often the lease is to be renewed: as its annotation says, or as kubelet does."""
    try:
        asked_s = float(lease.metadata.annotations[PACE]) if lease is not None else RENEW_S
    except (KeyError, ValueError):
        return RENEW_S
    return min(max(asked_s, RENEW_MIN_S), RENEW_S)
