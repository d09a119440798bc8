"""Exec, attach and port-forward through the node's port to a real containerd, by every protocol clients speak."""

from __future__ import annotations

import asyncio
import datetime
import json
import shutil
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
import pytest
import pytest_asyncio
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from knarr.api.types.core_v1 import Pod
from knarr.base.clock import SystemClock
from knarr.node import cni, oci, teardown
from knarr.node.containerd import Containerd
from knarr.node.cri.face import ContainerSpec, Namespaces, SandboxSpec
from knarr.node.cri.runtime import CriRuntime
from knarr.node.faces import ContainerRef, ProbeCount
from knarr.node.images import Images
from knarr.node.server import Server, ServingTls, spdy
from knarr.node.settings import Settings

pytestmark = [
    pytest.mark.containers, pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("containerd", path="/usr/bin:/usr/local/bin") is None, reason="no containerd"),
]
HOST = Namespaces(network="node")
BUSYBOX = "knarr.local/busybox:1"
RUNNING = {"ready": True, "restartCount": 0, "image": "i", "imageID": "", "containerID": "containerd://x",
           "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
POD = msgspec.convert({
    "metadata": {"name": "p", "namespace": "ns", "uid": "u-1"},
    "spec": {"containers": [{"name": "c"}, {"name": "t"}]},
    "status": {"phase": "Running", "containerStatuses": [{"name": "c", **RUNNING}, {"name": "t", **RUNNING}]},
}, Pod)


def certificates(home: Path) -> None:
    """Write a CA, the port's certificate, an administrator's and a stranger's of the same CA."""
    now = datetime.datetime.now(datetime.UTC)
    ca_key = ec.generate_private_key(ec.SECP256R1())

    def write(name: str, attributes: list[x509.NameAttribute], *, ca: bool = False) -> None:
        key = ca_key if ca else ec.generate_private_key(ec.SECP256R1())
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])
        built = (x509.CertificateBuilder().subject_name(x509.Name(attributes)).issuer_name(issuer)
                 .public_key(key.public_key()).serial_number(x509.random_serial_number())
                 .not_valid_before(now - datetime.timedelta(minutes=1))
                 .not_valid_after(now + datetime.timedelta(hours=1))
                 .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
                 .sign(ca_key, hashes.SHA256()))
        (home / f"{name}.crt").write_bytes(built.public_bytes(serialization.Encoding.PEM))
        (home / f"{name}.key").write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))

    common, group = NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME
    write("ca", [x509.NameAttribute(common, "ca")], ca=True)
    write("serving", [x509.NameAttribute(common, "system:node:n1")])
    write("admin", [x509.NameAttribute(group, "system:masters"), x509.NameAttribute(common, "admin")])
    write("stranger", [x509.NameAttribute(common, "stranger")])


@dataclass
class Node:
    """A running container and the port before it; it also answers the port's look-ups."""

    settings: Settings
    runtime: CriRuntime
    containers: dict[str, ContainerRef]
    sandbox: str

    def pods(self) -> tuple[Pod, ...]:
        return (POD,)

    def pod(self, namespace: str, name: str) -> Pod | None:
        return POD if (namespace, name) == ("ns", "p") else None

    def container(self, namespace: str, name: str, container: str, *, previous: bool = False) -> ContainerRef | None:
        return None if previous else self.containers.get(container)

    def sandbox_id(self, namespace: str, name: str) -> str:
        return self.sandbox

    def probes(self) -> tuple[ProbeCount, ...]:
        return ()

    def tls(self, who: str = "admin") -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.settings.data_dir / "ca.crt")
        context.check_hostname = False
        if who:
            context.load_cert_chain(self.settings.data_dir / f"{who}.crt", self.settings.data_dir / f"{who}.key")
        return context

    def url(self, path: str, scheme: str = "wss") -> str:
        return f"{scheme}://127.0.0.1:{self.settings.serving_port}{path}"

    def websocket(self, path: str, protocol: str) -> websockets.connect:
        return websockets.connect(self.url(path), ssl=self.tls(), subprotocols=[protocol], max_size=None)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node() -> AsyncIterator[Node]:
    """A sandbox in the host's network with a container that echoes lines, and one with a terminal."""
    home = Path(tempfile.mkdtemp(prefix="kns", dir="/tmp"))
    settings = Settings(home, "n1", "127.0.0.1", serving_port=free_port())
    certificates(home)
    cni.write(settings)
    clock = SystemClock()
    Containerd(settings, clock).start()
    runtime = CriRuntime(settings.endpoint)
    try:
        await runtime.ready(20)
        images = Images(settings, runtime)
        await images.ensure_sandbox_image()
        busybox = oci.layer({"bin/busybox": Path("/bin/busybox").read_bytes()}, links={
            f"bin/{name}": "busybox" for name in ("sh", "cat", "sleep", "echo", "head", "wc", "stty", "dd", "nc")})
        oci.write_archive(home / "busybox.tar", name=BUSYBOX, layers=[busybox], config={"Env": ["PATH=/bin"]})
        await images.import_archive(home / "busybox.tar")
        spec = SandboxSpec("p", "ns", "u-1", 0, "", str(settings.log_dir("ns", "p", "u-1")),
                           settings.group_of(POD), namespaces=HOST, labels={"io.kubernetes.pod.uid": "u-1"})
        sandbox = await runtime.run_sandbox(spec)
        held = Node(settings, runtime, {}, sandbox)
        found = await runtime.image(BUSYBOX)
        assert found is not None
        for name, tty in (("c", False), ("t", True)):
            (settings.log_dir("ns", "p", "u-1") / name).mkdir(parents=True)
            loop = "echo hello; while read line; do echo got $line; done; sleep 1000"
            made = await runtime.create_container(sandbox, ContainerSpec(
                name, 0, BUSYBOX, found.id, command=("sh", "-c", loop), log_path=f"{name}/0.log", stdin=True, tty=tty,
                namespaces=HOST), sandbox=spec)
            await runtime.start_container(made)
            held.containers[name] = ContainerRef(POD, name, made, sandbox, 0, True, tty, True)
        tls = ServingTls(home / "serving.crt", home / "serving.key", home / "ca.crt")
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(Server(settings, runtime, held, tls=tls, clock=clock).run())
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", settings.serving_port)
                    writer.close()
                    break
                except OSError:
                    await asyncio.sleep(0.01)
            yield held
            serving.cancel()
    finally:
        await runtime.close()
        await asyncio.to_thread(asyncio.run, teardown.purge(settings, clock))   # netlink needs a loop of asyncio's own
        shutil.rmtree(home, ignore_errors=True)


