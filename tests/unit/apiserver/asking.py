"""Ask an API server in process, as a user with all rights."""

from __future__ import annotations

from typing import Any

import orjson

from knarr.api.http import Answer, Call, User
from knarr.apiserver.server import ApiServer
from knarr.apiserver.settings import Settings
from knarr.base.clock import ManualClock
from knarr.base.rng import Rng
from knarr.store.memory import open_memory

ADMIN = User("admin", groups=("system:masters", "system:authenticated"))
AGENT = "Python-urllib/3.11"
MERGE = "application/merge-patch+json"


class Asker:
    """A server on an empty store, and the words to ask it."""

    def __init__(self, **options: Any) -> None:
        self.clock = ManualClock()
        self.store = options.pop("store", None) or open_memory()
        settings = options.pop("settings", None) or Settings()
        self.server = ApiServer(self.store, settings, clock=self.clock, rng=Rng(7), **options)

    async def start(self, *namespaces: str) -> Asker:
        """Start the server and make namespaces, each with the service account that a controller would make."""
        await self.server.start()
        for namespace in namespaces:
            await self.make("/api/v1/namespaces", {"metadata": {"name": namespace}})
        for namespace in ("default", *namespaces):
            await self.make(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "default"}})
        return self

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send one request; the path may carry a query. Header names: underscores for dashes."""
        path, _, query = path.partition("?")
        pairs = dict(part.partition("=")[::2] for part in query.split("&")) if query else {}
        raw = body if isinstance(body, bytes) else orjson.dumps(body) if body is not None else b""
        sent = {"user-agent": AGENT} | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.server.handle(Call(method, path, pairs, {"content-type": "application/json", **sent}, raw, ADMIN))

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Send one request; return code and decoded body."""
        answer = await self.call(method, path, body, **headers)
        return answer.status, orjson.loads(answer.body)

    async def make(self, path: str, body: Any) -> dict[str, Any]:
        """Create, and insist that it worked."""
        code, obj = await self.ask("POST", path, body)
        assert code == 201, obj
        return dict(obj)
