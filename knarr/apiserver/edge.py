"""Speak HTTPS: sockets in front of a handler that knows no server.

TLS 1.2 and up; client certificates are asked for, not demanded. Bodies and headers are bounded.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote

import structlog

from knarr.api.errors import ApiError, BadRequest, RequestTimeout, TooLarge
from knarr.api.http import Call, Handler
from knarr.apiserver.connection import Connection, Upgrade
from knarr.apiserver.intake import Incoming
from knarr.apiserver.limits import Limits, Refused
from knarr.apiserver.refuse import refusal
from knarr.apiserver.sending import Sender
from knarr.apiserver.settings import BODY_BYTES_MAX
from knarr.base.clock import Clock, SystemClock

log = structlog.get_logger("apiserver")
BACKLOG = 1024  # connections that wait to be accepted
FIELDS_MAX = 256  # of a query


class Edge:
    """One listening socket in front of one handler. uploads: says of a path that its bodies are streamed, not read."""

    def __init__(
        self,
        handler: Handler,
        *,
        uploads: Callable[[str], bool] = lambda path: False,
        limits: Limits | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.handler, self.uploads, self.limits = handler, uploads, limits or Limits()
        self._sender = Sender(clock or SystemClock())
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    @property
    def port(self) -> int:
        """Return the port that is listened on."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Listen. port: 0 for any free one. tls: None for plain HTTP, which only tests use. Raises OSError."""
        late = Refused(408, f"the request's head took longer than {self.limits.head_s:g} seconds").answer()
        late_bytes = self._sender.whole(late)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._serve, late_bytes, limits=self.limits, together=self._connections),
            host, port, ssl=tls, backlog=BACKLOG, reuse_address=True,
            ssl_handshake_timeout=self.limits.handshake_s if tls is not None else None,
        )  # fmt: skip

    async def stop(self, grace_s: float) -> None:
        """Accept no more, give requests under way this long, close all connections."""
        if self._server is None:
            return
        self._server.close()
        for connection in tuple(self._connections):
            connection.leave()
        tasks = [connection.task for connection in self._connections]
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        for connection in tuple(self._connections):
            connection.task.cancel()
            connection.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, connection: Connection, incoming: Incoming) -> bool:
        """Answer one request; say whether the connection may be used on."""
        keep, call = incoming.keep_alive, None
        try:
            call = await self._call(connection, incoming)
            keep = keep and call.unread is None
            answer = await self.handler(call)
        except Refused as fault:
            keep, answer = False, fault.answer()
        except ApiError as error:
            keep, answer = False, refusal(error)
        except Exception as error:  # noqa: BLE001  # a bug ends this request, not the server
            log.error("http.bug", exc_info=error)
            keep, answer = False, Refused(500, "Internal Server Error").answer()
        if call is not None and call.upgrade is not None:
            if call.upgrade.taken:
                return False
            keep = False
        keep = keep and incoming.complete and not connection.leaving
        return await self._sender.send(connection, incoming, answer, keep=keep)

    async def _call(self, connection: Connection, incoming: Incoming) -> Call:
        if incoming.fault is not None:
            raise incoming.fault
        path, _, raw_query = incoming.target.partition("?")
        path = unquote(path) if "%" in path else path
        if raw_query:
            incoming.query = _query(raw_query)
        uploading = incoming.bodied and self.uploads(path)
        if not incoming.complete and incoming.headers.get("expect", "").lower() == "100-continue":
            await connection.push(b"HTTP/1.1 100 Continue\r\n\r\n")  # else curl waits a second before each large body
        body, unread = b"", None
        if not uploading:
            try:
                body = await _body(incoming, connection.limits)
            except ApiError as fault:
                unread = fault  # told to those alone who may ask, and written down like every refusal
        return Call(
            method=incoming.method,
            path=path,
            query=incoming.query,
            headers=incoming.headers,
            body=body,
            peer_certificate=connection.certificate,
            raw_query=raw_query,
            remote=connection.remote,
            upload=connection.pieces(incoming) if uploading else None,
            upgrade=Upgrade(connection, raw_query) if incoming.upgrading else None,
            unread=unread,
        )


def server_tls(certificate: str, key: str, client_ca: str) -> ssl.SSLContext:
    """Return how the server speaks TLS. All are paths of PEM files; client certificates must be of `client_ca`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(client_ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    return context


def _query(raw: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(raw, keep_blank_values=True, max_num_fields=FIELDS_MAX))
    except ValueError as fault:
        raise BadRequest(f"the query cannot be read: {fault}") from fault


async def _body(incoming: Incoming, limits: Limits) -> bytes:
    if incoming.length > BODY_BYTES_MAX:
        raise _too_large()
    if not incoming.complete:  # most bodies come together with their heads
        try:
            async with asyncio.timeout(limits.body_s):
                await _whole(incoming)
        except TimeoutError as fault:
            raise RequestTimeout(f"the request's body took longer than {limits.body_s:g} seconds") from fault
    if incoming.size > BODY_BYTES_MAX:
        raise _too_large()
    body = incoming.take()
    return _inflated(body) if body and incoming.headers.get("content-encoding", "") == "gzip" else body


async def _whole(incoming: Incoming) -> None:
    while not incoming.complete and incoming.size <= BODY_BYTES_MAX:
        if incoming.fault is not None:
            raise incoming.fault
        await incoming.more()


def _inflated(body: bytes) -> bytes:
    unzip = zlib.decompressobj(wbits=31)
    try:
        plain = unzip.decompress(body, BODY_BYTES_MAX + 1)
    except zlib.error as fault:
        raise BadRequest(f"the body is not gzip: {fault}") from fault
    if len(plain) > BODY_BYTES_MAX:
        raise _too_large()
    return plain


def _too_large() -> TooLarge:
    return TooLarge(f"Request entity too large: limit is {BODY_BYTES_MAX}")
