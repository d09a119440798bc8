"""Speak to the real edge over TLS, byte by byte: keep-alive, limits, compression, watches, and connections that leave HTTP."""

from __future__ import annotations

import asyncio
import gc
import gzip
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from knarr.api.http import Call, User
from knarr.apiserver.connection import Connection
from knarr.apiserver.edge import Edge, server_tls
from knarr.apiserver.intake import Intake
from knarr.apiserver.server import ApiServer
from knarr.apiserver.settings import BODY_BYTES_MAX, Settings
from knarr.store.memory import open_memory
from tests.wire.certificates import Pki, make_pki

ADMIN = User("test", groups=("system:masters",))
POD = {"metadata": {"name": "p"}, "spec": {"nodeName": "here", "containers": [{"name": "c", "image": "i"}]}}


class Wire:
    """A served API, an agent that echoes, and raw connections to the former."""

    def __init__(self, pki: Pki) -> None:
        self.pki = pki
        self.agent_heads: list[bytes] = []
        self.agent_answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"
        self.server = ApiServer(open_memory(), Settings(agent_tls=client_tls(pki, "admin")))
        self.edge = Edge(self.server.handle, uploads=self.server.uploads)

    async def make(self, path: str, body: object) -> None:
        answer = await self.server.handle(Call("POST", path, body=orjson.dumps(body), user=ADMIN))
        assert answer.status == 201, answer.body

    async def connect(self, name: str = "admin") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.edge.port, ssl=client_tls(self.pki, name), limit=1 << 22)

    async def agent(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer an upgrade, then echo what comes."""
        self.agent_heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.agent_answer)
        if b" 101 " in self.agent_answer:
            while data := await reader.read(1 << 16):
                writer.write(b"<" + data + b">")
                await writer.drain()
        writer.close()


def client_tls(pki: Pki, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(pki.ca))
    if name:
        context.load_cert_chain(*pki.files(name))
    return context


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder: Path = tmp_path_factory.mktemp("pki")
    return make_pki(folder)


@pytest.fixture
async def wire(pki: Pki) -> AsyncIterator[Wire]:
    world = Wire(pki)
    await world.server.start()
    tls = server_tls(*pki.files("server"), str(pki.ca))
    await world.edge.start("127.0.0.1", 0, tls)
    agent = await asyncio.start_server(world.agent, "127.0.0.1", 0, ssl=tls)
    port = agent.sockets[0].getsockname()[1]
    await world.make("/api/v1/nodes", {"metadata": {"name": "here"}, "status": {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}], "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }})
    await world.make("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    await world.make("/api/v1/namespaces/default/pods", POD)
    yield world
    await world.server.stop()
    await world.edge.stop(1)
    agent.close()


def request(method: str, path: str, *lines: str, body: bytes = b"") -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: x", *lines]
    if body:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode().split("\r\n")
    headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = await asyncio.wait_for(reader.readexactly(int(headers.get("content-length", "0"))), 5)
    return int(head[0].split(" ")[1]), headers, body


async def test_one_connection_serves_many_requests(wire):
    """kubectl keeps its connection: three requests, one of them a refusal, come back in order."""
    reader, writer = await wire.connect()
    for path, code in (("/api/v1/namespaces/default", 200), ("/api/v1/namespaces/nope", 404), ("/version", 200)):
        writer.write(request("GET", path))
        assert code == (await answer(reader))[0]
    writer.close()


async def test_strangers_are_asked_for_credentials(wire):
    """No certificate: 401; a certificate without rights: 403; health is open to all."""
    reader, writer = await wire.connect("")
    writer.write(request("GET", "/api/v1/pods"))
    assert 401 == (await answer(reader))[0]
    writer.write(request("GET", "/livez"))
    assert 200 == (await answer(reader))[0]
    writer.close()
    reader, writer = await wire.connect("nobody")
    writer.write(request("GET", "/api/v1/pods"))
    code, _, body = await answer(reader)
    assert 403 == code
    said = 'pods is forbidden: User "nobody" cannot list resource "pods" in API group "" at the cluster scope'
    assert said == orjson.loads(body)["message"]
    writer.close()


async def test_a_body_over_the_limit_is_refused_with_a_status(wire):
    """Somebody posts four megabytes: 413 before they are read, and the server lives."""
    reader, writer = await wire.connect()
    writer.write(request("POST", "/api/v1/namespaces/default/configmaps", "Content-Type: application/json",
                         f"Content-Length: {BODY_BYTES_MAX + 1}"))
    code, _, body = await answer(reader)
    assert (413, "RequestEntityTooLarge") == (code, orjson.loads(body)["reason"])
    writer.close()


async def test_a_client_that_asks_before_it_sends(wire):
    """curl posts a large body: it is told to go on at once."""
    body = orjson.dumps({"metadata": {"name": "asked"}})
    reader, writer = await wire.connect()
    writer.write(request("POST", "/api/v1/namespaces/default/configmaps", "Content-Type: application/json",
                         "Expect: 100-continue", f"Content-Length: {len(body)}"))
    assert b"HTTP/1.1 100 Continue\r\n\r\n" == await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.write(body)
    assert 201 == (await answer(reader))[0]
    writer.close()


async def test_the_server_stops_under_open_watches(wire):
    """The server leaves: the watch ends as a stream ends, and stopping takes no time."""
    reader, writer = await wire.connect()
    writer.write(request("GET", "/api/v1/namespaces/default/pods?watch=1"))
    await asyncio.wait_for(reader.readuntil(b"}\n"), 5)
    async with asyncio.timeout(5):
        await wire.server.stop()
        await wire.edge.stop(1)
        rest = await reader.read()
    assert rest.endswith(b"0\r\n\r\n")
    writer.close()


async def test_large_lists_are_compressed_on_request_only(wire):
    """A list over 128 KiB: gzip for who asks, whole and plain for others, and the same in both."""
    blob = "x" * 200_000
    await wire.make("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "a"}, "data": {"a": blob}})
    await wire.make("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "b"}, "data": {"a": blob * 3}})
    reader, writer = await wire.connect()
    writer.write(request("GET", "/api/v1/namespaces/default/configmaps"))
    plain = (await answer(reader))[2]
    writer.write(request("GET", "/api/v1/namespaces/default/configmaps", "Accept-Encoding: gzip"))
    _, headers, packed = await answer(reader)
    assert "gzip" == headers["content-encoding"]
    assert plain == gzip.decompress(packed)
    writer.close()


@pytest.mark.parametrize(("query", "agent", "lines"), [
    pytest.param("", "kubectl/v1.33", 1, id="a program reads"),
    pytest.param("", "curl/8", 8, id="a person reads"),
    pytest.param("?pretty=true", "kubectl/v1.33", 8, id="asked for"),
    pytest.param("?pretty=false", "curl/8", 1, id="asked not to"),
])
async def test_answers_for_people(wire, query, agent, lines):
    """curl shows JSON that can be read, unless it is told otherwise."""
    reader, writer = await wire.connect()
    writer.write(request("GET", f"/api/v1/namespaces/nope/pods/x{query}", f"user-agent: {agent}"))
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    body = await reader.readexactly(length)

    assert orjson.loads(body)["code"] == 404
    assert lines <= len(body.splitlines()) <= 2 * lines


async def test_a_watch_ends_with_its_client(wire):
    """The client of a watch hangs up: the server holds no watch any more."""
    reader, writer = await wire.connect()
    writer.write(request("GET", "/api/v1/namespaces/default/pods?watch=1"))
    assert b'"type":"ADDED"' in await asyncio.wait_for(reader.readuntil(b"}\n"), 5)
    assert 1 == wire.server.watcher.open().total()
    writer.close()
    async with asyncio.timeout(5):
        while wire.server.watcher.open().total():  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # the server tells nobody that a watch has ended


@pytest.mark.parametrize("protocol", ["SPDY/3.1", "websocket"])
async def test_exec_is_spliced_and_early_bytes_are_kept(wire, protocol):
    """A client sends its first frame together with the upgrade request; it and all that follows reach the agent."""
    reader, writer = await wire.connect()
    path = "/api/v1/namespaces/default/pods/p/exec?command=sh&command=-c&command=a%20b&stdin=true&stdout=true&tty=true"
    writer.write(request("POST" if "SPDY" in protocol else "GET", path, "Connection: Upgrade", f"Upgrade: {protocol}",
                         "X-Stream-Protocol-Version: v4.channel.k8s.io", "Authorization: Bearer secret") + b"early")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"<early>" == await asyncio.wait_for(reader.readexactly(7), 5)
    writer.write(b"more")
    assert b"<more>" == await asyncio.wait_for(reader.readexactly(6), 5)
    writer.close()
    sent = wire.agent_heads[0].decode()
    assert "/exec/default/p/c?input=1&output=1&tty=1&command=sh&command=-c&command=a+b HTTP/1.1" in sent
    assert "secret" not in sent


async def test_megabytes_pass_a_splice_unharmed(wire):
    """Port-forward of a large upload: every byte comes back."""
    reader, writer = await wire.connect()
    writer.write(request("POST", "/api/v1/namespaces/default/pods/p/portforward", "Connection: Upgrade", "Upgrade: SPDY/3.1"))
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    sent = bytes(range(1, 60)) * 60_000  # neither < nor >, which the agent adds

    async def upload() -> None:
        for start in range(0, len(sent), 65536):
            writer.write(sent[start:start + 65536])
            await writer.drain()

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(upload())
        echoed = bytearray()
        while len(echoed) < len(sent):
            echoed += (await reader.read(1 << 16)).translate(None, b"<>")
    assert sent == bytes(echoed)
    writer.close()


async def test_an_agents_refusal_is_passed_on(wire):
    """The container is gone: the agent says 404, and so does the server."""
    wire.agent_answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone"
    reader, writer = await wire.connect()
    writer.write(request("POST", "/api/v1/namespaces/default/pods/p/attach", "Connection: Upgrade", "Upgrade: SPDY/3.1"))
    code, _, body = await answer(reader)
    assert (404, b"gone") == (code, body)
    writer.close()


async def test_logs_are_streamed_from_the_agent(wire):
    """kubectl logs: the agent's answer is the server's."""
    wire.agent_answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nline\n"
    reader, writer = await wire.connect()
    writer.write(request("GET", "/api/v1/namespaces/default/pods/p/log?tailLines=1"))
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert b"200 OK" in head
    assert b"line\n" in await asyncio.wait_for(reader.readuntil(b"line\n"), 5)
    assert b"GET /containerLogs/default/p/c?tailLines=1 " in wire.agent_heads[0]
    writer.close()


@pytest.mark.parametrize("query", [
    pytest.param("", id="after an answer"),
    pytest.param("?watch=1", id="in the middle of a watch"),
])
async def test_who_leaves_is_let_go_at_once(wire, query):
    """Clients hang up: what their connections held is free without the collector, which seldom looks."""
    gc.collect()
    gc.disable()
    try:
        before = living(Connection, Intake)
        for _ in range(3):
            reader, writer = await wire.connect()
            writer.write(request("GET", f"/api/v1/namespaces/default/pods{query}"))
            await reader.readuntil(b"\r\n\r\n")
            writer.close()
        for _ in range(500):  # looks, 10 ms apart
            if living(Connection, Intake) <= before:
                break
            await asyncio.sleep(0.01)
        assert living(Connection, Intake) <= before
    finally:
        gc.enable()


def living(*kinds: type) -> int:
    """Return how many objects of these classes there are."""
    return sum(isinstance(each, kinds) for each in gc.get_objects())
