"""Requests that are slow, half, too large, smuggled or sent ahead: each is cut with a reason, and the server serves the next."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from knarr.api.http import Answer, Call
from knarr.apiserver.edge import Edge, server_tls
from knarr.apiserver.limits import Limits
from knarr.apiserver.server import ApiServer
from knarr.apiserver.settings import BODY_BYTES_MAX
from knarr.store.memory import open_memory
from tests.wire.certificates import Pki, make_pki
from tests.wire.test_edge import answer, client_tls, request

MAPS = "/api/v1/namespaces/default/configmaps"
LONG = "a" * 20_000


class World:
    """A served API that waits for nobody longer than a fifth of a second."""

    def __init__(self, pki: Pki) -> None:
        self.pki = pki
        self.server = ApiServer(open_memory())
        self.edge = Edge(self.server.handle, uploads=self.server.uploads, limits=Limits(handshake_s=2, head_s=0.2, body_s=0.2, slice_s=0.2))

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.edge.port, ssl=client_tls(self.pki, "admin"), limit=1 << 22)

    async def send(self, data: bytes) -> tuple[int, str, str]:
        """Send bytes, return code, reason and message of the refusal, and make sure that the connection is closed behind it."""
        reader, writer = await self.connect()
        writer.write(data)
        code, headers, body = await answer(reader)
        status = orjson.loads(body)
        assert (code, "Failure", "application/json") == (status["code"], status["status"], headers["content-type"].partition(";")[0])
        assert b"" == await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return code, status.get("reason", ""), status["message"]

    async def lives(self) -> None:
        reader, writer = await self.connect()
        writer.write(request("GET", "/api/v1/namespaces/default"))
        assert 200 == (await answer(reader))[0]
        writer.close()


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder: Path = tmp_path_factory.mktemp("pki")
    return make_pki(folder)


@pytest.fixture
async def world(pki: Pki) -> AsyncIterator[World]:
    made = World(pki)
    await made.server.start()
    await made.edge.start("127.0.0.1", 0, server_tls(*pki.files("server"), str(pki.ca)))
    yield made
    await made.server.stop()
    await made.edge.stop(1)


@pytest.mark.parametrize(("data", "code", "reason", "words"), [
    pytest.param(request("GET", f"/{LONG}"), 414, "", "the request line is longer than 16384 bytes", id="long line"),
    pytest.param(request("GET", "/", f"A: {LONG}"), 431, "", "the header is too large", id="long header"),
    pytest.param(request("GET", "/", *(f"A{number}: b" for number in range(200))), 431, "", "the header is too large", id="many headers"),
    pytest.param(b"HELLO\r\n\r\n", 400, "BadRequest", "malformed HTTP request", id="no HTTP"),
    pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, "BadRequest", "Host", id="no host"),
    pytest.param(request("GET", "/", "A : b"), 400, "BadRequest", "Invalid header token", id="space before a colon"),
    pytest.param(request("POST", MAPS, "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n", 400, "BadRequest",
                 "Transfer-Encoding can't be present with Content-Length", id="two lengths, smuggling"),
    pytest.param(request("POST", MAPS, "Content-Length: 5", "Content-Length: 6"), 400, "BadRequest", "Duplicate Content-Length", id="two lengths"),
    pytest.param(request("POST", MAPS, "Content-Length: -5"), 400, "BadRequest", "Content-Length", id="negative length"),
    pytest.param(request("POST", MAPS, "Transfer-Encoding: chunked") + b"zz\r\n", 400, "BadRequest", "", id="no chunk"),
    pytest.param(request("POST", MAPS, f"Content-Length: {BODY_BYTES_MAX + 1}"), 413, "RequestEntityTooLarge", "Request entity too large", id="large body"),
    pytest.param(request("POST", MAPS, "Transfer-Encoding: chunked") + b"400000\r\n" + b"x" * (BODY_BYTES_MAX + 1), 413,
                 "RequestEntityTooLarge", "Request entity too large", id="large body without a length"),
    pytest.param(request("POST", MAPS, "Content-Encoding: gzip", body=gzip.compress(b"x" * (BODY_BYTES_MAX + 1))), 413,
                 "RequestEntityTooLarge", "Request entity too large", id="a bomb"),
    pytest.param(request("POST", MAPS, "Content-Encoding: gzip", body=b"no gzip"), 400, "BadRequest", "the body is not gzip", id="no gzip"),
    pytest.param(request("GET", "/api?" + "&".join(f"a{number}=b" for number in range(300))), 400, "BadRequest", "the query cannot be read", id="many fields"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nA: ", 408, "Timeout", "the request's head took longer than 0.2 seconds", id="half a head"),
    pytest.param(request("POST", MAPS, "Content-Length: 10") + b"{", 408, "Timeout", "the request's body took longer than 0.2 seconds", id="half a body"),
])
async def test_refusals(world, data, code, reason, words):
    """Each is told in a Status with the right code, the connection is closed, and the server lives."""
    found = await world.send(data)
    assert (code, reason) == found[:2]
    assert words in found[2]
    await world.lives()


async def test_a_head_that_comes_byte_by_byte_is_cut(world):
    """A slow client sends a byte now and then: the clock runs from the first, not from the last."""
    reader, writer = await world.connect()

    async def drip() -> None:
        for byte in request("GET", "/version", "A: " + "b" * 100):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(drip())
        assert 408 == (await answer(reader))[0]
        task.cancel()
    writer.close()


async def test_silence_is_cut_and_patience_is_not(world):
    """Who connects and says nothing is cut; who has been answered may keep the connection and ask again later."""
    silent, other = await world.connect()
    reader, writer = await world.connect()
    writer.write(request("GET", "/version"))
    assert 200 == (await answer(reader))[0]
    assert b" 408 " in (await asyncio.wait_for(silent.read(), 5)).partition(b"\r\n")[0]
    await asyncio.sleep(0.3)  # longer than a head may take
    writer.write(request("GET", "/version"))
    assert 200 == (await answer(reader))[0]
    writer.close()
    other.close()


async def test_who_never_agrees_on_tls_is_cut(world):
    """Somebody opens a connection and says nothing, or something that is no TLS."""
    for said in (b"", b"\x16\x03\x01"):
        reader, writer = await asyncio.open_connection("127.0.0.1", world.edge.port)
        writer.write(said)
        assert b"" == await asyncio.wait_for(reader.read(), 6)
        writer.close()


async def test_half_a_head_behind_an_answer_is_cut(world):
    """The second request on a connection does not end."""
    reader, writer = await world.connect()
    writer.write(request("GET", "/version"))
    assert 200 == (await answer(reader))[0]
    writer.write(b"GET / HTT")
    assert 408 == (await answer(reader))[0]
    writer.close()


async def test_requests_sent_ahead_are_answered_in_order(world):
    """Two hundred requests in one piece: each answer comes, in order; nonsense behind them is refused."""
    reader, writer = await world.connect()
    names = ["default", "kube-system"] * 100
    writer.write(b"".join(request("GET", f"/api/v1/namespaces/{name}") for name in names))
    found = [orjson.loads((await answer(reader))[2])["metadata"]["name"] for _ in names]
    assert names == found
    writer.write(b"NONSENSE\r\n\r\n")
    assert 400 == (await answer(reader))[0]
    writer.close()


async def test_requests_sent_ahead_without_end_cost_no_memory(world):
    """A client sends requests and reads no answer: the server stops reading, so the client cannot send on."""
    reader, writer = await world.connect()
    part = request("GET", "/api") * 2000

    async def flood() -> None:
        for _ in range(400):
            writer.write(part)
            await writer.drain()

    with pytest.raises((TimeoutError, ConnectionError)):  # it is cut once it has taken nothing for too long
        await asyncio.wait_for(flood(), 1.5)
    await world.lives()
    writer.transport.abort()
    assert reader is not None


async def test_who_takes_nothing_of_a_large_answer_is_cut(world):
    """A client asks for a large list and reads not a byte: its connection is aborted."""
    reader, writer = await world.connect()
    for number in range(12):
        body = orjson.dumps({"metadata": {"name": f"m{number}"}, "data": {"a": "x" * 900_000}})
        writer.write(request("POST", MAPS, "Content-Type: application/json", body=body))
        assert 201 == (await answer(reader))[0]
    writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", world.edge.port, ssl=client_tls(world.pki, "admin"), limit=1)
    writer.write(request("GET", MAPS))
    await asyncio.sleep(1)  # the answer fills what the kernel holds, then a slice is not taken
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError, OSError)):
        await asyncio.wait_for(reader.readexactly(11_000_000), 10)
    writer.close()
    await world.lives()


async def test_who_takes_nothing_of_answers_or_events_is_cut(world):
    """One asks for lists of 100 kB and reads none, one watches and reads nothing while objects come and go: both are let go."""
    asking, watching, writing = [await world.connect() for _ in range(3)]
    asking[0]._transport.pause_reading()
    watching[0]._transport.pause_reading()
    watching[1].write(request("GET", f"{MAPS}?watch=true"))
    for number in range(120):
        body = orjson.dumps({"metadata": {"generateName": "m"}, "data": {"a": "x" * 100_000}})
        writing[1].write(request("POST", MAPS, "Content-Type: application/json", body=body))
        code, _, made = await answer(writing[0])
        assert 201 == code
        asking[1].write(request("GET", f"{MAPS}/{orjson.loads(made)['metadata']['name']}") if number < 119 else b"")
    writing[1].close()  # who writes goes by himself, the two others are made to
    await asyncio.wait_for(asyncio.gather(*(one.task for one in world.edge._connections), return_exceptions=True), 10)
    for _, writer in (asking, watching):
        writer.transport.abort()


async def test_a_reader_of_a_log_may_pause(pki):
    """Its pager is left alone for longer than an answer may wait; then it reads on, and nothing is lost."""
    parts = [bytes([65 + number % 26]) * 100_000 for number in range(200)]

    async def lines() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    async def handler(call: Call) -> Answer:
        return Answer(200, content_type="text/plain", stream=lines(), patient=True)

    edge = Edge(handler, limits=Limits(slice_s=0.1))
    await edge.start("127.0.0.1", 0, server_tls(*pki.files("server"), str(pki.ca)))
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port, ssl=client_tls(pki, "admin"), limit=1000)
    writer.write(request("GET", "/log", "Connection: close"))
    head = await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(1)
    body = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    await edge.stop(1)

    assert head.startswith(b"HTTP/1.1 200")
    assert body.endswith(b"0\r\n\r\n")
    assert sum(map(len, parts)) == len(body) - sum(len(b"%x\r\n\r\n" % len(part)) for part in parts) - 5
