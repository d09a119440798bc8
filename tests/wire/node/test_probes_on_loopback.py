"""Probes against real servers on loopback: the words must match what a kernel and other people's servers do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
import uvloop
from aiohttp import web

from knarr.node.probes import grpc_health, http, tcp
from knarr.node.probes.http import Target
from knarr.node.probes.tally import Outcome


@asynccontextmanager
async def listening(handler: object) -> AsyncIterator[int]:
    """Serve HTTP on a free port."""
    runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.01)  # type: ignore[arg-type]
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def test_http() -> None:
    """An aiohttp server answers 200 and 503."""
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=503 if request.path == "/sick" else 200, text="hello")

    async with listening(answer) as port:
        assert Outcome("success") == await http.probe(Target("127.0.0.1", port), timeout_s=2)
        assert Outcome("failure", "HTTP probe failed with statuscode: 503") == await http.probe(
            Target("127.0.0.1", port, "/sick"), timeout_s=2)


async def test_http_too_slow() -> None:
    """The server thinks for longer than the probe waits."""
    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with listening(answer) as port:
        outcome = await http.probe(Target("127.0.0.1", port), timeout_s=0.05)

    assert outcome.message.endswith("context deadline exceeded (Client.Timeout exceeded while awaiting headers)")


async def test_tcp() -> None:
    """A listening port, and one where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert Outcome("success") == await tcp.probe("127.0.0.1", port, timeout_s=1)

    refused = await tcp.probe("127.0.0.1", port, timeout_s=1)
    assert Outcome("failure", f"dial tcp 127.0.0.1:{port}: connect: connection refused") == refused


class Health(grpc.GenericRpcHandler):
    """Answers every call with the bytes given, whoever asks for which service."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Know one method only."""
        if details.method != "/grpc.health.v1.Health/Check":
            return None

        async def check(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
            self.asked.append(request)
            if request == b"\x0a\x04lost":
                await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
            return b"\x08\x02" if request else b"\x08\x01"

        return grpc.unary_unary_rpc_method_handler(check)


@pytest.mark.parametrize(("service", "result", "words"), [
    pytest.param("", "success", "", id="serving"),
    pytest.param("sick", "failure", "NOT_SERVING", id="not serving"),
    pytest.param("lost", "failure", "does not know service 'lost'", id="unknown service"),
])
async def test_grpc(service: str, result: str, words: str) -> None:
    """The frames written by hand are understood by the real gRPC server."""
    health = Health()
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((health,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        outcome = await grpc_health.probe("127.0.0.1", port, service=service, timeout_s=5)
    finally:
        await server.stop(None)

    assert result == outcome.result
    assert words in outcome.message
    assert [b"\x0a" + bytes([len(service)]) + service.encode() if service else b""] == health.asked


def test_http_on_uvloop() -> None:
    """The agent runs on uvloop, whose transports are of classes of their own."""
    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="hello")

    async def ask() -> tuple[Outcome, Outcome]:
        async with listening(answer) as port:
            return (await http.probe(Target("127.0.0.1", port), timeout_s=2),
                    await tcp.probe("127.0.0.1", port, timeout_s=2))

    assert (Outcome("success"), Outcome("success")) == uvloop.run(ask())
