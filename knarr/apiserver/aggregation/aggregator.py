"""Join the parts: say who answers for a path, and keep the APIServices' conditions true.

Checks run when an APIService changes, when a request could not be passed on, and now and then; with no extension
server about, nothing runs. All checks go side by side, so that one that hangs delays no other.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, NoReturn

import orjson
import structlog

from knarr.api.http import Answer, Call, Handler, User
from knarr.api.strategy.definition import set_condition
from knarr.apiserver.aggregation import local
from knarr.apiserver.aggregation.checks import Verdict, check
from knarr.apiserver.aggregation.documents import Others
from knarr.apiserver.aggregation.identity import Identity
from knarr.apiserver.aggregation.passing import Passer
from knarr.apiserver.aggregation.registered import API_SERVICE, Registered, Remote
from knarr.apiserver.core import Core
from knarr.apiserver.proxying.forward import Forwarder
from knarr.apiserver.security import MASTERS

Obj = dict[str, Any]
RESYNC_S: Final = 30.0  # between two checks of a server that is there
RETRY_S: Final = 2.0  # of one that is not
SYSTEM: Final = User("system:apiserver", groups=(MASTERS,))
AGENT: Final = {"content-type": "application/json", "user-agent": "kube-apiserver"}

log = structlog.get_logger("apiserver")


class Aggregator:
    """The extension servers of one server. `load` before the first request, `run` while there are requests."""

    def __init__(self, core: Core, forwarder: Forwarder, handle: Handler) -> None:
        self.core, self._handle = core, handle
        self.registered = Registered(core.store)
        self.identity = Identity(core.settings.front_proxy)
        self.passer = Passer(core, forwarder, self.identity, self.wake)
        self.others = Others()
        self._due = asyncio.Event()
        self.registered.on_change(self._changed)
        core.registry.on_change(self.wake)

    def load(self) -> None:
        """Read the APIServices."""
        self.registered.load()

    def wake(self) -> None:
        """Let the next look begin at once."""
        self._due.set()

    async def run(self) -> NoReturn:
        """Follow the store, and look after the APIServices for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.registered.run())
            group.create_task(self._look())
        raise AssertionError("the store ended its watch")

    async def settle(self) -> None:
        """Look once: keep this server's own APIServices, and check the others."""
        await self._keep_own()
        remotes = list(self.registered.remotes.values())
        async with asyncio.TaskGroup() as group:
            for remote in remotes:
                group.create_task(self._settle(remote))

    def _changed(self) -> None:
        self.others.replace(self.registered.remotes)
        self.wake()

    async def _look(self) -> NoReturn:
        while True:
            self._due.clear()
            await self.settle()
            if not self.registered.remotes:
                await self._due.wait()
                continue
            wait_s = RESYNC_S if all(one.available for one in self.registered.remotes.values()) else RETRY_S
            await self._wait(wait_s)

    async def _wait(self, wait_s: float) -> None:
        """Return when somebody wakes us, and at the latest after this many seconds."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._due.wait()), group.create_task(self.core.clock.sleep(wait_s))]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()

    async def _settle(self, remote: Remote) -> None:
        verdict = await check(self.core, self.passer, remote)
        await self._write(remote, verdict)
        await self.others.hear(remote, verdict, self.passer)

    async def _write(self, remote: Remote, verdict: Verdict) -> None:
        entry = self.core.store.get(API_SERVICE.key("", remote.name))
        if entry is None:
            return
        obj = entry.obj
        status = obj.setdefault("status", {})
        before = orjson.dumps(status)
        told = verdict.reason, verdict.message
        set_condition(status, "Available", verdict.status, *told, now=self.core.timestamp())
        if orjson.dumps(status) == before:
            return
        log.info("apiservice.checked", name=remote.name, available=verdict.status, reason=verdict.reason)
        await self._ask("PUT", f"{API_SERVICE.path('', remote.name)}/status", obj)

    async def _keep_own(self) -> None:
        entries = self.core.store.list(API_SERVICE.namespace_prefix("")).entries
        stored = {entry.key.rpartition("/")[2]: entry.obj for entry in entries}
        todo = local.steps(self.core.registry.kinds, stored)
        async with asyncio.TaskGroup() as group:  # side by side: they share a commit
            for one in todo.make:
                group.create_task(self._ask("POST", API_SERVICE.path(), one))
            for one in todo.mend:
                group.create_task(self._ask("PUT", API_SERVICE.path("", one["metadata"]["name"]), one))
            for name in todo.drop:
                group.create_task(self._ask("DELETE", API_SERVICE.path("", name), None))

    async def _ask(self, method: str, path: str, body: Obj | None) -> None:
        """Ask our own server. Another may have been quicker: the next look sees what became of it."""
        sent = b"" if body is None else orjson.dumps(body)
        answer: Answer = await self._handle(Call(method, path, headers=AGENT, body=sent, user=SYSTEM))
        if answer.status >= 400 and answer.status not in (404, 409):
            log.warning("apiservice.refused", method=method, path=path, answer=answer.body.decode(errors="replace"))
