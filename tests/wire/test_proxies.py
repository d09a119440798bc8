"""Proxy to real servers behind a pod, a service and a node: pages, errors, uploads, upgrades, and answers that break off."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import orjson
import pytest

from knarr.api.http import Call, User
from knarr.apiserver.edge import Edge, server_tls
from knarr.apiserver.server import ApiServer
from knarr.apiserver.settings import Settings
from knarr.store.memory import open_memory
from tests.wire.certificates import Pki, make_pki
from tests.wire.serving import write_kubeconfig
from tests.wire.test_edge import client_tls, request

ADMIN = User("test", groups=("system:masters",))
SPACE = "/api/v1/namespaces/default"
POD = {"metadata": {"name": "p"}, "spec": {"nodeName": "here", "containers": [{"name": "c", "image": "i"}]}}


def own_address() -> str:
    """Return an address of this machine that is not loopback, which no request may be proxied to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("203.0.113.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


class Behind:
    """A server in a pod. Every request is noted; the answer is made by a table of raw bytes, or echoes."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.raw: dict[str, bytes] = {}
        self.hold = asyncio.Event()
        self.ended = asyncio.Event()
        self.poured, self.sunk = 0, 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                self.heads.append(head)
                path = head.split(" ")[1]
                if "upgrade: websocket" in head.lower():
                    return await self.upgrade(reader, writer)
                self.bodies.append(await self.body(head.lower(), reader))
                if path == "/two":
                    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none \r\n")
                    await self.hold.wait()
                    writer.write(b"3\r\ntwo\r\n0\r\n\r\n")
                    continue
                whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Own: 1\r\n\r\nok"
                writer.write(self.raw.get(path, whole.removesuffix(b"ok") if head.startswith("HEAD ") else whole))
                if path in self.raw:
                    return None
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        finally:
            writer.close()

    async def body(self, head: str, reader: asyncio.StreamReader) -> bytes:
        if "content-length: " in head:
            return await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
        found = b""
        while "transfer-encoding: chunked" in head:
            size = int(await reader.readline(), 16)
            found += (await reader.readexactly(size + 2))[:-2]
            if not size:
                break
        return found

    async def upgrade(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello")
        path = self.heads[-1].split(" ")[1]
        if path.endswith("bye=1"):
            writer.write(b"z" * 500_000)
            return
        if path.endswith("deaf=1"):
            await self.hold.wait()
        while path.endswith("sink=1"):
            data = await reader.read(1 << 16)
            if not data:
                self.ended.set()
                return
            self.sunk += len(data)
        while path.endswith("pour=1"):
            writer.write(b"y" * 65536)
            await writer.drain()
            self.poured += 65536
        while data := await reader.read(1 << 16):
            writer.write(b"<" + data + b">")
            await writer.drain()


class World:
    """The API, a client's connection to it, and the server behind."""

    def __init__(self, pki: Pki) -> None:
        self.pki = pki
        self.server = ApiServer(open_memory(), Settings(agent_tls=client_tls(pki, "admin")))
        self.edge = Edge(self.server.handle, uploads=self.server.uploads)
        self.behind = Behind()
        self.port = 0

    async def make(self, path: str, body: object, method: str = "POST") -> None:
        headers = {"content-type": "application/merge-patch+json" if method == "PATCH" else "application/json"}
        found = await self.server.handle(Call(method, path, {}, headers, orjson.dumps(body), ADMIN))
        assert found.status < 300, found.body

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.edge.port, ssl=client_tls(self.pki, "admin"), limit=1 << 22)

    async def ask(self, method: str, path: str, *lines: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        reader, writer = await self.connect()
        writer.write(request(method, path, *lines, body=body))
        found = await whole(reader, has_body=method != "HEAD")
        writer.close()
        return found

    @property
    def pod(self) -> str:
        return f"{SPACE}/pods/p:{self.port}/proxy"


async def whole(reader: asyncio.StreamReader, *, has_body: bool = True) -> tuple[int, dict[str, str], bytes]:
    """Read an answer, chunked or not. Raises IncompleteReadError where it is cut."""
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode().split("\r\n")
    headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = b""
    if headers.get("transfer-encoding") == "chunked" and has_body:
        while size := int(await asyncio.wait_for(reader.readuntil(b"\r\n"), 5), 16):
            body += (await reader.readexactly(size + 2))[:-2]
    elif has_body:
        body = await asyncio.wait_for(reader.readexactly(int(headers.get("content-length", "0"))), 5)
    return int(head[0].split(" ")[1]), headers, body


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder: Path = tmp_path_factory.mktemp("pki")
    return make_pki(folder)


@pytest.fixture
async def world(pki: Pki) -> AsyncIterator[World]:
    made, address = World(pki), own_address()
    await made.server.start()
    await made.edge.start("127.0.0.1", 0, server_tls(*pki.files("server"), str(pki.ca)))
    behind = await asyncio.start_server(made.behind.serve, address, 0)
    made.port = behind.sockets[0].getsockname()[1]
    await made.make(f"{SPACE}/serviceaccounts", {"metadata": {"name": "default"}})
    await made.make(f"{SPACE}/pods", POD)
    await made.make(f"{SPACE}/pods/p/status", {"status": {"podIP": address, "podIPs": [{"ip": address}]}}, "PATCH")
    await made.make(f"{SPACE}/services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80, "targetPort": made.port}]}})
    await made.make("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
        "metadata": {"name": "s-1", "labels": {"kubernetes.io/service-name": "s"}}, "addressType": "IPv4", "ports": [{"port": made.port}],
        "endpoints": [{"addresses": [address], "targetRef": {"kind": "Pod", "name": "p", "namespace": "default"}}],
    })
    yield made
    made.behind.hold.set()
    await made.server.stop()
    await made.edge.stop(1)
    behind.close()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
async def test_every_method_reaches_the_pod(world, method):
    """A client calls a pod's server through the API: method, path, query and headers arrive, credentials do not."""
    code, headers, body = await world.ask(method, f"{world.pod}/a%20b/?x=1&x=2", "Authorization: Bearer secret", "X-Mine: 1", "Accept: a/b")
    assert (200, "1") == (code, headers.get("x-own")), body
    head = world.behind.heads[0]
    assert head.startswith(f"{method} /a%20b/?x=1&x=2 HTTP/1.1\r\n")
    assert "secret" not in head
    assert f"X-Forwarded-Uri: {world.pod}/a%20b/\r\n" in head
    assert "X-Forwarded-For: 127.0.0.1\r\n" in head
    assert "X-Mine: 1\r\n" in head


async def test_a_service_leads_to_its_pod(world):
    """The same through a service, by its port's number."""
    code, _, body = await world.ask("GET", f"{SPACE}/services/s:80/proxy/healthz")
    assert (200, b"ok") == (code, body)
    assert world.behind.heads[0].startswith("GET /healthz HTTP/1.1")


async def test_a_path_without_slash_is_moved(world):
    """Relative links need the slash: the client is sent there, its query with it."""
    code, headers, _ = await world.ask("GET", f"{world.pod}?method=GET")
    assert (301, f"{world.pod}/?method=GET") == (code, headers["location"])
    assert [] == world.behind.heads


async def test_redirects_and_pages_lead_back_through_the_proxy(world):
    """The pod redirects to its own root, and its page links there."""
    page = b'<a href="/next">'
    world.behind.raw = {"/old": b"HTTP/1.1 302 Found\r\nLocation: /new?a=b\r\nContent-Length: 0\r\n\r\n",
                        "/new": b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page)}
    code, headers, _ = await world.ask("GET", f"{world.pod}/old")
    assert (302, f"{world.pod}/new?a=b") == (code, headers["location"])
    _, headers, body = await world.ask("GET", f"{world.pod}/new")
    assert (f'<a href="{world.pod}/next">', "text/html; charset=utf-8") == (body.decode(), headers["content-type"])