def command(*words: str, flags: str = "output=1&error=1", container: str = "c") -> str:
    return f"/exec/ns/p/{container}?{flags}" + "".join(f"&command={word}" for word in words)


async def all_of(client: websockets.ClientConnection) -> dict[int, bytes]:
    """Read to the end; return the bytes by channel."""
    got: dict[int, bytes] = {}
    async for message in client:
        assert isinstance(message, bytes)
        got[message[0]] = got.get(message[0], b"") + message[1:]
    return got


@pytest.mark.parametrize("protocol", ["v4.channel.k8s.io", "v5.channel.k8s.io"])
async def test_exec_output_and_exit_code(node: Node, protocol: str) -> None:
    """A command writes to both streams and fails: all three are told."""
    async with node.websocket(command("sh", "-c", "echo%20out;echo%20err%20>%262;exit%203"), protocol) as client:
        got = await all_of(client)

    assert (b"out\n", b"err\n") == (got[1], got[2])
    status = json.loads(got[3])
    assert ("NonZeroExitCode", "3") == (status["reason"], status["details"]["causes"][0]["message"])


async def test_exec_stdin_can_end(node: Node) -> None:
    """v5: two megabytes go in, stdin is closed, the command counts them and succeeds."""
    async with node.websocket(command("wc", "-c", flags="input=1&output=1"), "v5.channel.k8s.io") as client:
        for _ in range(64):
            await client.send(b"\0" + b"x" * 32_768)
        await client.send(b"\xff\0")
        got = await all_of(client)

    assert b"2097152\n" == got[1]
    assert "Success" == json.loads(got[3])["status"]


async def test_exec_much_output(node: Node) -> None:
    """Twenty megabytes come out whole: no window ever closes."""
    words = ("dd", "if=/dev/zero", "bs=65536", "count=320")
    async with node.websocket(command(*words, flags="output=1"), "v5.channel.k8s.io") as client:
        got = await all_of(client)

    assert 320 * 65536 == len(got[1])


async def test_exec_terminal_and_its_size(node: Node) -> None:
    """With a terminal there is one output, and a size that the client may change."""
    path = command("sh", flags="input=1&output=1&tty=1")
    async with node.websocket(path, "v5.channel.k8s.io") as client:
        await client.send(b"\x04" + b'{"Width":101,"Height":33}')
        await client.send(b"\0stty size; sleep 0.2; stty size; exit\n")
        got = await all_of(client)

    assert b"33 101" in got[1]
    assert "Success" == json.loads(got[3])["status"]


async def test_attach(node: Node) -> None:
    """The main process reads a line and answers."""
    async with node.websocket("/attach/ns/p/c?input=1&output=1", "v5.channel.k8s.io") as client:
        await client.send(b"\0you\n")
        got = b""
        while b"got you\n" not in got:
            message = await client.recv()
            assert isinstance(message, bytes)
            got += message[1:]


