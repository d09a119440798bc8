"""Carry a port-forward's SPDY bytes out of the client's WebSocket and back into it, without reading them.

Source: kube KEP-4006; client-go/tools/portforward/tunneling_connection.go.
"""

from __future__ import annotations

from typing import Final

from knarr.base.websocket import WebSocket
from knarr.node.server.connection import BLOCK_BYTES, Pipe, until_first

PREFIX: Final = "SPDY/3.1+"
PROTOCOL: Final = "SPDY/3.1+portforward.k8s.io"
SPDY_HEADERS: Final = (
    ("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1"), ("X-Stream-Protocol-Version", PROTOCOL.removeprefix(PREFIX)),
    ("Content-Length", "0"),
)


async def tunnel(client: WebSocket, upstream: Pipe) -> None:
    """Carry bytes both ways until either side ends. Raises a group of OSError."""
    await until_first(_up(client, upstream), _down(client, upstream))


async def _up(client: WebSocket, upstream: Pipe) -> None:
    async for _, payload in client.frames():
        await upstream.send(payload)


async def _down(client: WebSocket, upstream: Pipe) -> None:
    while data := await upstream.reader.read(BLOCK_BYTES):
        await client.send(data)
