"""A control plane with its locks in place, in one process, on virtual time: who asks matters here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import orjson
from cryptography.hazmat.primitives import serialization

from knarr.api.http import Call, User
from knarr.apiserver.authn.tokens import Signer
from knarr.apiserver.secured import Entrances, Secured, secured
from knarr.apiserver.settings import Settings
from knarr.base import virtual
from knarr.base.clock import ManualClock
from knarr.base.rng import Rng
from knarr.client.client import Client
from knarr.client.informers import Informers
from knarr.client.transport import CONTROL_PLANE, InProcess
from knarr.controllers import starters
from knarr.reconcile.runner import Setup
from knarr.store.memory import open_memory
from tests.unit.apiserver.test_authn import CLIENTS, KEY, NOW

ADMIN = User("admin", groups=("system:masters", "system:authenticated"))
CA_KEY = CLIENTS.key.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


@dataclass
class Locked:
    """What a story may do: ask as anybody, and let time pass."""

    secure: Secured
    clock: ManualClock

    async def ask(self, method: str, path: str, body: Any = None, user: User | None = ADMIN, **headers: str) -> tuple[int, Any]:
        path, _, query = path.partition("?")
        pairs = dict([query.split("=", 1)]) if query else {}
        sent = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
        raw = orjson.dumps(body) if body is not None else b""
        answer = await self.secure.server.handle(Call(method, path, pairs, sent, raw, user))
        return answer.status, orjson.loads(answer.body)

    async def make(self, path: str, body: Any, user: User | None = ADMIN) -> Any:
        code, made = await self.ask("POST", path, body, user)
        assert code == 201, made
        return made

    async def pass_time(self, seconds_s: float = 5.0) -> None:
        """Let everything settle."""
        await asyncio.sleep(seconds_s)


def live(names: tuple[str, ...], story: Callable[[Locked], Awaitable[None]]) -> None:
    """Start the server and some controllers, and let the story happen."""
    clock = ManualClock(NOW.timestamp() + 3600)

    async def program() -> None:
        secure = secured(open_memory(), Settings(), Entrances(KEY), clock=clock, rng=Rng(3))
        await secure.start()
        informers = Informers(Client(InProcess(secure.server.handle, CONTROL_PLANE)), clock=clock, rng=Rng(1))
        told = SimpleNamespace(ca_pem=CLIENTS.pem.decode(), ca_key_pem=CA_KEY, account_token=Signer(KEY).legacy,
                               public_url="https://10.0.0.1:6443")
        setup = Setup(informers, clock, Rng(2), told)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(informers.run()), group.create_task(secure.access.run())]
            tasks += [group.create_task(start(setup)) for start in starters(names).values()]
            await asyncio.sleep(0.5)
            await story(Locked(secure, clock))
            for task in tasks:
                task.cancel()

    virtual.run(program(), clock)