async def test_port_forward_tunnel(node: Node) -> None:
    """A client tunnels SPDY in a WebSocket, opens a port's two streams and gets an answer from behind it."""
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(shout, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    tunnel = "SPDY/3.1+portforward.k8s.io"      # no token by the RFC: only a lenient client may offer it
    async with server, aiohttp.ClientSession() as session, session.ws_connect(
            node.url("/portForward/ns/p"), ssl=node.tls(), protocols=(tunnel,)) as client:
        connection = spdy.Connection("client")
        headers = {"port": str(port), "requestID": "0"}
        await client.send_bytes(connection.open({**headers, "streamType": "error"})[1])
        stream, frame = connection.open({**headers, "streamType": "data"})
        await client.send_bytes(frame + spdy.data(stream, b"hello\n"))
        got = b""
        while b"HELLO\n" not in got:
            message = await client.receive_bytes()
            got += b"".join(event.payload for event in connection.receive(message) if isinstance(event, spdy.Data))

        assert tunnel == client.protocol

    assert b"HELLO\n" == got


async def test_exec_over_spdy(node: Node) -> None:
    """A client that speaks SPDY itself: its bytes pass through as they are."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.settings.serving_port, ssl=node.tls())
    path = command("cat", flags="input=1&output=1")
    writer.write((f"POST {path} HTTP/1.1\r\nHost: n1\r\nConnection: Upgrade\r\n"
                  "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n"
                  "Content-Length: 0\r\n\r\n").encode())
    head = await reader.readuntil(b"\r\n\r\n")
    connection = spdy.Connection("client")
    frames = [connection.open({"streamType": name}) for name in ("error", "stdin", "stdout")]
    writer.write(b"".join(frame for _, frame in frames) + spdy.data(3, b"echo me", fin=True))
    got: dict[int, bytes] = {}
    while data := await reader.read(65536):
        for event in connection.receive(data):
            if isinstance(event, spdy.Data):
                got[event.stream] = got.get(event.stream, b"") + event.payload
    writer.close()

    assert head.startswith(b"HTTP/1.1 101")
    assert b"echo me" == got[5]
    assert "Success" == json.loads(got[1])["status"]


async def get(node: Node, path: str, who: str = "admin") -> tuple[int, str]:
    """Ask the port."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.settings.serving_port, ssl=node.tls(who))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: n1\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body.decode()


@pytest.mark.parametrize(("path", "who", "status", "text"), [
    pytest.param("/healthz", "admin", 200, "ok", id="healthy"),
    pytest.param("/healthz", "", 401, "Unauthorized", id="no certificate"),
    pytest.param("/healthz", "stranger", 403, "Forbidden (user=stranger, verb=get, resource=nodes, subresource(s)=[healthz proxy])", id="stranger"),
    pytest.param("/nowhere", "admin", 404, "404 page not found", id="no such path"),
    pytest.param("/exec/ns/p/c?command=x&output=1", "admin", 400, "Upgrade request required", id="no upgrade"),
    pytest.param("/exec/ns/p/c?command=x", "admin", 400, "you must specify at least 1 of stdin, stdout, stderr",
                 id="no stream"),
    pytest.param("/exec/ns/q/c?output=1", "admin", 404, 'pod "q" not found in namespace "ns"', id="no pod"),
    pytest.param("/exec/ns/p/x?output=1", "admin", 500, 'container not found ("x")', id="no container"),
    pytest.param("/containerLogs/ns/p/x", "admin", 404, 'container "x" not found in pod "p"', id="no log"),
    pytest.param("/containerLogs/ns/p/c?previous=true", "admin", 400,
                 'previous terminated container "c" in pod "p" not found', id="no previous run"),
    pytest.param("/containerLogs/ns/p/c?tailLines=x", "admin", 422, "tailLines must be a whole number >= 0 (got x)",
                 id="no number"),
])
async def test_answers(node: Node, path: str, who: str, status: int, text: str) -> None:
    """Who may ask, and what the port says to what cannot be."""
    told, body = await get(node, path, who)

    assert (status, text) == (told, json.loads(body)["message"] if status >= 400 else body)


async def test_logs_pods_and_stats(node: Node) -> None:
    """The container's first line is in its log; the pod is listed; its memory is counted."""
    status, log = await get(node, "/containerLogs/ns/p/c?limitBytes=6")
    pods = json.loads((await get(node, "/pods"))[1])
    stats = json.loads((await get(node, "/stats/summary"))[1])

    assert 200 == status
    assert "hello\n" in log
    assert ["p"] == [pod["metadata"]["name"] for pod in pods["items"]]
    assert {"c", "t"} == {container["name"] for container in stats["pods"][0]["containers"]}
    assert stats["node"]["memory"]["workingSetBytes"] > 0
    metrics = (await get(node, "/metrics/resource"))[1]
    assert 'container_memory_working_set_bytes{container="c",' in metrics
    figures = (await get(node, "/metrics/cadvisor"))[1]
    assert 'container_memory_rss{container="c",' in figures
    assert "kubelet_running_pods 1" in (await get(node, "/metrics"))[1]
    assert "<pre>" in (await get(node, "/logs/"))[1]
