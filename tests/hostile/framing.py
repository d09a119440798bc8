"""Knock at the socket itself: bytes that nearly are HTTP, sent to the real edge, many connections side by side."""

from __future__ import annotations

import asyncio
import gzip
import re
from random import Random

import orjson

from knarr.api.http import Answer, Call
from knarr.apiserver.edge import Edge
from knarr.apiserver.limits import Limits
from knarr.apiserver.server import ApiServer
from tests.hostile.doors import ADMIN

SIDE_BY_SIDE = 40  # connections at once
CUT_S = 0.2  # the edge waits so long for what does not come
HANGS_S = 20.0  # nothing may keep a connection longer, however slow the machine
MAPS = b"/api/v1/namespaces/default/configmaps"
LINES = (b"GET / HTTP/1.1", b"GET /api/v1/namespaces HTTP/1.1", b"POST " + MAPS + b" HTTP/1.1", b"DELETE " + MAPS + b"/n9 HTTP/1.0", b"GET http://x/api HTTP/1.1", b"GET * HTTP/1.1", b"OPTIONS * HTTP/1.1", b"CONNECT x:1 HTTP/1.1", b"GET /%zz%00%f0 HTTP/1.1", b"GET / HTTP/1.2",
         b"GET / HTTP/9.9", b"GET /", b" GET / HTTP/1.1", b"PRI * HTTP/2.0", b"\x16\x03\x01\x02\x00\x01\x00", b"get / http/1.1", b"GET  /  HTTP/1.1", b"GET /\x00 HTTP/1.1", b"GET /" + b"a" * 20_000 + b" HTTP/1.1", b"GET /api?" + b"a=b&" * 300 + b" HTTP/1.1", b"GET //api///v1 HTTP/1.1", b"GET /../../etc HTTP/1.1",
         b"PATCH " + MAPS + b"/n1 HTTP/1.1", b"GET /api/v1/namespaces/default/pods/n1/exec?command=a&stdin=1 HTTP/1.1", b"POST /api/v1/namespaces/default/pods/n1/portforward HTTP/1.1", b"GET /api/v1/pods?watch=1&timeoutSeconds=1 HTTP/1.1", b"")  # fmt: skip
HEADERS = (b"Host: x", b"Host: x", b"Host: x", b"Host: ", b"Host: a, b", b"Content-Length: 2", b"Content-Length: 2, 2", b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Content-Length: 0x2", b"Content-Length:\x0b2", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked, chunked",
           b"Transfer-Encoding: identity", b"Transfer-Encoding: x", b"Content-Encoding: gzip", b"Content-Encoding: br", b"Content-Type: application/json", b"Content-Type: \xff\xfe", b"Connection: upgrade", b"Connection: close", b"Connection: keep-alive, upgrade, x", b"Upgrade: SPDY/3.1", b"Upgrade: websocket", b"Upgrade: h2c",
           b"Upgrade: " + b"x" * 5000, b"Sec-WebSocket-Key: x", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: 99", b"Sec-WebSocket-Protocol: v5.channel.k8s.io", b"Sec-WebSocket-Protocol: ,,x y", b"X-Stream-Protocol-Version: v4.channel.k8s.io", b"Expect: 100-continue", b"Expect: x",
           b"Accept-Encoding: gzip;q=x, *;;", b"Accept: \x01", b"A : b", b" folded", b":", b"A", b"\x00: \x00", b"A: " + b"b" * 20_000, b"Cookie: $Version=1; a=b", b"Range: bytes=-1", b"If-None-Match: *", b"Impersonate-User: ", b"User-Agent: curl", b"Authorization: Bearer \xff")  # fmt: skip
BODIES = (b"", b"{}", b"0\r\n\r\n", b"2\r\n{}\r\n0\r\n\r\n", b"ffffffffffffffff\r\n{}", b"-1\r\n", b"2;a=b\r\n{}\r\n0\r\nX: y\r\n\r\n", b"2\n{}\n0\n\n", b"x" * 5000, gzip.compress(b'{"metadata":{"name":"gz"}}'), gzip.compress(b"0" * 30_000_000), b"\x1f\x8b\x08", b"\x81\x05hello", b"\x80\x03\x00\x01\x00\x00\x00\x04",
          b"GET /api HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /api HTTP/1.1\r\nHost: x\r\n\r\n" * 30)  # fmt: skip
