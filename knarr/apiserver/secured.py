"""Join the parts that decide who calls and what they may, and hand them to a server.

`ApiServer` knows only the seams; here they are filled: RBAC and the node authorizer, service account tokens,
impersonation, the review kinds, and the check against escalation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from knarr.api.errors import ApiError
from knarr.api.http import Call, Handler, User
from knarr.api.kinds import Kind
from knarr.apiserver.authn.bearers import Bearers
from knarr.apiserver.authn.bootstrap_tokens import BootstrapTokens
from knarr.apiserver.authn.callers import Callers
from knarr.apiserver.authn.certificates import Certificates
from knarr.apiserver.authn.doors import Anonymous, FrontProxy, TokenDoor
from knarr.apiserver.authn.requests import TokenHandlers
from knarr.apiserver.authn.tokens import ISSUER, LAST_USED, Tokens
from knarr.apiserver.authz import bootstrap, escalation, signers
from knarr.apiserver.authz.access import Access
from knarr.apiserver.authz.reviews import Reviews
from knarr.apiserver.bootstrap import ensure, kind_of
from knarr.apiserver.core import Core
from knarr.apiserver.security import Attributes
from knarr.apiserver.server import ApiServer, Mounts, Security
from knarr.apiserver.settings import Settings
from knarr.base.clock import Clock
from knarr.base.rng import Rng
from knarr.store.face import Store, StoreUnavailable

if TYPE_CHECKING:
    from knarr.apiserver.audit.trail import Audit

Obj = dict[str, Any]
SECRET = kind_of({"apiVersion": "v1", "kind": "Secret"})
log = structlog.get_logger("authn")


@dataclass(frozen=True, slots=True)
class Secured:
    """A server whose doors have locks, and what decides. Run `access.run()` while it serves."""

    server: ApiServer
    access: Access

    async def start(self) -> None:
        """Start the server and make the default roles; after that the first request may come."""
        await self.server.start()
        creator, changer = self.server.creator, self.server.changer

        async def create(wanted: Obj) -> None:
            await ensure(creator, wanted)

        async def mend(wanted: Obj, edit: Any) -> None:
            await changer.edit(kind_of(wanted), key_of(kind_of(wanted), wanted), edit)

        def find(wanted: Obj) -> Obj | None:
            entry = self.server.core.store.get(key_of(kind_of(wanted), wanted))
            return entry.obj if entry else None

        await bootstrap.ensure(create, find, mend)
        self.access.load()


def key_of(kind: Kind, obj: Obj) -> str:
    """Return an object's key in the store."""
    return kind.key(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


@dataclass(frozen=True, slots=True)
class Entrances:
    """By which ways callers may come, beside client certificates and this cluster's own tokens.

    key_pem: the private key (P-256) that signs service account tokens. front: a proxy that may speak for others.
    issuers: doors for tokens that others issue. audit: writes down who came, and for what; None: nobody does.
    """

    key_pem: bytes
    anonymous: Anonymous = field(default_factory=Anonymous)
    front: FrontProxy | None = None
    issuers: tuple[TokenDoor, ...] = ()
    audit: Audit | None = None


def secured(
    store: Store, settings: Settings, entrances: Entrances, *,
    clock: Clock, rng: Rng, paths: Mapping[str, Handler] | None = None,
) -> Secured:  # fmt: skip
    """Return a server with every lock in place. paths: more paths to answer, for those whose role allows them."""
    access = Access(store)

    async def used(namespace: str, secret: str, day: str) -> None:
        """Write down when a token that lies in a Secret was used last: its holder should ask for one that ends."""
        key = SECRET.key(namespace, secret)
        try:
            await server.changer.edit(
                SECRET, key, lambda obj: obj["metadata"].setdefault("labels", {}).update({LAST_USED: day})
            )
        except (ApiError, StoreUnavailable) as error:
            log.warning("token.use_unnoted", secret=f"{namespace}/{secret}", error=str(error))

    tokens = Tokens(entrances.key_pem, store, clock=clock, rng=rng, used=used)
    bearers = Bearers((tokens, BootstrapTokens(store, clock, (ISSUER,)), *entrances.issuers), (ISSUER,))
    core = Core(store, settings, clock, rng)
    handlers = TokenHandlers(core, tokens, bearers, access, f"https://{settings.advertise_address}:{settings.port}")
    mounts = Mounts(
        created={**Reviews(core, access).handlers(), **handlers.created()},
        subresources=handlers.subresources(),
        paths={**handlers.paths(), **(paths or {})},
        checks=escalation.steps(access) | signers.steps(access),
    )
    certificates = Certificates(clock, entrances.front)

    def wish(call: Call, user: User) -> Attributes:
        return server.wish(call, user)  # which is made below, out of this very thing

    callers = Callers(certificates, bearers, lambda: access, wish=wish, anonymous=entrances.anonymous)
    security = Security(callers, access, entrances.audit)
    server = ApiServer(store, settings, clock=clock, rng=rng, security=security, mounts=mounts)
    return Secured(server, access)
