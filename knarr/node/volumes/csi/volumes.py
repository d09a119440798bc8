"""Bring CSI volumes to pods and take them away again.

A volume is attached by a controller, staged here once for all pods of this machine, published to each. What was
published is on disk (`records`) before the driver hears of it; every call may be repeated, so a crash at any point
only means calling again. The Node's `volumesInUse` says what must not be detached yet: it is written before the first
call and after the last. Source: kube pkg/volume/csi, kubelet/volumemanager/reconciler.
"""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Final, NoReturn

import structlog

from knarr.api.errors import ApiError, NotFound
from knarr.api.types.core_v1 import Node, Pod, Secret
from knarr.api.types.storage_v1 import CSIDriver, CSIDriverSpec, VolumeAttachment
from knarr.api.volumes import attachment_name
from knarr.base.clock import Clock
from knarr.base.times import rfc3339
from knarr.client.client import Client
from knarr.node.faces import MountError
from knarr.node.plugins.rpc import PluginFault as CsiFault
from knarr.node.settings import Settings
from knarr.node.volumes import ownership, tokens
from knarr.node.volumes.csi import contents, records
from knarr.node.volumes.csi.contents import Source
from knarr.node.volumes.csi.driver import MOUNT_GROUP, STAGE, Asked, Driver
from knarr.node.volumes.csi.records import Record
from knarr.node.volumes.csi.registry import Registry
from knarr.node.volumes.payload import ContentError

ATTACH_S: Final = 10.0     # how long one try waits for an attachment; the pod's next try waits on
ATTACH_LOOK_S: Final = 0.25
REPUBLISH_S: Final = 60.0  # Source: kubelet looks at a pod anew every 60 to 90 s
TOKEN_S: Final = 3600      # Source: kube storage/v1 TokenRequest, the default of authentication/v1
NO_DRIVER: Final = "driver name {} not found in the list of registered CSI drivers"

log = structlog.get_logger()


