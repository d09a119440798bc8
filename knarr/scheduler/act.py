"""Carry out placements: bind volumes, then the pod; write down why a pod waits; evict for a more important one."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from knarr.api import volumes
from knarr.api.errors import ApiError, NotFound
from knarr.api.types import core_v1, meta_v1
from knarr.base.clock import Clock
from knarr.base.times import rfc3339
from knarr.client.client import STRATEGIC, Client
from knarr.reconcile.events import Recorder
from knarr.scheduler.frame import Placed
from knarr.scheduler.observe import Observer
from knarr.scheduler.plan import Bind, Refuse
from knarr.scheduler.plugins import nodestate

WRITES_MAX = 128        # bindings and status writes in flight; the store commits them in groups
VOLUMES_WAIT_S = 600.0  # Source: kube VolumeBindingArgs, bindTimeoutSeconds

log = structlog.get_logger()


class Unbindable(Exception):
    """The pod's volumes could not be bound; the pod is tried again."""


class Actor:
    """Writes what the plan decided."""

    def __init__(self, client: Client, recorder: Recorder, *, clock: Clock, seen: Observer) -> None:
        self._client, self._recorder, self._clock, self._seen = client, recorder, clock, seen
        self._claims, self._volumes = seen.claims, seen.volumes
        self._changed = asyncio.Event()
        self._room = asyncio.Semaphore(WRITES_MAX)
        seen.claims.on_change(lambda old, new: self._stir())
        seen.pods.on_change(lambda old, new: self._stir() if new is None else None)

    async def bind(self, decision: Bind, pod: core_v1.Pod) -> bool:
        """Give the pod its node; tell whether the server took it, or the pod is gone."""
        one = decision.pod
        try:
            if decision.volumes:
                await self._bind_volumes(decision)
            await self._bind_pod(decision)
        except NotFound:
            return True
        except (ApiError, OSError, Unbindable) as error:
            if self._seen.pending(one.uid) is None:
                return True  # the watch has shown what became of it
            log.warning("scheduler.bind", pod=f"{one.namespace}/{one.name}", node=decision.node, error=str(error))
            self._recorder.event(pod, "FailedScheduling", str(error), type="Warning")
            return False
        said = f"Successfully assigned {one.namespace}/{one.name} to {decision.node}"
        self._recorder.event(pod, "Scheduled", said)
        return True

    async def _bind_pod(self, decision: Bind) -> None:
        one = decision.pod
        binding = core_v1.Binding(
            metadata=meta_v1.ObjectMeta(name=one.name, namespace=one.namespace, uid=one.uid),
            target=core_v1.ObjectReference(kind="Node", name=decision.node),
        )
        async with self._room:
            await self._client.post(core_v1.Pod, one.namespace, one.name, subresource="binding", obj=binding)

    async def refuse(self, decision: Refuse, pod: core_v1.Pod) -> None:
        """Write why the pod waits, where that is news, and evict its victims."""
        for victim in decision.victims:
            await self._evict(victim, decision)
        known = next((one for one in pod.status.conditions if one.type == "PodScheduled"), None)
        nominated = decision.nominated or pod.status.nominatedNodeName
        if known is not None and known.message == decision.message and nominated == pod.status.nominatedNodeName:
            return
        self._recorder.event(pod, "FailedScheduling", decision.message, type="Warning")
        since = known.lastTransitionTime if known is not None and known.status == "False" else None
        status: dict[str, Any] = {"conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": decision.message,
            "lastTransitionTime": since or rfc3339(self._clock.now_s()), "lastProbeTime": None,
        }]}
        if nominated:
            status["nominatedNodeName"] = nominated
        await self._patch_status(decision.pod.namespace, decision.pod.name, uid=decision.pod.uid, status=status)

    async def _patch_status(self, namespace: str, name: str, *, uid: str, status: dict[str, Any]) -> None:
        patch = {"metadata": {"uid": uid}, "status": status}
        try:
            async with self._room:
                await self._client.patch(
                    core_v1.Pod, namespace, name, patch=patch, content_type=STRATEGIC, subresource="status")
        except NotFound:
            return
        except (ApiError, OSError) as error:
            # The next try of the pod writes it again.
            log.warning("scheduler.status", pod=f"{namespace}/{name}", error=str(error))

    async def _evict(self, victim: Placed, decision: Refuse) -> None:
        message = "default-scheduler: preempting to accommodate a higher priority pod"
        target = {
            "type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": message,
            "lastTransitionTime": rfc3339(self._clock.now_s()),
        }
        await self._patch_status(victim.namespace, victim.name, uid=victim.uid, status={"conditions": [target]})
        try:
            await self._client.delete(core_v1.Pod, victim.namespace, victim.name, uid=victim.uid)
        except NotFound:
            return
        except (ApiError, OSError) as error:
            log.warning("scheduler.preempt", pod=f"{victim.namespace}/{victim.name}", error=str(error))
            return
        about = core_v1.ObjectReference(
            apiVersion="v1", kind="Pod", namespace=victim.namespace, name=victim.name, uid=victim.uid)
        said = f"Preempted by pod {decision.pod.uid} on node {decision.nominated}"
        self._recorder.event(about, "Preempted", said)

    async def _bind_volumes(self, decision: Bind) -> None:
        namespace = decision.pod.namespace
        for name, volume in decision.volumes.items():
            claim = self._claims.get(namespace, name)
            if claim is None:
                raise Unbindable(f'persistentvolumeclaim "{name}" not found')
            if volume:
                await self._set_aside(volume, claim)
            else:
                await self._ask_for_volume(claim, decision.node)
        await self._wait_bound(decision)
        self._still_open(decision)

    async def _set_aside(self, name: str, claim: core_v1.PersistentVolumeClaim) -> None:
        volume = self._volumes.get("", name)
        if volume is None:
            raise Unbindable(f'persistentvolume "{name}" not found')
        if volumes.is_bound_to(volume, claim) and volume.spec.claimRef is not None and volume.spec.claimRef.uid:
            return
        meta = claim.metadata
        ref = {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": meta.namespace, "name": meta.name,
               "uid": meta.uid, "resourceVersion": meta.resourceVersion}
        await self._client.patch(core_v1.PersistentVolume, "", name, patch={
            "metadata": {"resourceVersion": volume.metadata.resourceVersion,
                         "annotations": {volumes.BOUND_BY_CONTROLLER: "yes"}},
            "spec": {"claimRef": ref},
        })

    async def _ask_for_volume(self, claim: core_v1.PersistentVolumeClaim, node: str) -> None:
        meta = claim.metadata
        if meta.annotations.get(volumes.SELECTED_NODE) == node:
            return
        await self._client.patch(core_v1.PersistentVolumeClaim, meta.namespace or "", meta.name or "", patch={
            "metadata": {"uid": meta.uid, "annotations": {volumes.SELECTED_NODE: node}}})

    async def _wait_bound(self, decision: Bind) -> None:
        """Wait until every claim is bound, or its provisioner has given the node back."""
        asked = False
        try:
            async with asyncio.timeout(VOLUMES_WAIT_S):
                while True:
                    changed = self._changed
                    if self._seen.pending(decision.pod.uid) is None:
                        raise Unbindable("the pod is gone")
                    found = [self._claims.get(decision.pod.namespace, name) for name in decision.volumes]
                    if all(one is not None and volumes.BIND_COMPLETED in one.metadata.annotations for one in found):
                        return
                    nodes = {one.metadata.annotations.get(volumes.SELECTED_NODE) for one in found if one is not None}
                    if None in found or (asked and decision.node not in nodes and "" in decision.volumes.values()):
                        raise Unbindable("provisioning failed: the claim was given back")
                    asked = asked or decision.node in nodes
                    await changed.wait()
        except TimeoutError:
            raise Unbindable(f"binding volumes: not bound within {VOLUMES_WAIT_S:.0f} s") from None

    def _still_open(self, decision: Bind) -> None:
        """Its volumes may have been long in coming: no pod to a node that was cordoned or removed meanwhile."""
        frame = self._seen.frame
        row = frame.rows.get(decision.node)
        if row is None:
            raise Unbindable(f'node "{decision.node}" not found')
        if nodestate.cordoned(decision.pod.needs, frame)[row]:
            raise Unbindable(f'node "{decision.node}" was cordoned while volumes were being bound')

    def _stir(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
