"""Somebody else has the node's port: the agent lives on, and serves as soon as the port is free."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import cast

from knarr.base.clock import SystemClock
from knarr.node.cri.face import Runtime
from knarr.node.faces import Lookup
from knarr.node.server import Server, ServingTls
from knarr.node.settings import Settings
from tests.wire.node.test_streams_on_containerd import certificates


class Waiting(SystemClock):
    """Tells when the server waits, and lets it wait no longer than told."""

    def __init__(self) -> None:
        self.waits, self.on = asyncio.Event(), asyncio.Event()

    async def sleep(self, seconds_s: float) -> None:
        """Wait for the story, not for time."""
        self.waits.set()
        await self.on.wait()


async def test_port_taken(tmp_path: Path) -> None:
    """The port is taken at first, then given up."""
    certificates(tmp_path)
    tls, clock = ServingTls(tmp_path / "serving.crt", tmp_path / "serving.key", tmp_path / "ca.crt"), Waiting()
    with socket.create_server(("0.0.0.0", 0)) as other:
        settings = Settings(tmp_path, "n1", "127.0.0.1", serving_port=other.getsockname()[1])
        server = Server(settings, cast("Runtime", None), cast("Lookup", None), tls=tls, clock=clock)
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            serving = group.create_task(server.run())
            await clock.waits.wait()
            other.close()
            clock.on.set()
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", settings.serving_port)
                    break
                except ConnectionRefusedError:
                    await asyncio.sleep(0.01)
            writer.close()
            serving.cancel()