async def test_an_upload_of_any_length_passes(world):
    """Six megabytes, twice what an object may have, go through in pieces, with a length and without one."""
    sent = bytes(range(256)) * 24_000
    code, _, _ = await world.ask("PUT", f"{world.pod}/up", body=sent)
    assert (200, sent) == (code, world.behind.bodies[0])
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(sent), sent)
    reader, writer = await world.connect()
    writer.write(request("POST", f"{world.pod}/up", "Transfer-Encoding: chunked") + chunked)
    assert 200 == (await whole(reader))[0]
    writer.close()
    assert sent == world.behind.bodies[1]


async def test_answers_come_as_they_are_written(world):
    """The pod writes a line and waits: the client has it before the next."""
    reader, writer = await world.connect()
    writer.write(request("GET", f"{world.pod}/two"))
    assert b"one " in await asyncio.wait_for(reader.readuntil(b"one "), 5)
    world.behind.hold.set()
    assert b"two" in await asyncio.wait_for(reader.readuntil(b"two"), 5)
    writer.close()


async def test_an_answer_that_breaks_off_never_looks_whole(world):
    """The pod dies in the middle of its answer: the client's connection breaks too."""
    world.behind.raw = {"/cut": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
                        "/short": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"}
    for path in ("/cut", "/short"):
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await world.ask("GET", f"{world.pod}{path}")


async def test_nobody_listens(world):
    """The pod serves nothing on that port: 503, in the words that tools look for."""
    code, _, body = await world.ask("GET", f"{SPACE}/pods/p:1/proxy/")
    status = orjson.loads(body)
    assert (503, "ServiceUnavailable") == (code, status["reason"])
    assert status["message"].startswith("error trying to reach service: dial tcp ")
    assert status["message"].endswith(":1: connect: connection refused")


async def test_what_is_no_http_is_an_error(world):
    """The pod's server speaks something else."""
    world.behind.raw = {"/odd": b"220 smtp ready\r\n\r\n"}
    code, _, body = await world.ask("GET", f"{world.pod}/odd")
    assert (503, "ServiceUnavailable") == (code, orjson.loads(body)["reason"])


async def test_a_websocket_passes(world):
    """A WebSocket through the proxy: both sides speak, and the client's early bytes are kept."""
    reader, writer = await world.connect()
    writer.write(request("GET", f"{world.pod}/ws?a=b&a=c", "Connection: Upgrade", "Upgrade: websocket", "Authorization: Bearer secret") + b"early")
    assert b" 101 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert b"hello<early>" == await asyncio.wait_for(reader.readexactly(12), 5)
    writer.write(b"more")
    assert b"<more>" == await asyncio.wait_for(reader.readexactly(6), 5)
    writer.close()
    assert world.behind.heads[0].startswith("GET /ws?a=b&a=c HTTP/1.1\r\n")
    assert "secret" not in world.behind.heads[0]


async def test_a_slow_side_holds_up_the_other(world):
    """The pod pours without end and the client reads nothing: the pod has to wait, and the server's memory does not grow."""
    reader, writer = await world.connect()
    writer.write(request("GET", f"{world.pod}/ws?pour=1", "Connection: Upgrade", "Upgrade: websocket"))
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.transport.pause_reading()
    poured = -1
    async with asyncio.timeout(20):
        while poured != world.behind.poured:
            poured = world.behind.poured
            await asyncio.sleep(0.3)
    assert 0 < poured < 64 << 20
    writer.transport.abort()


async def test_a_pod_that_reads_nothing_holds_up_its_client(world):
    """The other way round: the client sends without end, and has to wait."""
    reader, writer = await world.connect()
    writer.write(request("GET", f"{world.pod}/ws?deaf=1", "Connection: Upgrade", "Upgrade: websocket"))
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)

    async def pour() -> None:
        for _ in range(1000):
            writer.write(b"x" * 65536)
            await writer.drain()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pour(), 1.5)
    writer.transport.abort()


