"""Measure the API server over TLS, load generators on the same cores: GET, LIST and durable creates. Prints lines.

    python -m bench.api [pods]        10,000 pods unless told otherwise

The server runs in a process of its own with the SQLite store in a fresh directory; wrk drives GET and LIST, raw TLS
connections drive the creates. Figures are medians of five runs.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import uvloop

from knarr.api.http import Call, User
from knarr.api.quantity import NANO, parse
from knarr.apiserver.audit.log import AuditLog, Place
from knarr.apiserver.audit.policy import read
from knarr.apiserver.audit.trail import Audit
from knarr.apiserver.edge import Edge, server_tls
from knarr.apiserver.server import ApiServer, Security
from knarr.apiserver.settings import Settings
from knarr.assembly import process
from knarr.base.clock import SystemClock
from knarr.base.rng import Rng
from knarr.store.sqlite import open_sqlite
from tests.wire.certificates import Pki, make_pki

RUNS = 5
RUN_S = 2
CLIENTS = 32
CREATES = 3000  # in one run
APPLIES = 1200  # in one run: half of them make, half of them change
POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- {level: Metadata, namespaces: [charged]}
"""
HARD = {"pods": "1000000", "requests.cpu": "1000000", "requests.memory": "1000Ti"}
QUOTA = "all"
COUNTED = {"status": {"hard": HARD, "used": dict.fromkeys(HARD, "0")}}  # by the controller, which does not run here
PREPARED: dict[str, object] = {
    "": {"metadata": {"name": "charged", "labels": {"pod-security.kubernetes.io/enforce": "baseline"}}},
    "/default/serviceaccounts": {"metadata": {"name": "default"}},
    "/charged/serviceaccounts": {"metadata": {"name": "default"}},
    "/charged/resourcequotas": {"metadata": {"name": QUOTA}, "spec": {"hard": HARD}},
    "/charged/limitranges": {
        "metadata": {"name": "all"},
        "spec": {"limits": [{"type": "Container", "default": {"cpu": "1", "memory": "1Gi"}}]},
    },
}
ADMIN = User("bench", groups=("system:masters",))
POD = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "p-", "labels": {"app": "bench"}},
    "spec": {"containers": [{
        "name": "c", "image": "nginx:1", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}],
        "resources": {"requests": {"cpu": "10m", "memory": "10Mi"}},
    }]},
}
DEPLOYMENT = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {},
    "spec": {
        "selector": {"matchLabels": {"app": "bench"}},
        "template": {"metadata": {"labels": {"app": "bench"}}, "spec": POD["spec"]},
    },
}  # fmt: skip


def main() -> None:
    """Serve in a child, drive it from here."""
    if len(sys.argv) > 2 and sys.argv[1] == "serve":
        process.run(lambda: serve(Path(sys.argv[2])), Path(sys.argv[2]) / "server.log")
        return
    pods = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with served() as (port, pki, pid):
        measure(port, pki, pods, pid)


