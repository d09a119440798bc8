"""Speak HTTPS: aiohttp's low-level server in front of a handler that knows no server.

TLS 1.2 and up; client certificates are asked for, not demanded. Bodies and headers are bounded. Large answers leave
in slices, so that a slow client costs no memory, and compressed where the client asks. A client that goes away
cancels its handler, so its watch ends.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_writer import HttpVersion10, StreamWriter
from multidict import CIMultiDict

from knarr.api.errors import ApiError, BadRequest, RequestTimeout, TooLarge
from knarr.api.http import Answer, Broken, Call, Handler
from knarr.apiserver.connection import Connection, Connections, Upgrade
from knarr.apiserver.limits import HEADER_BYTES_MAX, HEADERS_MAX, LINGER_S, Limits
from knarr.apiserver.refuse import refusal
from knarr.apiserver.settings import BODY_BYTES_MAX

SLICE_BYTES = 256 << 10  # of a large body, written between two looks at the client's speed
INDENTED = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
PEOPLE = ("curl", "Wget", "Mozilla/5.0")  # what people read with
WHOLE_BYTES_MAX = 512 << 10  # a body up to this leaves in one write
GZIP_BYTES_MIN = 128 << 10  # Source: kube handlers/responsewriters/writers.go, defaultGzipThresholdBytes
GZIP_LEVEL = 1  # Source: the same, defaultGzipContentEncodingLevel
KEEPALIVE_S = 90  # Source: kube secure_serving.go, IdleTimeout
FIELDS_MAX = 256  # of a query


class Edge:
    """One listening socket in front of one handler. uploads: says of a path that its bodies are streamed, not read."""

    def __init__(
        self, handler: Handler, *, uploads: Callable[[str], bool] = lambda path: False, limits: Limits | None = None
    ) -> None:
        self.handler, self.uploads, self.limits = handler, uploads, limits or Limits()
        self._server: asyncio.Server | None = None
        self._web: Connections | None = None

    @property
    def port(self) -> int:
        """Return the port that is listened on."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Listen. port: 0 for any free one. tls: None for plain HTTP, which only benchmarks use. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._web = Connections(
            self._serve,
            limits=self.limits,
            lingering_time=LINGER_S,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=KEEPALIVE_S,
            max_line_size=HEADER_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
            max_headers=HEADERS_MAX,
            auto_decompress=False,
        )
        handshake_s = self.limits.handshake_s if tls is not None else None
        self._server = await loop.create_server(
            self._web, host, port, ssl=tls, backlog=1024, reuse_address=True, ssl_handshake_timeout=handshake_s
        )

    async def stop(self, grace_s: float) -> None:
        """Accept no more, give requests under way this long, close all connections."""
        if self._server is None or self._web is None:
            return
        self._server.close()
        self._web.pre_shutdown()
        await self._web.shutdown(grace_s)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, Connection)
        try:
            if request.version < HttpVersion10:
                raise BadRequest("malformed HTTP request: Bad HTTP version")
            call = await _call(request, connection, self.uploads)
        except ApiError as error:
            return await _send(request, refusal(error), close=True)
        answer = await self.handler(call)
        if call.upgrade is not None and call.upgrade.taken:
            return Taken()
        return await _send(request, answer, close=call.upgrade is not None)


class Taken(web.StreamResponse):
    """What stands for the answer when a handler took the connection: nothing is written."""

    def __init__(self) -> None:
        super().__init__()
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write no head."""
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Write no end."""


def _pretty(request: web.BaseRequest) -> bool:
    """Say whether a person reads the answer. Source: kube endpoints/handlers/negotiation, isPrettyPrint."""
    _, _, raw_query = request.raw_path.partition("?")
    if "pretty" in raw_query:
        said = _query(raw_query).get("pretty", "")
        if said:
            return said in ("1", "t", "T", "TRUE", "true", "True")
    return request.headers.get("user-agent", "").startswith(PEOPLE)