async def test_the_last_bytes_arrive(world):
    """The pod says goodbye and closes at once: the client gets all of it, then the end."""
    reader, writer = await world.connect()
    writer.write(request("GET", f"{world.pod}/ws?bye=1", "Connection: Upgrade", "Upgrade: websocket"))
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    rest = await asyncio.wait_for(reader.read(), 5)
    assert b"hello" + b"z" * 500_000 == rest
    writer.close()


async def test_a_client_that_closes_at_once_has_been_heard(world):
    """The client sends its last half megabyte and goes: the pod gets all of it, then the end."""
    reader, writer = await world.connect()
    writer.write(request("GET", f"{world.pod}/ws?sink=1", "Connection: Upgrade", "Upgrade: websocket"))
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.write(b"l" * 500_000)
    writer.close()
    await asyncio.wait_for(world.behind.ended.wait(), 5)
    assert 500_000 == world.behind.sunk


async def test_a_log_ends_with_its_node(world, pki):
    """The agent dies in the middle of a followed log: kubectl has what came, and ends without an error."""
    async def agent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nline\n\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(agent, "127.0.0.1", 0, ssl=server_tls(*pki.files("server"), str(pki.ca)))
    port = listening.sockets[0].getsockname()[1]
    await world.make("/api/v1/nodes", {"metadata": {"name": "here"}, "status": {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}], "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}})
    code, _, body = await world.ask("GET", f"{SPACE}/pods/p/log?follow=true")
    assert (200, b"line\n") == (code, body)
    listening.close()


async def test_logs_of_a_node_that_is_down(world):
    """The agent does not listen: kubectl prints where it should have, in the words that people search for."""
    await world.make("/api/v1/nodes", {"metadata": {"name": "here"}, "status": {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}], "daemonEndpoints": {"kubeletEndpoint": {"Port": 9}}}})
    code, _, body = await world.ask("GET", f"{SPACE}/pods/p/log?follow=true")
    status, url = orjson.loads(body), "https://127.0.0.1:9/containerLogs/default/p/c?follow=true"
    assert (500, f'Get "{url}": dial tcp 127.0.0.1:9: connect: connection refused') == (code, status["message"])
    assert "reason" not in status


