"""Send a request on to an extension server. It is trusted to authorize by what we say of the caller.

Source: kube-aggregator pkg/apiserver/handler_proxy.go; a server that cannot be asked is told as plain text, as there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from knarr.api import kinds
from knarr.api.http import Answer, Call, User
from knarr.apiserver.aggregation.identity import BadBundle, Identity, user_headers
from knarr.apiserver.aggregation.registered import Remote
from knarr.apiserver.connection import Upgrade
from knarr.apiserver.core import Core
from knarr.apiserver.proxying.faults import Unreached
from knarr.apiserver.proxying.forward import Backend, Forwarder, passed_on
from knarr.apiserver.proxying.headers import Pairs, forwarded_for, outgoing
from knarr.apiserver.proxying.places import endpoints
from knarr.apiserver.proxying.subresources import PLAIN_IN_PATHS

PLAIN: Final = "text/plain; charset=utf-8"


class Unresolved(Exception):
    """There is no address to send to; the text says why."""


class Passer:
    """The way to the extension servers. failed: told when one could not be reached."""

    def __init__(self, core: Core, forwarder: Forwarder, identity: Identity, failed: Callable[[], object]) -> None:
        self.core, self.forwarder, self.identity, self.failed = core, forwarder, identity, failed

    async def answer(self, call: Call, user: User, remote: Remote) -> Answer:
        """Return the extension server's answer, or a 503 in plain text."""
        if not remote.available:
            return unavailable("service unavailable")
        path = quote(call.path, safe=PLAIN_IN_PATHS)
        try:
            backend = self.backend(remote, f"{path}?{call.raw_query}" if call.raw_query else path)
        except (Unresolved, BadBundle):
            self.failed()
            return unavailable("service unavailable")
        try:
            if isinstance(call.upgrade, Upgrade):
                sent = forwarded_for(outgoing(call.headers, keep_upgrade=True), call.remote)
                head = [*sent, ("Host", remote.server_name), *user_headers(user)]
                return await self.forwarder.join(call.upgrade, backend, method=call.method, headers=head)
            return passed_on(await self.forwarder.ask(call, backend, _headers(call, user, path, remote=remote)))
        except Unreached as fault:
            self.failed()
            return unavailable(f"error trying to reach service: {fault}")

    async def fetch(self, remote: Remote, path: str, *, user: User, headers: Pairs) -> tuple[int, Pairs, Answer]:
        """Ask an extension server for something of our own. Raises Unreached, Unresolved, BadBundle."""
        response = await self.forwarder.ask(
            Call("GET", path), self.backend(remote, path),
            [("Host", remote.server_name), ("Accept-Encoding", "identity"), *headers, *user_headers(user)])
        return response.status, list(response.headers.items()), passed_on(response)

    def backend(self, remote: Remote, target: str) -> Backend:
        """Return where a remote's requests go now. Raises Unresolved, BadBundle."""
        host, port = resolve(self.core, remote)
        tls = self.identity.tls(remote.ca, unverified=remote.unverified)
        return Backend(host, port, target, tls, remote.server_name)


def resolve(core: Core, remote: Remote) -> tuple[str, int]:
    """Return an address of a remote's Service: one of its ready endpoints. Raises Unresolved."""
    entry = core.store.get(SERVICE.key(remote.namespace, remote.service))
    if entry is None:
        raise Unresolved(f'service "{remote.service}" not found')
    spec = entry.obj.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName")), remote.port
    port = next((one for one in spec.get("ports") or () if one.get("port") == remote.port), None)
    if port is None:
        raise Unresolved(f'no service port {remote.port} found for service "{remote.service}"')
    places = [(host, number) for host, number, _ in
              endpoints(core, remote.namespace, remote.service, port=port.get("name") or "")]
    if not places:
        raise Unresolved(f'no endpoints available for service "{remote.service}"')
    return core.rng.choice(places)


def unavailable(text: str) -> Answer:
    """Answer 503 as Go's http.Error does, which clients turn into "the server is currently unable to …"."""
    return Answer(503, f"{text}\n".encode(), PLAIN, {"X-Content-Type-Options": "nosniff"})


def _headers(call: Call, user: User, uri: str, *, remote: Remote) -> Pairs:
    kept = [pair for pair in outgoing(call.headers) if pair[0].lower() != "x-forwarded-uri"]
    if call.upload is None:
        kept = [pair for pair in kept if pair[0].lower() not in ("content-length", "content-encoding")]
    own = [("Host", remote.server_name), ("X-Forwarded-Uri", uri), *user_headers(user)]
    return [*forwarded_for(kept, call.remote), *own]


def _service() -> kinds.Kind:
    found = kinds.by_resource("", "v1", "services")
    assert found is not None, "services are served"
    return found


SERVICE: Final = _service()
