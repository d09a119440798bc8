"""Find the caller of a request: front proxy or certificate first, then token; then the one whom the caller asks to be.

Source: kube authentication/request/union, bearertoken, websocket/protocol.go, endpoints/filters/impersonation.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from knarr.api.errors import Unauthorized
from knarr.api.http import Call, User
from knarr.apiserver.authn.bearers import Bearers
from knarr.apiserver.authn.certificates import Certificates
from knarr.apiserver.authn.doors import Anonymous, BadToken
from knarr.apiserver.authn.impersonation import become, impersonated
from knarr.apiserver.security import STRANGER, Attributes, Authorizer

BEARER = "bearer "
PROTOCOL_HEADER = "sec-websocket-protocol"
PROTOCOL = "base64url.bearer.authorization.k8s.io."  # browsers cannot set headers on a WebSocket


class Callers:
    """The authenticator a server is given. authorizer: decides who may impersonate whom.

    wish: says what a user wants to do by a call.
    """

    def __init__(
        self,
        certificates: Certificates,
        bearers: Bearers,
        authorizer: Callable[[], Authorizer],
        *,
        wish: Callable[[Call, User], Attributes],
        anonymous: Anonymous | None = None,
    ) -> None:
        self._certificates, self._bearers, self._authorizer = certificates, bearers, authorizer
        self._wish, self._anonymous = wish, anonymous or Anonymous()

    async def authenticate(self, call: Call) -> User | None:
        """Return the caller; None for a stranger who may not ask. Raises Unauthorized, Forbidden, BadRequest."""
        user = await self._caller(call)
        if user is None:
            return None
        call.asker = user  # also of what is refused below
        wanted = impersonated(call)
        if wanted is None:
            call.asker = None
            return user
        return become(user, wanted, lambda: self._wish(call, user), self._authorizer().authorize)

    async def _caller(self, call: Call) -> User | None:
        user = self._certificates.user(call)
        if user is not None:
            return user
        token = token_of(call)
        if token is not None:
            try:
                found = await self._bearers.verify(token)
            except BadToken as fault:
                raise Unauthorized("Unauthorized") from fault
            if found.notes:
                call.notes = dict(found.notes)
            return found.user
        if self._certificates.is_proxys(call):
            raise Unauthorized("Unauthorized")  # it speaks for nobody, and is nobody itself
        return STRANGER if self._anonymous.admits(call.path) else None


def token_of(call: Call) -> str | None:
    """Return the bearer token a request carries; None where it carries none. Other schemes are no credentials."""
    header = call.headers.get("authorization", "").strip()
    if header[: len(BEARER)].lower() == BEARER and header[len(BEARER) :].strip():
        return header[len(BEARER) :].strip().split(" ", 1)[0]
    if call.upgrade is not None and PROTOCOL in call.headers.get(PROTOCOL_HEADER, ""):
        return _of_protocols(call.headers[PROTOCOL_HEADER])
    return None


def _of_protocols(offered: str) -> str:
    """Read the token among the offered subprotocols; it must not stand alone, because none could be chosen then."""
    words = [word.strip() for word in offered.split(",")]
    coded = [word.removeprefix(PROTOCOL) for word in words if word.startswith(PROTOCOL)]
    if len(coded) != 1 or len(words) < 2:
        raise Unauthorized("Unauthorized")
    try:
        token = base64.urlsafe_b64decode(coded[0] + "=" * (-len(coded[0]) % 4)).decode()
    except (binascii.Error, ValueError) as fault:
        raise Unauthorized("Unauthorized") from fault
    if not token:
        raise Unauthorized("Unauthorized")
    return token
