"""Speak to one CSI driver's node service. Source: CSI specification 1.11; kube pkg/volume/csi/csi_client.go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from knarr.node.plugins.rpc import Channel
from knarr.node.plugins.rpc import PluginFault as CsiFault
from knarr.node.volumes.csi.messages import IDENTITY, NODE, message

CALL_S: Final = 120.0      # Source: kube pkg/volume/csi/csi_plugin.go, csiTimeout of two minutes
SHORT_S: Final = 15.0      # of calls that only tell
STAGE, STATS, EXPAND, CONDITION, MULTI_WRITER, MOUNT_GROUP = 1, 2, 3, 4, 5, 6      # NodeServiceCapability.RPC.Type
# VolumeCapability.AccessMode.Mode by PersistentVolume access mode, for drivers with and without MULTI_WRITER.
# Source: kube pkg/volume/csi/csi_client.go, mapKubeAccessMode... and asSingleNodeMultiWriterCapableCSIAccessModeV1.
MODES: Final = {"ReadWriteOnce": 1, "ReadOnlyMany": 3, "ReadWriteMany": 5, "ReadWriteOncePod": 1}
MODES_FINE: Final = {**MODES, "ReadWriteOnce": 7, "ReadWriteOncePod": 6}


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What a driver says of this node. volumes_max: 0 is no limit."""

    node_id: str
    volumes_max: int
    topology: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted of one volume: the part that all calls share. mount_group: "" leaves ownership to us."""

    handle: str
    access_mode: str
    block: bool = False
    fs_type: str = ""
    mount_options: tuple[str, ...] = ()
    mount_group: str = ""
    context: Mapping[str, str] = field(default_factory=dict)
    publish_context: Mapping[str, str] = field(default_factory=dict)


class Driver:
    """One driver on this machine. shown: how it knows a path that we know."""

    def __init__(self, name: str, endpoint: str, *, shown: Callable[[str], str] = str) -> None:
        self.name = name
        self.can: frozenset[int] = frozenset()
        self._shown = shown
        self._socket = Channel(endpoint, message)

    async def introduce(self) -> NodeInfo:
        """Ask who answers and what it can. Raises CsiFault, also where another driver's name is told."""
        told = await self._call(f"{IDENTITY}GetPluginInfo", message("Empty")(), "GetPluginInfoResponse", SHORT_S)
        if told.name != self.name:
            raise CsiFault("INVALID_ARGUMENT", f"the socket of driver {self.name} is that of driver {told.name}")
        able = await self._call(
            f"{NODE}NodeGetCapabilities", message("Empty")(), "NodeGetCapabilitiesResponse", SHORT_S)
        self.can = frozenset(one.rpc.type for one in able.capabilities)
        info = await self._call(f"{NODE}NodeGetInfo", message("Empty")(), "NodeGetInfoResponse", CALL_S)
        return NodeInfo(info.node_id, info.max_volumes_per_node, dict(info.accessible_topology.segments))

    async def stage(self, asked: Asked, *, staging: str, secrets: Mapping[str, str]) -> None:
        """Make the volume stand on this machine, once for all its pods. Idempotent."""
        request = message("NodeStageVolumeRequest")(
            volume_id=asked.handle, staging_target_path=self._shown(staging), volume_capability=self._capability(asked),
            secrets=secrets, volume_context=asked.context, publish_context=asked.publish_context)
        await self._call(f"{NODE}NodeStageVolume", request, "Empty", CALL_S)

    async def unstage(self, handle: str, *, staging: str) -> None:
        """Undo `stage`. Idempotent."""
        request = message("NodeUnstageVolumeRequest")(
            volume_id=handle, staging_target_path=self._shown(staging))
        await self._call(f"{NODE}NodeUnstageVolume", request, "Empty", CALL_S)

    async def publish(
        self, asked: Asked, *, staging: str, target: str, read_only: bool, secrets: Mapping[str, str],
    ) -> None:
        """Show the volume to one pod. staging: "" for a driver that does not stage. Idempotent."""
        request = message("NodePublishVolumeRequest")(
            volume_id=asked.handle, staging_target_path=self._shown(staging), target_path=self._shown(target),
            readonly=read_only, volume_capability=self._capability(asked), secrets=secrets,
            volume_context=asked.context, publish_context=asked.publish_context)
        await self._call(f"{NODE}NodePublishVolume", request, "Empty", CALL_S)

    async def unpublish(self, handle: str, *, target: str) -> None:
        """Undo `publish`. Idempotent."""
        request = message("NodeUnpublishVolumeRequest")(volume_id=handle, target_path=self._shown(target))
        await self._call(f"{NODE}NodeUnpublishVolume", request, "Empty", CALL_S)

    async def expand(
        self, asked: Asked, *, staging: str, path: str, size_bytes: int, secrets: Mapping[str, str],
    ) -> None:
        """Let what lies on the volume use its new size."""
        request = message("NodeExpandVolumeRequest")(
            volume_id=asked.handle, volume_path=self._shown(path), staging_target_path=self._shown(staging),
            capacity_range=message("CapacityRange")(required_bytes=size_bytes),
            volume_capability=self._capability(asked), secrets=secrets)
        await self._call(f"{NODE}NodeExpandVolume", request, "NodeExpandVolumeResponse", CALL_S)

    async def close(self) -> None:
        """Hang up."""
        await self._socket.close()

    def _capability(self, asked: Asked) -> Any:
        modes = MODES_FINE if MULTI_WRITER in self.can else MODES
        mode = message("AccessMode")(mode=modes.get(asked.access_mode, 1))
        capability = message("VolumeCapability")(access_mode=mode)
        if asked.block:
            capability.block.SetInParent()
        else:
            capability.mount.CopyFrom(message("MountVolume")(
                fs_type=asked.fs_type, mount_flags=asked.mount_options, volume_mount_group=asked.mount_group))
        return capability

    async def _call(self, method: str, request: Any, answer: str, timeout_s: float) -> Any:
        return await self._socket.call(method, request, answer=answer, timeout_s=timeout_s)
