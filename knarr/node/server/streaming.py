"""Join an upgraded client to exec, attach or port-forward of a container.

The runtime is asked first; only when it has said 101 is the client's connection taken, so that a refusal can still be
told as a plain status. SPDY and old WebSockets are passed on as they are; v5 and the tunnel are ended here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from knarr.base.websocket import WebSocket, offered
from knarr.node.cri.face import Runtime, RuntimeFault
from knarr.node.faces import ContainerRef, Lookup
from knarr.node.server import translate, tunnel
from knarr.node.server.connection import Connection, Pipe, splice
from knarr.node.server.refusal import Refusal
from knarr.node.server.spdy import SpdyError
from knarr.node.server.upstream import Headers, Refused, Stream, open_stream

PORTS_MAX: Final = 1024

log = structlog.get_logger()


class Streaming:
    """The three streaming endpoints."""

    def __init__(self, runtime: Runtime, lookup: Lookup) -> None:
        self._runtime = runtime
        self._lookup = lookup

    async def exec(self, request: web.BaseRequest, namespace: str, pod: str, *, container: str) -> web.StreamResponse:
        """Run a command in a container, joined to the client."""
        wanted = wanted_streams(request)
        found = self._running(namespace, pod, container)
        command = tuple(request.query.getall("command", ()))
        return await self._join(request, wanted, lambda: self._runtime.exec_url(
            found.container_id, command, tty=wanted.tty, stdin=wanted.stdin, stdout=wanted.stdout,
            stderr=wanted.stderr and not wanted.tty))

    async def attach(self, request: web.BaseRequest, namespace: str, pod: str, *, container: str) -> web.StreamResponse:
        """Join the client to a container's main process. Its terminal is what the container was made with."""
        asked = wanted_streams(request)
        found = self._running(namespace, pod, container)
        wanted = translate.Wanted(asked.stdin, asked.stdout, asked.stderr, found.tty)
        return await self._join(request, wanted, lambda: self._runtime.attach_url(
            found.container_id, tty=wanted.tty, stdin=wanted.stdin, stdout=wanted.stdout,
            stderr=wanted.stderr and not wanted.tty))

    async def port_forward(self, request: web.BaseRequest, namespace: str, pod: str) -> web.StreamResponse:
        """Join the client to ports of a pod."""
        if self._lookup.pod(namespace, pod) is None:
            raise Refusal(404, f'pod "{pod}" not found in namespace "{namespace}"')
        sandbox = self._lookup.sandbox_id(namespace, pod)
        if not sandbox:
            raise Refusal(400, f"unable to forward port because pod is not running (pod {pod})")
        ports = tuple(int(port) for port in request.query.getall("port", ())[:PORTS_MAX] if port.isdigit())
        return await self._join(request, None, lambda: self._runtime.port_forward_url(sandbox, ports))

    def _running(self, namespace: str, pod: str, container: str) -> ContainerRef:
        found = self._lookup.container(namespace, pod, container)
        if self._lookup.pod(namespace, pod) is None:
            raise Refusal(404, f'pod "{pod}" not found in namespace "{namespace}"')
        if found is None or not found.container_id or not found.running:
            raise Refusal(500, f'container not found ("{container}")')
        return found

    async def _join(
        self, request: web.BaseRequest, wanted: translate.Wanted | None, url_of: Callable[[], Awaitable[str]],
    ) -> web.StreamResponse:
        """Open the runtime's stream, then take the client's connection and carry until either ends.

        wanted: the streams of exec and attach; None: port-forward.
        """
        if "upgrade" not in request.headers.get("Connection", "").lower():
            raise Refusal(400, "Upgrade request required")
        protocols = offered(request.headers.items())
        way = _PASS_ON
        if wanted is not None and translate.PROTOCOL in protocols:
            way = _Way(translate.PROTOCOL, translate.SPDY_HEADERS)
        elif wanted is None and tunnel.PROTOCOL in protocols:
            way = _Way(tunnel.PROTOCOL, tunnel.SPDY_HEADERS)
        stream = await _opened(request, way, url_of)
        client = taken(request)
        try:
            await _carry(request, client, way=way, stream=stream, wanted=wanted)
        except* (OSError, SpdyError) as faults:
            log.info("stream.cut", path=request.path, error=str(faults.exceptions[0]))
        finally:
            stream.pipe.close()
            client.close()
        return Taken()


@dataclass(frozen=True, slots=True)
class _Way:
    """How to speak to the runtime: by which protocol the client's WebSocket is ended here; empty: passed on."""

    protocol: str
    headers: Headers


_PASS_ON: Final = _Way("", ())


async def _opened(request: web.BaseRequest, way: _Way, url_of: Callable[[], Awaitable[str]]) -> Stream:
    headers, method = (way.headers, "POST") if way.protocol else (tuple(request.headers.items()), request.method)
    try:
        return await open_stream(await url_of(), method, headers)
    except RuntimeFault as fault:
        raise Refusal(500, str(fault)) from fault
    except Refused as refused:
        raise Refusal(refused.status if refused.status >= 400 else 502, str(refused)) from refused
    except OSError as error:
        raise Refusal(502, f"the container runtime's streaming server cannot be reached: {error}") from error


async def _carry(
    request: web.BaseRequest, client: Pipe, *, way: _Way, stream: Stream, wanted: translate.Wanted | None,
) -> None:
    if not way.protocol:
        await client.send(stream.head)
        await splice(client, stream.pipe)
        return
    socket = await WebSocket.accept(client, request.path_qs, request.headers.items(), subprotocol=way.protocol)
    if wanted is not None:
        await translate.translate(socket, stream.pipe, wanted)
    else:
        await tunnel.tunnel(socket, stream.pipe)
    await socket.close()


def wanted_streams(request: web.BaseRequest) -> translate.Wanted:
    """Read the streams from the query, by kubelet's names. Raises Refusal where none is asked for."""
    flags = [request.query.get(name, "") in ("1", "true") for name in ("input", "output", "error", "tty")]
    if not any(flags[:3]):
        raise Refusal(400, "you must specify at least 1 of stdin, stdout, stderr")
    return translate.Wanted(*flags)


def taken(request: web.BaseRequest) -> Pipe:
    """Take the connection out of HTTP."""
    assert isinstance(request.protocol, Connection)
    return request.protocol.take()


class Taken(web.StreamResponse):
    """What a handler returns when it has taken the connection: nothing is left to send."""

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write no head."""
        self.force_close()

    async def write_eof(self, data: bytes = b"") -> None:
        """Write no end."""