async def test_an_upgrade_to_nobody(world):
    """The port is closed: the answer is a 500 without a reason, as kubectl expects it."""
    code, _, body = await world.ask("GET", f"{SPACE}/pods/p:1/proxy/", "Connection: Upgrade", "Upgrade: websocket")
    status = orjson.loads(body)
    assert 500 == code
    assert status["message"].startswith("error dialing backend: dial tcp ")
    assert "reason" not in status


async def test_a_node_by_its_port(world, pki):
    """`kubectl get --raw /api/v1/nodes/here/proxy/healthz`: the agent is asked with the server's certificate."""
    heads: list[bytes] = []

    async def agent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    tls = server_tls(*pki.files("server"), str(pki.ca))
    listening = await asyncio.start_server(agent, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    await world.make("/api/v1/nodes", {"metadata": {"name": "here"}, "status": {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}], "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}})
    assert b"ok" == (await world.ask("GET", "/api/v1/nodes/here/proxy/healthz"))[2]
    assert heads[0].startswith(b"GET /healthz HTTP/1.1\r\n")
    assert b"ok" == (await world.ask("GET", f"/api/v1/nodes/https:here:{port}/proxy/healthz"))[2]
    code, _, body = await world.ask("GET", "/api/v1/nodes/here:9/proxy/")
    assert (400, "address not allowed") == (code, orjson.loads(body)["message"])
    listening.close()


async def test_behind_kubectl_proxy(world, tmp_path):
    """Somebody opens a Service's page in a browser through `kubectl proxy`: its links and redirects lead back there."""
    path = shutil.which("kubectl")
    if path is None:
        pytest.skip("no kubectl here")
    page = b'<a href="/next">'
    world.behind.raw = {"/": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page),
                        "/old": b"HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n"}
    config = write_kubeconfig(tmp_path, world.edge.port, world.pki)
    child = await asyncio.create_subprocess_exec(path, "--kubeconfig", str(config), "proxy", "--port=0", stdout=asyncio.subprocess.PIPE)
    try:
        assert child.stdout is not None
        said = (await asyncio.wait_for(child.stdout.readline(), 10)).decode()
        front = f"http://{said.split()[-1]}"
        service = f"{SPACE}/services/s:80/proxy"
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{front}{service}/") as found:
                assert f'<a href="{service}/next">' == await found.text()
            async with session.get(f"{front}{service}/old", allow_redirects=False) as found:
                assert (302, f"{service}/new") == (found.status, found.headers["Location"])
            async with session.get(f"{front}{service}") as found:
                assert f"{front}{service}/" == str(found.url)
    finally:
        child.terminate()
        await child.wait()


async def test_fifty_clients_do_not_wait_for_each_other(world):
    """Long answers hold their connections: the fifty-first still passes at once."""
    held = [await world.connect() for _ in range(50)]
    for _, writer in held:
        writer.write(request("GET", f"{world.pod}/two"))
    async with asyncio.timeout(5):
        for reader, _ in held:
            await reader.readuntil(b"one ")
        assert 200 == (await world.ask("GET", f"{world.pod}/"))[0]
    for _, writer in held:
        writer.close()
