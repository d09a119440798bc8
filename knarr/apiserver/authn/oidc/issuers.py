"""The door for tokens that outside issuers sign. Source: kube oidc.go; OpenID Connect Core 1.0, section 3.1.3.7."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError

from knarr.apiserver.authn.doors import BadToken, Verified, authenticated
from knarr.apiserver.authn.jwts import header_of, issuer_of
from knarr.apiserver.authn.oidc.claims import user_of
from knarr.apiserver.authn.oidc.configuration import Jwt
from knarr.apiserver.authn.oidc.distributed import source_of
from knarr.apiserver.authn.oidc.keys import Fetch, Keys, KeysUnavailable, over_https
from knarr.base.clock import Clock

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512")  # Source: kube oidc.go
REMEMBERED_S = 10.0  # Source: kube authentication config, TokenSuccessCacheTTL
REMEMBERED_MAX = 4096  # tokens
HELPERS_MAX = 64  # issuers of distributed claims; as many as a file may list
NOT_EXPANDED = "oidc: could not expand distributed claims"
NOT_BEFORE_LEEWAY_S = 300.0  # Source: go-oidc verify.go


@dataclass(frozen=True, slots=True)
class Entry:
    """One issuer at work. fetch: gets its documents."""

    jwt: Jwt
    keys: Keys
    fetch: Fetch


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
        self._helpers: OrderedDict[tuple[str, str], Entry] = OrderedDict()  # by who sends there, and who answers
        self._remembered: OrderedDict[bytes, tuple[float, Verified]] = OrderedDict()
        self.use(listed)

    def use(self, listed: Iterable[Jwt]) -> None:
        """Know these issuers from now on; what stays as it was keeps its keys."""
        entries = {}
        for one in listed:
            old = self._entries.get(one.issuer.url)
            if old is not None and old.jwt.issuer == one.issuer:
                entries[one.issuer.url] = replace(old, jwt=one)
                continue
            fetch = self._fetching(one.issuer.certificateAuthority)
            entries[one.issuer.url] = Entry(one, Keys(one.issuer, fetch, self._clock), fetch)
        self._entries = entries
        self._helpers.clear()
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
        claims = await self._completed(entry, await self._claims(entry, token))
        found = Verified(authenticated(user_of(entry.jwt, claims)), shared)
        self._remembered[digest] = min(self._clock.now_s() + REMEMBERED_S, _number(claims, "exp")), found
        if len(self._remembered) > REMEMBERED_MAX:
            self._remembered.popitem(last=False)
        return found

    async def _completed(self, entry: Entry, claims: dict[str, Any]) -> dict[str, Any]:
        """Fetch the groups where the token says only where they are. Who signs them is asked for keys of its own."""
        name = entry.jwt.claimMappings.groups.claim
        source = source_of(claims, name)
        if source is None:
            return claims
        try:
            token = (await entry.fetch(source.url, bearer=source.token)).decode("ascii").strip()
        except (KeysUnavailable, UnicodeDecodeError) as fault:
            raise BadToken(f'{NOT_EXPANDED}: while getting claim "{name}": {fault}') from fault
        said = await self._claims(self._helper(entry, issuer_of(token)), token)
        if name not in said:
            where = f'jwt returned by distributed claim endpoint "{source.url}"'
            raise BadToken(f"{NOT_EXPANDED}: {where} did not contain claim: {name}")
        return {**claims, name: said[name]}

    def _helper(self, entry: Entry, url: str) -> Entry:
        """Return the issuer of a distributed claim, which needs not be listed: a listed one sent us there."""
        if url == entry.jwt.issuer.url:
            return entry
        if not url.startswith("https://"):
            raise BadToken(f'oidc: verify distributed claim token: its issuer "{url}" has no https URL')
        slot = entry.jwt.issuer.url, url
        if slot not in self._helpers:
            issuer = msgspec.structs.replace(entry.jwt.issuer, url=url, discoveryURL="")
            helper = msgspec.structs.replace(entry.jwt, issuer=issuer)
            self._helpers[slot] = Entry(helper, Keys(issuer, entry.fetch, self._clock), entry.fetch)
            if len(self._helpers) > HELPERS_MAX:
                self._helpers.popitem(last=False)
        return self._helpers[slot]

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
