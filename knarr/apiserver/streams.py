"""Carry logs, exec, attach and port-forward between a client and a node's agent. Bytes are passed on, never understood.

An upgrade is offered to the agent first, with the client's own headers. Only when the agent has said 101 is the
client's connection taken and both are spliced, each direction at the pace of its reader; a refusal is passed on as
the answer it is.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import suppress

from knarr.api.errors import BadRequest, Unavailable
from knarr.api.http import Answer, Broken, Call
from knarr.apiserver import framed
from knarr.apiserver.agents import Place, log_place, stream_place
from knarr.apiserver.connection import Upgrade
from knarr.apiserver.core import Core, Request
from knarr.apiserver.proxying.faults import BackendDown, Unreached
from knarr.apiserver.proxying.forward import Backend, Forwarder, passed_on
from knarr.apiserver.proxying.headers import outgoing
from knarr.apiserver.proxying.subresources import dial_failed

PRIVATE = frozenset({"cookie", "x-forwarded-for", "x-forwarded-uri"})  # what concerns this server and not the agent


class Streams:
    """Everything of pods that goes on to an agent."""

    def __init__(self, core: Core, forwarder: Forwarder) -> None:
        self.core, self.forwarder = core, forwarder

    async def log(self, request: Request) -> Answer:
        """Answer with a container's log, streamed as it comes: as HTTP, or as WebSocket messages."""
        backend = self._backend(log_place(self.core, request))
        try:
            response = await self.forwarder.ask(Call("GET", request.call.path), backend, [])
        except Unreached as fault:
            raise BackendDown(f'Get "{backend.url}": {fault}') from fault
        answer = passed_on(response)
        assert answer.stream is not None, "what is passed on is a stream"
        answer.stream, answer.patient = _log(answer.stream), True
        return await framed.log(request.call, answer)

    async def connect(self, request: Request) -> Answer:
        """Join a client to exec, attach or port-forward of a container. The answer counts only if the agent refuses."""
        upgrade = request.call.upgrade
        if not isinstance(upgrade, Upgrade):
            raise BadRequest("Upgrade request required")
        backend = self._backend(stream_place(self.core, request, upgrade.raw_query))
        sent = outgoing(request.call.headers, keep_upgrade=True)
        headers = [pair for pair in sent if pair[0].lower() not in PRIVATE]
        try:
            return await self.forwarder.join(upgrade, backend, method=request.call.method, headers=headers)
        except Unreached as fault:
            raise dial_failed(fault) from fault

    def _backend(self, place: Place) -> Backend:
        return Backend(place.host, place.port, place.target, self._tls(), again=True)

    def _tls(self) -> ssl.SSLContext:
        if self.core.settings.agent_tls is None:
            raise Unavailable("this server has no certificate to reach agents with")
        return self.core.settings.agent_tls


async def _log(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield a log. Where the agent goes away, the log ends as it does with its container. Source: kube does so too."""
    with suppress(Broken):
        async for chunk in chunks:
            yield chunk
