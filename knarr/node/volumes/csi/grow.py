"""Let volumes that are mounted here follow their claims when these grow, and publish anew where a driver wants that.

A resizer grows the storage and the volume object; what lies on it is grown here, by the driver, and then the claim
says its new size. Source: kube kubelet/volumemanager/populator, volume/util/operationexecutor/node_expander.go.
"""

from __future__ import annotations

from typing import Final, NoReturn

import structlog

from knarr.api import quantity
from knarr.api.errors import ApiError
from knarr.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim
from knarr.base.clock import Clock
from knarr.client.client import Client
from knarr.node.plugins.rpc import PluginFault as CsiFault
from knarr.node.settings import Settings
from knarr.node.volumes.csi import contents, records
from knarr.node.volumes.csi.driver import EXPAND, STAGE, Asked
from knarr.node.volumes.csi.records import Record
from knarr.node.volumes.csi.registry import Registry
from knarr.node.volumes.csi.volumes import secret_of

LOOK_S: Final = 10.0
RESIZING: Final = ("Resizing", "FileSystemResizePending")

log = structlog.get_logger()


class Growth:
    """Looks after the claims of what is mounted here. Costs one `listdir` a look where there is none."""

    def __init__(self, settings: Settings, client: Client, clock: Clock, registry: Registry) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._registry = registry

    async def run(self) -> NoReturn:
        """Look again and again, until cancelled."""
        while True:
            await self._clock.sleep(LOOK_S)
            if self._registry.any_can(EXPAND):
                await self.look()

    async def look(self) -> None:
        """Grow what has fallen behind its volume object; a volume that several pods have is grown once."""
        seen: set[str] = set()
        for _, record in records.every(self._settings):
            if record.claim and record.in_use not in seen:
                seen.add(record.in_use)
                try:
                    await self._follow(record)
                except (ApiError, OSError, CsiFault) as fault:
                    log.warning("csi.grow", volume=record.specVolID, error=str(fault))

    async def _follow(self, record: Record) -> None:
        driver = self._registry.driver(record.driverName)
        if driver is None or EXPAND not in driver.can:
            return
        claim = await self._client.get(PersistentVolumeClaim, *record.claim.split("/"))
        volume = await self._client.get(PersistentVolume, "", record.specVolID)
        size = volume.spec.capacity.get("storage", "0")
        if quantity.value(size) <= quantity.value(claim.status.capacity.get("storage", "0")):
            return
        source = contents.of_volume(volume, read_only=False)
        asked = Asked(
            handle=source.handle, access_mode=(source.access_modes or ("ReadWriteOnce",))[0], block=source.block,
            fs_type=source.fs_type, mount_options=source.mount_options)
        staging = str(records.staging(self._settings, source.driver, source.handle)) if STAGE in driver.can else ""
        await driver.expand(
            asked, staging=staging, path=record.target, size_bytes=quantity.value(size),
            secrets=await secret_of(self._client, source.expand_secret))
        await self._tell(claim, size)
        log.info("csi.grown", volume=record.specVolID, size=size)

    async def _tell(self, claim: PersistentVolumeClaim, size: str) -> None:
        meta = claim.metadata
        kept = [one for one in claim.status.conditions if one.type not in RESIZING]
        await self._client.patch(PersistentVolumeClaim, meta.namespace or "", meta.name or "", patch={
            "metadata": {"uid": meta.uid},
            "status": {"capacity": {"storage": size}, "conditions": [
                {"type": one.type, "status": one.status, "reason": one.reason, "message": one.message,
                 "lastProbeTime": one.lastProbeTime, "lastTransitionTime": one.lastTransitionTime} for one in kept]},
        }, subresource="status")