class CsiVolumes:
    """What this machine's pods have of CSI drivers."""

    def __init__(self, settings: Settings, client: Client, clock: Clock, registry: Registry) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._registry = registry
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}      # by driver and handle: stage and unstage exclude
        self._reported: tuple[str, ...] | None = None              # `volumesInUse` as written last
        self._again: dict[tuple[str, str], tuple[Pod, Source, str]] = {}    # to publish anew, by pod uid and name

    async def set_up(self, pod: Pod, source: Source, *, claim: str = "", anew: bool = False) -> None:
        """Bring one volume to a pod. claim: namespace/name behind it. Raises MountError.

        anew: only if it is there already, and has not been taken away meanwhile.
        """
        about = f'MountVolume.SetUp failed for volume "{source.name}" : '
        try:
            driver, spec = await self._driver(source.driver), await self._spec(source)
            attached = spec.attachRequired is not False and not source.inline
            asked = _asked(pod, source, driver, publish_context=await self._attachment(source) if attached else {})
            async with self._lock(source.driver, source.handle):
                if anew and (pod.metadata.uid or "", source.name) not in self._again:
                    return
                self._note(pod, source, claim=claim, attached=attached)
                await self.report()
                staging = await self._stage(source, driver, asked)
                told = await self._told(pod, source, spec)
                await self._publish(pod, source, driver, asked=replace(asked, context=told), staging=staging)
            if asked.mount_group == "" and contents.owned_by_group(source, spec):
                await asyncio.to_thread(_give, pod, self.place(pod, source))
            if spec.requiresRepublish:
                self._again[pod.metadata.uid or "", source.name] = (pod, source, claim)
        except (CsiFault, ContentError, ApiError, OSError) as fault:
            raise MountError(f"{about}{fault}") from fault

    async def run(self) -> NoReturn:
        """Publish anew, time and again, where a driver wants to refresh what it shows; until cancelled."""
        while True:
            await self._clock.sleep(REPUBLISH_S)
            await self.republish()

    async def republish(self) -> None:
        """Publish everything anew whose driver wants that; a refusal leaves what stands as it is."""
        for pod, source, claim in list(self._again.values()):
            try:
                await self.set_up(pod, source, claim=claim, anew=True)
            except MountError as fault:
                log.warning("csi.republish", pod=pod.metadata.name, volume=source.name, error=str(fault))

    def place(self, pod: Pod, source: Source) -> Path:
        """Return the directory (or device) behind a volume that is set up."""
        return records.target(self._settings, pod.metadata.uid or "", source.name, block=source.block)

    async def tear_down(self, pod_uid: str) -> None:
        """Take all CSI volumes of a pod away. Idempotent. Raises MountError where a driver does not."""
        found = list(records.of_pod(self._settings, pod_uid))
        for record in found:
            self._again.pop((pod_uid, record.specVolID), None)
            try:
                async with self._lock(record.driverName, record.volumeHandle):
                    await self._unpublish(pod_uid, record)
            except (CsiFault, ContentError, OSError) as fault:
                raise MountError(f'UnmountVolume.TearDown failed for volume "{record.specVolID}" : {fault}') from fault
        if found:
            await self.report()

    async def report(self) -> None:
        """Write what is in use into the Node, where that has changed. Raises ApiError, OSError."""
        found = tuple(sorted({one.in_use for _, one in records.every(self._settings) if one.attachmentID}))
        if found == self._reported:
            return
        patch = {"status": {"volumesInUse": list(found) or None}}
        await self._client.patch(Node, "", self._settings.node_name, patch=patch, subresource="status")
        self._reported = found

    async def _driver(self, name: str) -> Driver:
        driver = await self._registry.found(name)
        if driver is None:
            raise ContentError(NO_DRIVER.format(name))
        return driver

    def _lock(self, driver: str, handle: str) -> asyncio.Lock:
        return self._locks.setdefault((driver, handle), asyncio.Lock())

    async def _spec(self, source: Source) -> CSIDriverSpec:
        """Return what the cluster says of the driver, having checked that it may be used so."""
        try:
            found: CSIDriver | None = await self._client.get(CSIDriver, "", source.driver)
        except NotFound:
            found = None
        contents.check_mode(source, found)
        return found.spec if found is not None else CSIDriverSpec()

    async def _attachment(self, source: Source) -> dict[str, str]:
        """Wait a while until the volume is attached to this node; return what the attacher says of it."""
        name = attachment_name(source.driver, source.handle, self._settings.node_name)
        deadline_s, why = self._clock.monotonic_s() + ATTACH_S, "is not there yet"
        while True:
            try:
                found = await self._client.get(VolumeAttachment, "", name)
                if found.status.attached and found.metadata.deletionTimestamp is None:
                    return found.status.attachmentMetadata
                error = found.status.attachError
                why = f"failed: {error.message}" if error is not None else "is not attached yet"
            except ApiError as fault:       # an attachment that is not there is forbidden, as any that is not ours
                why = f"is not there yet: {fault}"
            if self._clock.monotonic_s() >= deadline_s:
                raise ContentError(f"timed out waiting for external-attacher of {source.driver} CSI driver to attach "
                                   f"volume {source.handle}: attachment {name} {why}")
            await self._clock.sleep(ATTACH_LOOK_S)

    def _note(self, pod: Pod, source: Source, *, claim: str, attached: bool) -> None:
        """Write down what will be published, before the driver hears of it."""
        uid = pod.metadata.uid or ""
        records.write(self._settings, uid, Record(
            driverName=source.driver, volumeHandle=source.handle, specVolID=source.name, claim=claim,
            nodeName=self._settings.node_name, target=str(self.place(pod, source)),
            attachmentID=attachment_name(source.driver, source.handle, self._settings.node_name) if attached else "",
            volumeLifecycleMode="Ephemeral" if source.inline else "Persistent"))

    async def _stage(self, source: Source, driver: Driver, asked: Asked) -> str:
        """Let the driver stage the volume, where it does; return the path, empty where not."""
        if STAGE not in driver.can or source.inline:
            return ""
        where = records.staging(self._settings, source.driver, source.handle)
        where.mkdir(parents=True, exist_ok=True, mode=0o750)
        await driver.stage(asked, staging=str(where), secrets=await secret_of(self._client, source.stage_secret))
        return str(where)

    async def _publish(self, pod: Pod, source: Source, driver: Driver, *, asked: Asked, staging: str) -> None:
        target = self.place(pod, source)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)     # the target itself is the driver's to make
        await driver.publish(
            asked, staging=staging, target=str(target), read_only=source.read_only,
            secrets=await secret_of(self._client, source.publish_secret))

    async def _told(self, pod: Pod, source: Source, spec: CSIDriverSpec) -> dict[str, str]:
        """Return the volume's attributes with what the driver wants to know of the pod."""
        told = dict(source.attributes)
        if spec.podInfoOnMount:
            told.update(contents.pod_info(pod, source))
        if spec.tokenRequests:
            told[contents.TOKENS] = await self._tokens(pod, spec)
        return told

    async def _tokens(self, pod: Pod, spec: CSIDriverSpec) -> str:
        """Return tokens of the pod's account, by audience, as JSON."""
        made = {}
        for one in spec.tokenRequests:
            token = await tokens.request(self._client, pod, (one.audience, one.expirationSeconds or TOKEN_S))
            made[one.audience] = {"token": token.text, "expirationTimestamp": rfc3339(token.end_s)}
        return json.dumps(made, separators=(",", ":"))

    async def _unpublish(self, pod_uid: str, record: Record) -> None:
        driver = await self._driver(record.driverName)
        await driver.unpublish(record.volumeHandle, target=record.target)
        _remove(Path(record.target))
        others = any((uid, one.specVolID) != (pod_uid, record.specVolID)
                     and (one.driverName, one.volumeHandle) == (record.driverName, record.volumeHandle)
                     for uid, one in records.every(self._settings))
        staging = records.staging(self._settings, record.driverName, record.volumeHandle)
        if not others and STAGE in driver.can and staging.exists():
            await driver.unstage(record.volumeHandle, staging=str(staging))
            _remove(staging)
            staging.parent.rmdir()
        folder = records.folder(self._settings, pod_uid, record.specVolID)
        (folder / records.FILE).unlink()
        folder.rmdir()


