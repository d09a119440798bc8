"""A device plugin as vendors write them: devices that exist only by name, given as a variable and a file.

Run alone: `python -m tests.devices.plugin FOLDER COUNT`; it registers whenever the node's socket is made anew, and a
device falls ill while a file `FOLDER/ill-<id>` lies there.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import grpc
import grpc.aio

from knarr.node.devices.messages import PLUGIN, REGISTER, VERSION, message
from knarr.node.plugins.rpc import Channel, PluginFault

RESOURCE, LOOK_S = "example.com/lamp", 0.05
UNARY = {"GetDevicePluginOptions": "Empty", "GetPreferredAllocation": "PreferredAllocationRequest",
         "Allocate": "AllocateRequest", "PreStartContainer": "PreStartContainerRequest"}


class LampPlugin:
    """One plugin. prefers: the ids it would rather give; calls: what it was asked; refuse: method -> why; heard: by how many."""

    def __init__(self, folder: Path, count: int, *, endpoint: str = "lamp.sock", prefers: tuple[str, ...] = ()) -> None:
        self.folder, self.endpoint, self.prefers = folder, endpoint, prefers
        self.health = {f"lamp-{number}": True for number in range(count)}
        self.calls: list[tuple[str, list[str]]] = []
        self.refuse: dict[str, str] = {}
        self.heard = 0
        self._changed = asyncio.Event()
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Serve on a socket of its own."""
        (self.folder / self.endpoint).unlink(missing_ok=True)
        self._server = grpc.aio.server()
        handlers = {name: grpc.unary_unary_rpc_method_handler(
            getattr(self, f"on_{name}"), request_deserializer=message(asked).FromString,
            response_serializer=lambda answer: answer.SerializeToString()) for name, asked in UNARY.items()}
        handlers["ListAndWatch"] = grpc.unary_stream_rpc_method_handler(
            self.on_ListAndWatch, request_deserializer=message("Empty").FromString,
            response_serializer=lambda answer: answer.SerializeToString())
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(PLUGIN.strip("/"), handlers),))
        self._server.add_insecure_port(f"unix://{self.folder / self.endpoint}")
        await self._server.start()

    async def register(self, *, version: str = VERSION, resource: str = RESOURCE) -> None:
        """Tell the node of itself. Raises PluginFault."""
        channel = Channel(str(self.folder / "kubelet.sock"), message)
        try:
            await channel.call(REGISTER, message("RegisterRequest")(
                version=version, endpoint=self.endpoint, resource_name=resource,
                options={"pre_start_required": True, "get_preferred_allocation_available": bool(self.prefers)},
            ), answer="Empty", timeout_s=10)
        finally:
            await channel.close()

    async def stop(self) -> None:
        """Go."""
        if self._server is not None:
            await self._server.stop(0)

    def set_health(self, name: str, fine: bool) -> None:
        """Let a device fall ill, or be well again."""
        if self.health[name] != fine:
            self.health[name] = fine
            self._changed.set()

    async def on_GetDevicePluginOptions(self, request, context):
        return message("DevicePluginOptions")(pre_start_required=True)

    async def on_ListAndWatch(self, request, context):
        self.heard += 1
        try:
            while True:
                self._changed.clear()
                yield message("ListAndWatchResponse")(devices=[
                    {"ID": name, "health": "Healthy" if fine else "Unhealthy"} for name, fine in self.health.items()])
                await self._changed.wait()
        finally:
            self.heard -= 1

    async def on_GetPreferredAllocation(self, request, context):
        asked = request.container_requests[0]
        self.calls.append(("GetPreferredAllocation", list(asked.available_deviceIDs)))
        return message("PreferredAllocationResponse")(container_responses=[
            {"deviceIDs": [name for name in self.prefers if name in asked.available_deviceIDs][:asked.allocation_size]}])

    async def on_Allocate(self, request, context):
        ids = list(request.container_requests[0].devices_ids)
        self.calls.append(("Allocate", ids))
        if "Allocate" in self.refuse:
            await context.abort(grpc.StatusCode.INTERNAL, self.refuse["Allocate"])
        return message("AllocateResponse")(container_responses=[{
            "envs": {"LAMPS": ",".join(ids)}, "annotations": {"example.com/lit": "yes"},
            "mounts": [{"container_path": "/etc/lamps", "host_path": str(self.folder), "read_only": True}],
            "devices": [{"container_path": "/dev/lamp", "host_path": "/dev/null", "permissions": "rw"}]}])

    async def on_PreStartContainer(self, request, context):
        self.calls.append(("PreStartContainer", list(request.devices_ids)))
        return message("PreStartContainerResponse")()


async def main(folder: Path, count: int) -> None:
    """Serve until killed; register with every socket that the node makes."""
    plugin, known = LampPlugin(folder, count), None
    while True:
        try:
            found = (folder / "kubelet.sock").stat()
            if (found.st_ino, found.st_ctime_ns) != known:
                await plugin.stop()
                await plugin.start()
                await plugin.register()
                known = (found.st_ino, found.st_ctime_ns)
        except (OSError, PluginFault) as fault:
            print("not yet:", fault, flush=True)
        for name in plugin.health:
            plugin.set_health(name, not (folder / f"ill-{name}").exists())
        await asyncio.sleep(LOOK_S)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