@contextmanager
def served() -> Iterator[tuple[int, Pki, int]]:
    """Serve in a child with an empty store; yield port, certificates and the child's pid."""
    folder = Path(tempfile.mkdtemp(prefix="knarr-bench-"))
    pki = make_pki(folder)
    command = [sys.executable, "-m", "bench.api", "serve", str(folder)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield int(child.stdout.readline()), pki, child.pid
    finally:
        child.terminate()
        child.wait(20)
        shutil.rmtree(folder)


def measure(port: int, pki: Pki, pods: int, pid: int) -> None:
    """Drive one server and print what it did."""
    creates = [uvloop.run(create(port, pki, CREATES)) for _ in range(RUNS)]
    tell("api_create_pods", statistics.median(creates), "1/s", 1500)
    charged = [uvloop.run(create(port, pki, CREATES, "charged")) for _ in range(RUNS)]
    assert uvloop.run(charged_pods(port, pki)) == RUNS * CREATES, "every pod was paid for"
    tell("api_create_pods_with_quota_limits_and_audit", statistics.median(charged), "1/s", 1500)
    applies = [uvloop.run(apply(port, pki, APPLIES, run)) for run in range(RUNS)]
    tell("api_apply_deployments", statistics.median(applies), "1/s", 600)
    missing = pods - RUNS * CREATES
    if missing > 0:
        uvloop.run(create(port, pki, missing))
    first = uvloop.run(name_of_a_pod(port, pki))
    gets = [wrk(port, f"/api/v1/namespaces/default/pods/{first}", 16) for _ in range(RUNS)]
    tell("api_get_pod", statistics.median(gets), "1/s", 8000)
    lists = [wrk(port, "/api/v1/pods?limit=" + str(pods), 4) for _ in range(RUNS)]
    tell(f"api_list_{pods}_pods", statistics.median(lists), "1/s", 12)
    tell("api_server_memory", resident_mb(pid), "MB", 400)


def wrk(port: int, path: str, connections: int) -> float:
    """Return requests per second."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{RUN_S}", "--timeout", "10", "-H", "Authorization: Bearer bench"]
    out = subprocess.run(
        [*command, f"https://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True
    ).stdout
    assert "Non-2xx" not in out, out
    found = re.search(r"Requests/sec:\s+([0-9.]+)", out)
    assert found, out
    return float(found[1])


async def create(port: int, pki: Pki, count: int, namespace: str = "default") -> float:
    """Create pods over many connections; return how many a second."""
    message = post(f"/api/v1/namespaces/{namespace}/pods", POD)
    return await pour(port, pki, (message for _ in range(count)))


async def apply(port: int, pki: Pki, count: int, run: int) -> float:
    """Apply Deployments, each made anew and then changed; return how many applies a second."""
    messages = []
    for number in range(count):
        name = f"d{run}-{number // 2}"
        body = {**DEPLOYMENT, "metadata": {"name": name}, "spec": {**DEPLOYMENT["spec"], "replicas": number % 2 + 1}}
        path = f"/apis/apps/v1/namespaces/default/deployments/{name}?fieldManager=bench&force=true"
        messages.append(post(path, body, method="PATCH", media="application/apply-patch+yaml"))
    return await pour(port, pki, iter([*messages[::2], *messages[1::2]]))


def post(path: str, body: object, *, method: str = "POST", media: str = "application/json") -> bytes:
    """Return the bytes of a request."""
    data = orjson.dumps(body)
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {media}\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


async def pour(port: int, pki: Pki, messages: Iterator[bytes]) -> float:
    """Send writes over many connections; return how many a second."""
    sent = 0

    async def client() -> None:
        nonlocal sent
        reader, writer = await connect(port, pki)
        for message in messages:
            writer.write(message)
            await read_answer(reader, 200, 201)
            sent += 1
        writer.close()
        await writer.wait_closed()

    loop = asyncio.get_running_loop()
    started = loop.time()
    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(client())
    return sent / (loop.time() - started)


async def name_of_a_pod(port: int, pki: Pki) -> str:
    """Return the first pod's name."""
    name: str = (await read_object(port, pki, "default/pods?limit=1"))["items"][0]["metadata"]["name"]
    return name


async def charged_pods(port: int, pki: Pki) -> int:
    """Return how many pods the quota was charged for."""
    quota = await read_object(port, pki, f"charged/resourcequotas/{QUOTA}")
    return parse(quota["status"]["used"]["pods"]).nano // NANO


async def read_object(port: int, pki: Pki, path: str) -> Any:
    """Return what lies under a path behind the namespaces."""
    reader, writer = await connect(port, pki)
    writer.write(f"GET /api/v1/namespaces/{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    found = orjson.loads(await read_answer(reader, 200))
    writer.close()
    await writer.wait_closed()
    return found


async def connect(port: int, pki: Pki) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection as the administrator."""
    context = ssl.create_default_context(cafile=str(pki.ca))
    context.load_cert_chain(*pki.files("admin"))
    return await asyncio.open_connection("127.0.0.1", port, ssl=context)


async def read_answer(reader: asyncio.StreamReader, *codes: int) -> bytes:
    """Read one answer with a Content-Length and insist on one of some codes."""
    head = await reader.readuntil(b"\r\n\r\n")
    found = re.search(rb"content-length: ([0-9]+)", head, re.IGNORECASE)
    assert found, head
    body = await reader.readexactly(int(found[1]))
    assert int(head[9:12]) in codes, body
    return body


class Anybody:
    """Takes everybody for the administrator: wrk has no client certificate. Everything else is the real thing."""

    async def authenticate(self, call: Call) -> User:
        """Look at the header as a token authenticator does, and let it pass."""
        return ADMIN


async def serve(folder: Path) -> None:
    """Serve until terminated; say the port."""
    store, clock = open_sqlite(folder / "state.db"), SystemClock()
    log = AuditLog(Place(folder / "audit.log"), clock)
    audit = Audit(read(POLICY.encode()), log, clock=clock, rng=Rng.from_machine())
    server = ApiServer(store, Settings(), security=Security(Anybody(), audit=audit))
    await server.start()
    for path, body in PREPARED.items():
        answer = await server.handle(Call("POST", f"/api/v1/namespaces{path}", body=orjson.dumps(body), user=ADMIN))
        assert answer.status == 201, answer.body
    counted = f"/api/v1/namespaces/charged/resourcequotas/{QUOTA}/status"
    headers = {"content-type": "application/merge-patch+json"}
    answer = await server.handle(Call("PATCH", counted, headers=headers, body=orjson.dumps(COUNTED), user=ADMIN))
    assert answer.status == 200, answer.body
    edge = Edge(server.handle, uploads=server.uploads)
    pki = Pki(folder)
    await edge.start("127.0.0.1", 0, server_tls(*pki.files("server"), str(pki.ca)))
    print(edge.port, flush=True)
    await log.run()


def resident_mb(pid: int) -> float:
    """Return a process's resident memory."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+([0-9]+) kB", text)
    assert found
    return int(found[1]) / 1024


def tell(name: str, value: float, unit: str, figure: float) -> None:
    """Print one line: name, value, unit, the figure to reach."""
    print(f"{name} {value:.1f} {unit} {figure}", flush=True)


if __name__ == "__main__":
    main()
