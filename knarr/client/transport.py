"""Carry calls to an API server: within this process, with no bytes copied, or over HTTPS (`client.https`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from knarr.api.http import Answer, Call, Handler, User

# Who the control plane's own components are. Source: kube user.SystemPrivilegedGroup.
CONTROL_PLANE = User("system:knarr", groups=("system:masters", "system:authenticated"))


class Unreachable(OSError):
    """The server gave no answer: it may or may not have done what was asked. Retry with backoff."""


class Transport(Protocol):
    """A way to an API server."""

    async def request(self, call: Call) -> Answer:
        """Send one call. A refusal is an Answer with its status; no answer at all is an OSError."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class InProcess:
    """Calls the server's handler directly and vouches for the caller. agent: what it calls itself, as a user agent."""

    def __init__(self, handler: Handler, user: User = CONTROL_PLANE, *, agent: str = "knarr") -> None:
        self._handler = handler
        self._user = user
        self._agent = {"user-agent": agent}

    async def request(self, call: Call) -> Answer:
        """Hand the call to the server as `user`."""
        return await self._handler(replace(call, user=self._user, headers={**self._agent, **call.headers}))

    async def close(self) -> None:
        """Nothing is held."""
