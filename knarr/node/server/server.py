"""Serve the node's HTTPS port, by kubelet's paths:

    /healthz  /pods  /logs/…
    /stats/summary  /metrics  /metrics/cadvisor  /metrics/probes  /metrics/resource
    /deadLogs?namespace=&pod=&container=      Knarr's own: how runs ended within the last day, and their last lines
    /containerLogs/{namespace}/{pod}/{container}
    /exec/… /attach/…  (upgrade; `/{namespace}/{pod}/{container}`)   /portForward/{namespace}/{pod}  (upgrade)
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import msgspec
import structlog
from aiohttp import web

from knarr.api import errors
from knarr.base.clock import Clock
from knarr.node.cri.face import Runtime, RuntimeFault
from knarr.node.deadlogs import DeadLogs
from knarr.node.faces import Lookup
from knarr.node.server import access, hostlogs
from knarr.node.server.access import Judge, ServingTls
from knarr.node.server.connection import Connections
from knarr.node.server.containerlogs import open_log
from knarr.node.server.figures import Figures
from knarr.node.server.refusal import Refusal
from knarr.node.server.streaming import Streaming
from knarr.node.settings import Settings

Responder: TypeAlias = Callable[..., Awaitable[web.StreamResponse]]

HOST: Final = "0.0.0.0"  # the API server may be on another machine
RETRY_S: Final = 5.0
HEALTH_PARTS: Final = ("ping", "log", "syncloop")   # Source: kube kubelet/server/server.go, all of them alive as we are
SHUTDOWN_S: Final = 1.0   # for answers under way; streams are cut

log = structlog.get_logger()


class Server:
    """The port. `run` serves until cancelled."""

    def __init__(  # noqa: PLR0913
        self, settings: Settings, runtime: Runtime, lookup: Lookup, *, tls: ServingTls, clock: Clock,
        judge: Judge | None = None,
    ) -> None:
        """Judge: who is asked about callers other than the API server and administrators; None: they are refused."""
        self._access = access.Access(judge, clock)
        self._settings = settings
        self._runtime = runtime
        self._lookup = lookup
        self._tls = tls
        self._clock = clock
        self._context: ssl.SSLContext | None = None
        streaming, figures = Streaming(runtime, lookup), Figures(settings, runtime, lookup, clock=clock)
        self._routes: dict[tuple[str, int], Responder] = {          # (first word, words behind it)
            ("healthz", 0): self._health, ("healthz", 1): self._health, ("pods", 0): self._pods,
            ("deadLogs", 0): self._dead_logs, ("stats", 1): figures.stats,
            ("metrics", 0): figures.own, ("metrics", 1): figures.metrics,
            ("containerLogs", 3): self._logs, ("exec", 3): _by_container(streaming.exec),
            ("attach", 3): _by_container(streaming.attach), ("portForward", 2): streaming.port_forward,
        }

    async def run(self) -> None:
        """Serve until cancelled. Port 0 means that this node serves none."""
        if not self._settings.serving_port:
            await asyncio.Event().wait()
        self._context = self._tls.context()
        runner = web.ServerRunner(Connections(self.answer, handler_cancellation=True, access_log=None),
                                  shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        try:
            await self._listen(runner)
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _listen(self, runner: web.ServerRunner) -> None:
        """Take the port; while somebody else has it, pods go on without logs and exec, and we try again."""
        while True:
            site = web.TCPSite(runner, HOST, self._settings.serving_port, ssl_context=self._context)
            try:
                await site.start()
                return
            except OSError as error:
                log.error("node.port", port=self._settings.serving_port, error=str(error))
                await self._clock.sleep(RETRY_S)

    def reload(self) -> None:
        """Read the certificate again, after it was renewed."""
        if self._context is not None:
            self._tls.load(self._context)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Authenticate, route, answer. A refusal is a `v1.Status`, which the API server passes on as it is."""
        try:
            tls = request.transport.get_extra_info("ssl_object") if request.transport is not None else None
            await self._access.check(
                tls.getpeercert() if tls is not None else None, request.headers.get("Authorization", ""),
                access.asked(request.method, request.path, upgrade="upgrade" in request.headers))
            first, *rest = request.path.strip("/").split("/")
            if first == "logs":
                return hostlogs.answer(request, rest)
            responder = self._routes.get((first, len(rest)))
            if responder is None:
                raise Refusal(404, "404 page not found")
            return await responder(request, *rest)
        except Refusal as refusal:
            return _refused(errors.from_status(refusal.status, {"message": str(refusal)}))
        except RuntimeFault as fault:
            return _refused(errors.Internal(str(fault)))

    async def _health(self, _request: web.BaseRequest, part: str = "ping") -> web.Response:
        if part not in HEALTH_PARTS:
            raise Refusal(404, "404 page not found")
        return web.Response(text="ok")

    async def _pods(self, _request: web.BaseRequest) -> web.Response:
        listing = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": self._lookup.pods()}
        return web.Response(body=msgspec.json.encode(listing), content_type="application/json")

    async def _dead_logs(self, request: web.BaseRequest) -> web.Response:
        wanted = {name: request.query.get(name, "") for name in ("namespace", "pod", "container")}
        found = await asyncio.to_thread(DeadLogs(self._settings, self._clock).read, **wanted)
        return web.Response(body=msgspec.json.encode(found), content_type="application/json")

    async def _logs(self, request: web.BaseRequest, namespace: str, pod: str, container: str) -> web.StreamResponse:
        blocks = open_log(self._settings, self._lookup, request.query,
                          where=(namespace, pod, container), now_s=self._clock.now_s())
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        async for block in blocks:
            await response.write(block)
        await response.write_eof()
        return response


def _refused(error: errors.ApiError) -> web.Response:
    return web.Response(
        status=error.code, body=msgspec.json.encode(error.status()), content_type="application/json")


def _by_container(responder: Responder) -> Responder:
    async def respond(request: web.BaseRequest, namespace: str, pod: str, container: str) -> web.StreamResponse:
        return await responder(request, namespace, pod, container=container)

    return respond
