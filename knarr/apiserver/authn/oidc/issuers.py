"""The door for tokens that outside issuers sign. Source: kube oidc.go; OpenID Connect Core 1.0, section 3.1.3.7."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError

from knarr.apiserver.authn.doors import BadToken, Verified, authenticated
from knarr.apiserver.authn.jwts import header_of, issuer_of
from knarr.apiserver.authn.oidc.claims import user_of
from knarr.apiserver.authn.oidc.configuration import Jwt
from knarr.apiserver.authn.oidc.keys import Fetch, Keys, KeysUnavailable, over_https
from knarr.base.clock import Clock

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512")  # Source: kube oidc.go
REMEMBERED_S = 10.0  # Source: kube authentication config, TokenSuccessCacheTTL
REMEMBERED_MAX = 4096  # tokens
NOT_BEFORE_LEEWAY_S = 300.0  # Source: go-oidc verify.go


@dataclass(frozen=True, slots=True)
class Entry:
    """One issuer at work."""

    jwt: Jwt
    keys: Keys


class Issuers:
    """All outside issuers. fetching: makes what fetches documents, from an issuer's CA."""

    def __init__(
        self,
        listed: Iterable[Jwt],
        audiences: tuple[str, ...],
        *,
        clock: Clock,
        fetching: Callable[[str], Fetch] = over_https,
    ) -> None:
        self._audiences, self._clock, self._fetching = audiences, clock, fetching
        self._entries: dict[str, Entry] = {}
        self._remembered: OrderedDict[bytes, tuple[float, Verified]] = OrderedDict()
        self.use(listed)

    def use(self, listed: Iterable[Jwt]) -> None:
        """Know these issuers from now on; what stays as it was keeps its keys."""
        entries = {}
        for one in listed:
            old = self._entries.get(one.issuer.url)
            same = old is not None and old.jwt.issuer == one.issuer
            keys = (
                old.keys
                if old is not None and same
                else Keys(one.issuer, self._fetching(one.issuer.certificateAuthority), self._clock)
            )
            entries[one.issuer.url] = Entry(one, keys)
        self._entries = entries
        self._remembered.clear()

    async def verify(self, token: str, audiences: tuple[str, ...]) -> Verified | None:
        """Return whom a token stands for; None for one of an issuer that is not listed. Raises BadToken."""
        entry = self._entries.get(issuer_of(token))
        if entry is None:
            return None
        shared = tuple(one for one in audiences if one in self._audiences)
        if not shared:
            raise BadToken("tokens of outside issuers are for this API alone")
        digest = hashlib.sha256(token.encode()).digest()
        known = self._remembered.get(digest)
        if known is not None and known[0] > self._clock.now_s():
            return Verified(known[1].user, shared)
        claims = await self._claims(entry, token)
        found = Verified(authenticated(user_of(entry.jwt, claims)), shared)
        self._remembered[digest] = min(self._clock.now_s() + REMEMBERED_S, _number(claims, "exp")), found
        if len(self._remembered) > REMEMBERED_MAX:
            self._remembered.popitem(last=False)
        return found

    async def _claims(self, entry: Entry, token: str) -> dict[str, Any]:
        header = header_of(token)
        if header.get("alg") not in ALGORITHMS:
            raise BadToken("oidc: malformed jwt: unexpected signature algorithm")
        try:
            keys = await entry.keys.for_token(str(header.get("kid") or ""))
            claims = dict(jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims)
        except KeysUnavailable as fault:
            raise BadToken(str(fault)) from fault
        except (JoseError, ValueError, TypeError, KeyError) as fault:
            raise BadToken(f"oidc: verify token: failed to verify signature: {fault}") from fault
        self._check(entry.jwt, claims)
        return claims

    def _check(self, listed: Jwt, claims: dict[str, Any]) -> None:
        """Look at what every token must say: for whom it is, and when."""
        said = claims.get("aud")
        held = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        if not set(map(str, held)) & set(listed.issuer.audiences):
            wanted = ", ".join(listed.issuer.audiences)
            raise BadToken(f"oidc: verify token: oidc: expected audience in [{wanted}] got {held}")
        now_s = self._clock.now_s()
        if _number(claims, "exp") <= now_s:
            raise BadToken(f"oidc: verify token: oidc: token is expired (Token Expiry: {claims.get('exp')})")
        if "nbf" in claims and _number(claims, "nbf") > now_s + NOT_BEFORE_LEEWAY_S:
            raise BadToken("oidc: verify token: oidc: current time is before the nbf (not before) time")


def _number(claims: dict[str, Any], name: str) -> float:
    """Return a claim that is a time; 0 for anything else, which is long past."""
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