def server_tls(certificate: str, key: str, client_ca: str) -> ssl.SSLContext:
    """Return how the server speaks TLS. All are paths of PEM files; client certificates must be of `client_ca`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(client_ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    return context


async def _call(request: web.BaseRequest, connection: Connection, uploads: Callable[[str], bool]) -> Call:
    path, _, raw_query = request.raw_path.partition("?")
    path = unquote(path) if "%" in path else path
    headers = request.headers
    uploading = request.body_exists and uploads(path)
    return Call(
        method=request.method,
        path=path,
        query=_query(raw_query) if raw_query else {},
        headers=headers,
        body=await _body(request, connection.limits) if request.body_exists and not uploading else b"",
        peer_certificate=connection.certificate,
        raw_query=raw_query,
        remote=connection.remote,
        upload=_upload(request) if uploading else None,
        upgrade=Upgrade(connection, raw_query, list(headers.items()))
        if "upgrade" in headers and _raw(headers)
        else None,
    )


def _raw(headers: Any) -> bool:
    return headers["upgrade"].strip().lower() in ("spdy/3.1", "websocket")


def _query(raw: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(raw, keep_blank_values=True, max_num_fields=FIELDS_MAX))
    except ValueError as fault:
        raise BadRequest(f"the query cannot be read: {fault}") from fault


async def _upload(request: web.BaseRequest) -> AsyncIterator[bytes]:
    _go_on(request)
    async for chunk in request.content.iter_any():
        yield chunk


def _go_on(request: web.BaseRequest) -> None:
    if request.headers.get("expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")  # else curl waits a second before each large body


async def _body(request: web.BaseRequest, limits: Limits) -> bytes:
    if (request.content_length or 0) > BODY_BYTES_MAX:
        raise _too_large()
    _go_on(request)
    if request.content.is_eof():  # it came together with the head, as most do
        return await _read(request)
    try:
        async with asyncio.timeout(limits.body_s):
            return await _read(request)
    except TimeoutError as fault:
        raise RequestTimeout(f"the request's body took longer than {limits.body_s:g} seconds") from fault


async def _read(request: web.BaseRequest) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        while chunk := await request.content.readany():
            size += len(chunk)
            if size > BODY_BYTES_MAX:
                raise _too_large()
            chunks.append(chunk)
    except (web.RequestPayloadError, HttpProcessingError) as fault:
        raise BadRequest(f"the body is malformed: {str(fault).splitlines()[0]}") from fault
    body = b"".join(chunks)
    return _inflated(body) if request.headers.get("content-encoding", "") == "gzip" else body


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


async def _send(request: web.BaseRequest, answer: Answer, *, close: bool) -> web.StreamResponse:
    headers = CIMultiDict(answer.headers)
    if answer.content_type:
        headers["Content-Type"] = answer.content_type
    headers.setdefault("Cache-Control", "no-cache, private")
    if answer.stream is not None:
        return await _stream(request, answer, headers)
    body = answer.body
    if body and answer.content_type == "application/json" and _pretty(request):
        body = orjson.dumps(orjson.loads(body), option=INDENTED)
    takes_gzip = "gzip" in request.headers.get("accept-encoding", "") and "Content-Encoding" not in headers
    if len(body) >= GZIP_BYTES_MIN and takes_gzip:
        body = await asyncio.to_thread(_gzip, body)
        headers["Content-Encoding"] = "gzip"
        headers["Vary"] = "Accept-Encoding"
    if len(body) > WHOLE_BYTES_MAX:
        return await _slices(request, answer.status, headers, body=body)
    response = web.Response(status=answer.status, headers=headers, body=body)
    if close:
        response.force_close()
    return response


async def _slices(
    request: web.BaseRequest, status: int, headers: CIMultiDict[str], *, body: bytes
) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = len(body)
    await response.prepare(request)
    view = memoryview(body)
    connection = request.protocol
    assert isinstance(connection, Connection)
    try:
        for start in range(0, len(body), SLICE_BYTES):
            async with asyncio.timeout(connection.limits.slice_s):
                await response.write(view[start : start + SLICE_BYTES])
    except TimeoutError:
        _abort(request)  # a client that takes nothing must not keep a large answer in memory
        return response
    await response.write_eof()
    return response


async def _stream(request: web.BaseRequest, answer: Answer, headers: CIMultiDict[str]) -> web.StreamResponse:
    assert answer.stream is not None
    response = web.StreamResponse(status=answer.status, headers=headers)
    framed = request.version >= (1, 1) and "Content-Length" not in headers
    if framed:
        response.enable_chunked_encoding()
    writer, connection = await response.prepare(request), request.protocol
    assert isinstance(writer, StreamWriter)
    assert isinstance(connection, Connection)
    writer.send_headers()  # what is pushed below goes past aiohttp, whose three writes a chunk are three TLS records
    try:
        async with aclosing(answer.stream) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                if framed and chunk:
                    await connection.push(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                else:
                    await response.write(chunk)
    except Broken:
        _abort(request)
        return response
    await response.write_eof()
    return response


def _abort(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


def _gzip(body: bytes) -> bytes:
    return zlib.compress(body, GZIP_LEVEL, wbits=31)
