"""Answer the `proxy` subresources of pods, services and nodes: pass the request on, and mend what leads back.

Location headers and the links of HTML pages come back with the proxy's path in front, so that a browser behind
`kubectl proxy` stays behind it. Source: kube apimachinery/pkg/util/proxy/upgradeaware.go, transport.go.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import quote

import aiohttp
from multidict import CIMultiDict

from knarr.api.errors import ApiError, Unavailable
from knarr.api.http import Answer, Broken, Call
from knarr.apiserver.connection import Upgrade
from knarr.apiserver.core import Core, Request
from knarr.apiserver.proxying.faults import BackendDown, Unreached
from knarr.apiserver.proxying.forward import Backend, Forwarder, chunks, passed_on
from knarr.apiserver.proxying.headers import Pairs, forwarded_for, incoming, outgoing
from knarr.apiserver.proxying.places import place_of
from knarr.apiserver.proxying.rewriting import Links

PLAIN_IN_PATHS: Final = "/$&+,:;=@"  # Source: Go net/url, which writes the path anew
PAGE_BYTES_MAX: Final = 4 << 20  # of an HTML page whose links are changed; longer ones pass as they are


class Proxies:
    """The proxy subresources of one server."""

    def __init__(self, core: Core, forwarder: Forwarder) -> None:
        self.core, self.forwarder = core, forwarder

    async def answer(self, request: Request) -> Answer:
        """Pass a request on. Raises BadRequest, NotFound, Unavailable."""
        call, path = request.call, path_behind(request)
        place = place_of(self.core, request.target)
        target = quote(path or "/", safe=PLAIN_IN_PATHS) + (f"?{call.raw_query}" if call.raw_query else "")
        backend = Backend(place.host, place.port, target, place.tls)
        if isinstance(call.upgrade, Upgrade):
            return await self._join(call, call.upgrade, backend)
        if not path:
            return _redirect(call)
        prefix = call.path.removesuffix(path)
        headers = _headers(call, prefix + path)
        try:
            response = await self.forwarder.ask(call, backend, headers)
        except Unreached as fault:
            raise Unavailable(f"error trying to reach service: {fault}") from fault
        return await _mended(call, response, Links(prefix, (backend.address, call.headers.get("host", ""))))

    async def _join(self, call: Call, upgrade: Upgrade, backend: Backend) -> Answer:
        headers = [*forwarded_for(outgoing(call.headers, keep_upgrade=True), call.remote), *_host(call)]
        try:
            return await self.forwarder.join(upgrade, backend, method=call.method, headers=headers)
        except Unreached as fault:
            raise dial_failed(fault) from fault


def dial_failed(fault: Unreached) -> ApiError:
    """Say that an upgrade could not be offered. Source: kube, a 500 without a reason, in these words."""
    return BackendDown(f"error dialing backend: {fault}")


def path_behind(request: Request) -> str:
    """Return the path that the server behind is asked for; empty where the client named none, not even `/`."""
    call, rest = request.call, request.target.rest
    if not rest:
        option = call.query.get("path", "")
        if option:
            return option if option.startswith("/") else f"/{option}"
        return "/" if call.path.endswith("/") else ""
    return f"/{rest}/" if call.path.endswith("/") else f"/{rest}"


def _redirect(call: Call) -> Answer:
    """Send the client to the same path with a slash, so that relative links work."""
    place = quote(call.path, safe=PLAIN_IN_PATHS) + "/" + (f"?{call.raw_query}" if call.raw_query else "")
    return Answer(301, b"", "", {"Location": place})


def _headers(call: Call, uri: str) -> Pairs:
    headers = [pair for pair in outgoing(call.headers) if pair[0].lower() != "x-forwarded-uri"]
    if call.upload is None:
        headers = [pair for pair in headers if pair[0].lower() not in ("content-length", "content-encoding")]
    headers += [("X-Forwarded-Uri", quote(uri, safe=PLAIN_IN_PATHS)), *_host(call)]
    return forwarded_for(headers, call.remote)


def _host(call: Call) -> Pairs:
    host = call.headers.get("host", "")
    return [("Host", host)] if host else []


async def _mended(call: Call, response: aiohttp.ClientResponse, links: Links) -> Answer:
    answer = passed_on(response, cors=False)
    headers = CIMultiDict(answer.headers)
    answer.headers = headers
    if "Location" in headers:
        headers["Location"] = links.link(headers["Location"])
        return answer
    media = answer.content_type.partition(";")[0].strip().lower()
    packed = headers.get("Content-Encoding", "")
    if media != "text/html" or packed not in ("", "gzip", "deflate") or call.method == "HEAD":
        return answer
    body, more = await _page(response)
    if more is not None:
        answer.stream = more
        return answer
    kept = [pair for pair in incoming(headers.items()) if pair[0].lower() not in ("content-length", "content-encoding")]
    page = await asyncio.to_thread(_rewritten, body, packed, links=links)
    if page is None:
        return Answer(answer.status, body, answer.content_type, headers)
    return Answer(answer.status, page, answer.content_type, CIMultiDict(kept))


async def _page(response: aiohttp.ClientResponse) -> tuple[bytes, AsyncIterator[bytes] | None]:
    """Read a page; one that is too long is given back as a stream, whole."""
    read, source = bytearray(), chunks(response)
    try:
        async for chunk in source:
            read += chunk
            if len(read) > PAGE_BYTES_MAX:
                return b"", _joined(bytes(read), source)
    except Broken as fault:
        raise Unavailable(f"error trying to reach service: {fault or 'unexpected EOF'}") from fault
    return bytes(read), None


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


def _rewritten(body: bytes, packed: str, *, links: Links) -> bytes | None:
    """Change a page's links; None where it cannot be unpacked within the bound. Latin-1 keeps every byte."""
    if packed:
        unzip = zlib.decompressobj(wbits=47)  # gzip or zlib, whichever it is
        try:
            body = unzip.decompress(body, PAGE_BYTES_MAX)
        except zlib.error:
            return None
        if unzip.unconsumed_tail:
            return None
    return links.page(body.decode("latin-1")).encode("latin-1")
