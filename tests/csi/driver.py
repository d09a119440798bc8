"""A CSI driver whose volumes are directories: its node service, and the registrar that kubelet's registry asks.

Staging binds the volume's directory to the staging path, publishing binds that to the pod's. What was asked is kept in
`calls`, for tests to read; `refuse` makes a method fail. Run alone: `python -m tests.csi.driver FOLDER REGISTRY NODE`.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import grpc
import grpc.aio

from knarr.node.volumes import mounts
from knarr.node.volumes.csi.driver import EXPAND, STAGE
from knarr.node.volumes.csi.messages import message

NAME = "dir.csi.example.com"
SERVICES = {
    "pluginregistration.Registration": {"GetInfo": "InfoRequest", "NotifyRegistrationStatus": "RegistrationStatus"},
    "csi.v1.Identity": {"GetPluginInfo": "Empty"},
    "csi.v1.Node": {
        "NodeGetInfo": "Empty", "NodeGetCapabilities": "Empty", "NodeStageVolume": "NodeStageVolumeRequest",
        "NodeUnstageVolume": "NodeUnstageVolumeRequest", "NodePublishVolume": "NodePublishVolumeRequest",
        "NodeUnpublishVolume": "NodeUnpublishVolumeRequest", "NodeExpandVolume": "NodeExpandVolumeRequest"},
}


class DirectoryDriver:
    """One driver on one node. folder: holds the volumes and the driver's socket."""

    def __init__(self, folder: Path, registry: Path, node: str, *, capabilities: tuple[int, ...] = (STAGE, EXPAND)) -> None:
        self.folder, self.node, self.capabilities = folder, node, capabilities
        self.socket = folder / "csi.sock"
        self.registration = registry / f"{NAME}-reg.sock"
        self.calls: list[tuple[str, object]] = []
        self.refuse: dict[str, str] = {}
        self.told: list[tuple[bool, str]] = []          # what the registrar was told
        self.kind, self.versions = "CSIPlugin", ["1.0.0"]
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Serve on both sockets."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.registration.parent.mkdir(parents=True, exist_ok=True)
        self._server = grpc.aio.server()
        for service, methods in SERVICES.items():
            handlers = {name: grpc.unary_unary_rpc_method_handler(
                getattr(self, f"on_{name}"), request_deserializer=message(asked).FromString,
                response_serializer=lambda answer: answer.SerializeToString()) for name, asked in methods.items()}
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        self._server.add_insecure_port(f"unix://{self.socket}")
        self._server.add_insecure_port(f"unix://{self.registration}")
        await self._server.start()

    async def stop(self) -> None:
        """Go, with the sockets."""
        assert self._server is not None
        await self._server.stop(0)
        for path in (self.socket, self.registration):
            path.unlink(missing_ok=True)

    def volume(self, handle: str) -> Path:
        """Return a volume's directory, made where it is missing."""
        where = self.folder / "volumes" / handle
        where.mkdir(parents=True, exist_ok=True)
        return where

    def names(self) -> list[str]:
        """Name the calls of the node service so far, but for those that only ask."""
        return [name for name, _ in self.calls if "Get" not in name]

    def last(self, name: str):
        """Return the last request of a method."""
        return next(request for called, request in reversed(self.calls) if called == name)

    async def _heard(self, name: str, request, context) -> None:
        self.calls.append((name, request))
        if name in self.refuse:
            await context.abort(grpc.StatusCode.INTERNAL, self.refuse[name])

    async def on_GetInfo(self, request, context):
        return message("PluginInfo")(
            type=self.kind, name=NAME, endpoint=str(self.socket), supported_versions=self.versions)

    async def on_NotifyRegistrationStatus(self, request, context):
        self.told.append((request.plugin_registered, request.error))
        return message("Empty")()

    async def on_GetPluginInfo(self, request, context):
        return message("GetPluginInfoResponse")(name=NAME, vendor_version="1")

    async def on_NodeGetInfo(self, request, context):
        await self._heard("NodeGetInfo", request, context)
        place = message("Topology")(segments={f"topology.{NAME}/node": self.node})
        return message("NodeGetInfoResponse")(node_id=f"id-{self.node}", max_volumes_per_node=3, accessible_topology=place)

    async def on_NodeGetCapabilities(self, request, context):
        able = [message("NodeServiceCapability")(rpc=message("Rpc")(type=one)) for one in self.capabilities]
        return message("NodeGetCapabilitiesResponse")(capabilities=able)

    async def on_NodeStageVolume(self, request, context):
        await self._heard("NodeStageVolume", request, context)
        bound(self.volume(request.volume_id), Path(request.staging_target_path))
        return message("Empty")()

    async def on_NodeUnstageVolume(self, request, context):
        await self._heard("NodeUnstageVolume", request, context)
        mounts.unmount_below(Path(request.staging_target_path))
        return message("Empty")()

    async def on_NodePublishVolume(self, request, context):
        await self._heard("NodePublishVolume", request, context)
        staged = request.staging_target_path
        bound(Path(staged) if staged else self.volume(request.volume_id), Path(request.target_path))
        return message("Empty")()

    async def on_NodeUnpublishVolume(self, request, context):
        await self._heard("NodeUnpublishVolume", request, context)
        mounts.unmount_below(Path(request.target_path))
        Path(request.target_path).rmdir()
        return message("Empty")()

    async def on_NodeExpandVolume(self, request, context):
        await self._heard("NodeExpandVolume", request, context)
        (self.volume(request.volume_id) / "size").write_text(str(request.capacity_range.required_bytes))
        return message("NodeExpandVolumeResponse")(capacity_bytes=request.capacity_range.required_bytes)


def bound(source: Path, where: Path) -> None:
    """Show one directory at another place; a second time changes nothing."""
    where.mkdir(parents=True, exist_ok=True)
    if not mounts.below(where):
        mounts.bind(str(source), where)


async def main(folder: str, registry: str, node: str) -> None:
    """Serve until SIGTERM."""
    driver, stopped = DirectoryDriver(Path(folder), Path(registry), node), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await driver.start()
    await stopped.wait()
    await driver.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
