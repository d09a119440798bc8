"""Run a real server on a free port in a thread of its own, for clients that others wrote."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
import yaml

from knarr.api.http import Call, User
from knarr.apiserver.edge import Edge, server_tls
from knarr.apiserver.secured import Entrances, secured
from knarr.apiserver.server import ApiServer
from knarr.apiserver.settings import Settings
from knarr.base.clock import SystemClock
from knarr.base.rng import Rng
from knarr.store.memory import open_memory
from tests.wire.certificates import Pki, make_pki

ADMIN = User("test", groups=("system:masters",))


@dataclass
class Served:
    """Where the server is and how to reach it."""

    port: int
    pki: Pki
    kubeconfig: Path

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


@contextmanager
def serving(folder: Path, serve: Callable[..., Coroutine[Any, Any, None]] | None = None) -> Iterator[Served]:
    """Serve from an empty store until the block ends. serve: what runs in the thread; a server without roles, if not given."""
    pki = make_pki(folder)
    ports: list[int] = []
    started, stop = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            uvloop.run((serve or _serve)(pki, ports, started, stop))
        except BaseException as error:  # noqa: BLE001  # told to the test's own thread
            failures.append(error)
            started.set()

    thread = threading.Thread(target=run)
    thread.start()
    started.wait(20)
    try:
        if failures:
            raise failures[0]
        yield Served(ports[0], pki, write_kubeconfig(folder, ports[0], pki))
    finally:
        stop.set()
        thread.join(20)


async def serve_locked(pki: Pki, ports: list[int], started: threading.Event, stop: threading.Event) -> None:
    """Serve with authentication, roles, tokens and APIServices, as `knarr up` does."""
    store = open_memory()
    key = Path(pki.files("admin")[1]).read_bytes()
    whole = secured(store, Settings(), Entrances(key), clock=SystemClock(), rng=Rng(7))
    await whole.start()
    tasks = [asyncio.ensure_future(run()) for run in (whole.access.run, whole.server.aggregator.run)]
    try:
        await _listen(whole.server, pki, ports, ending=(started, stop))
    finally:
        for task in tasks:
            task.cancel()
        await store.close()


async def _serve(pki: Pki, ports: list[int], started: threading.Event, stop: threading.Event) -> None:
    store = open_memory()
    server = ApiServer(store, Settings())
    await server.start()
    try:
        await _listen(server, pki, ports, ending=(started, stop))
    finally:
        await store.close()


async def _listen(
    server: ApiServer, pki: Pki, ports: list[int], *, ending: tuple[threading.Event, threading.Event]
) -> None:
    """Listen until told to stop, then stop the server. ending: what is set when it listens, and what it waits for."""
    started, stop = ending
    account = b'{"metadata":{"name":"default"}}'
    await server.handle(Call("POST", "/api/v1/namespaces/default/serviceaccounts", body=account, user=ADMIN))
    edge = Edge(server.handle, uploads=server.uploads)
    await edge.start("127.0.0.1", 0, server_tls(*pki.files("server"), str(pki.ca)))
    ports.append(edge.port)
    started.set()
    try:
        await asyncio.to_thread(stop.wait)
    finally:
        await server.stop()
        await edge.stop(1)


def write_kubeconfig(folder: Path, port: int, pki: Pki) -> Path:
    """Write a kubeconfig for the administrator."""
    certificate, key = pki.files("admin")
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {
            "server": f"https://127.0.0.1:{port}", "certificate-authority": str(pki.ca),
        }}],
        "users": [{"name": "test", "user": {"client-certificate": certificate, "client-key": key}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "default"}}],
    }))
    return path