async def secret_of(client: Client, name: tuple[str, str]) -> dict[str, str]:
    """Read a Secret's contents, by namespace and name; no name, no contents. Raises ApiError, OSError."""
    if not name[1]:
        return {}
    found = await client.get(Secret, *name)
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in found.data.items()}


def _asked(pod: Pod, source: Source, driver: Driver, *, publish_context: dict[str, str]) -> Asked:
    group = _fs_group(pod)
    return Asked(
        handle=source.handle, access_mode=(source.access_modes or ("ReadWriteOnce",))[0], block=source.block,
        fs_type=source.fs_type, mount_options=source.mount_options, context=source.attributes,
        publish_context=publish_context,
        mount_group=str(group) if group is not None and MOUNT_GROUP in driver.can else "",
    )


def _fs_group(pod: Pod) -> int | None:
    return pod.spec.securityContext.fsGroup if pod.spec.securityContext is not None else None


def _give(pod: Pod, where: Path) -> None:
    """Give what is published to the pod's fsGroup, where it names one."""
    context = pod.spec.securityContext
    if context is not None and context.fsGroup is not None:
        ownership.give(where, context.fsGroup, only_if_root_differs=context.fsGroupChangePolicy == "OnRootMismatch")


def _remove(path: Path) -> None:
    """Remove what a driver has left of its mount point: an empty directory or file. A mount that stayed is a fault."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