ENDS = (b"\r\n\r\n", b"\r\n\r\n", b"\r\n\r\n", b"\r\n\r\n", b"\n\n", b"\r\n", b"\r\r\n\n", b"")
HEAD = re.compile(rb"HTTP/(?:0\.9|1\.[01]) ([0-9]{3}) ")
LEADS_ON = (b"/exec", b"/portforward")


def sentence(seed: int, number: int) -> bytes:
    """Return what connection number so and so sends. The same number, the same bytes."""
    dice = Random(f"{seed}/framing/{number}")
    if dice.random() < 0.05:
        return dice.randbytes(dice.randrange(1, 400))
    lines = [dice.choice(LINES[:3] if dice.random() < 0.5 else LINES)]
    lines += [b"Host: x"] * (dice.random() < 0.8) + [dice.choice(HEADERS) for _ in range(dice.choice((0, 1, 1, 2, 3, 6, 150)))]
    if dice.random() < 0.5:
        lines.append(b"Connection: close")
    said = dice.choice((b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n")).join(lines) + dice.choice(ENDS) + dice.choice(BODIES)
    if dice.random() < 0.2:
        cut = bytearray(said)
        cut[dice.randrange(len(cut))] = dice.randrange(256)
        said = bytes(cut[: dice.randrange(1, len(cut) + 1)])
    return said or b"\r\n"


async def knock(server: ApiServer, seed: int, numbers: range) -> list[tuple[int, bytes, bytes, str]]:
    """Send all these; return number, sent, answered and what is wrong, for those that were answered badly."""

    async def handle(call: Call) -> Answer:
        call.user = ADMIN
        return await server.handle(call)

    edge = Edge(handle, uploads=server.uploads, limits=Limits(head_s=CUT_S, body_s=CUT_S, slice_s=CUT_S))
    await edge.start("127.0.0.1", 0, None)
    free, bad = asyncio.Semaphore(SIDE_BY_SIDE), []

    async def one(number: int) -> None:
        async with free:
            sent = sentence(seed, number)
            answered = await say(edge.port, sent)
            wrong = fault_of(sent, answered)
            if wrong:
                bad.append((number, sent[:300], answered[:300], wrong))

    async with asyncio.TaskGroup() as group:
        for number in numbers:
            group.create_task(one(number))
    await edge.stop(0.1)
    return bad


async def say(port: int, sent: bytes) -> bytes:
    """Send, and return what comes until the server closes or says nothing more for a while; `hangs` where neither."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    answered = bytearray()
    try:
        writer.write(sent)
        async with asyncio.timeout(HANGS_S):
            while got := await asyncio.wait_for(reader.read(1 << 16), 4 * CUT_S if answered else HANGS_S):
                answered += got
    except TimeoutError:
        return bytes(answered) or b"hangs"
    except OSError:
        pass  # the server shut the door in our face: it may
    finally:
        writer.close()
    return bytes(answered)


def fault_of(sent: bytes, answered: bytes) -> str:
    """Say why an answer is the server's fault; empty if it is not. No answer at all is one to what never was a request."""
    if answered == b"hangs":
        return "hangs"
    head, _, body = answered.partition(b"\r\n\r\n")
    if not answered:
        return ""
    found = HEAD.match(answered)
    if found is None:
        return "no HTTP"
    code = int(found[1])
    if code >= 500 and not any(path in sent for path in LEADS_ON):
        return "5xx"
    if code >= 400 and b"application/json" in head and body.startswith(b"{"):
        length = re.search(rb"(?i)content-length: ([0-9]+)", head)
        status = orjson.loads(body[: int(length[1])] if length else body)
        if (status.get("kind"), status.get("code")) != ("Status", code):
            return "no Status"
    return ""
