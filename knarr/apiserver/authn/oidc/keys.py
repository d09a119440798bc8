"""Fetch the keys that verify an issuer's signatures, and no more often than needed.

Theory of operation: keys are fetched with the first token, and again when a token names a key that is not known or
when they are an hour old; one fetch at a time, with a pause after each, so that nobody makes the server a hammer. A
fetch has an end and a size. While an issuer cannot be reached its last keys stay good; before it ever could, its
tokens are refused at once during the pause, not after waiting again.
Source: OpenID Connect Discovery 1.0; RFC 7517; kube oidc.go, go-oidc jwks.go.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable
from typing import Any, Protocol

import orjson
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from knarr.apiserver.authn.oidc.configuration import Issuer
from knarr.apiserver.authn.oidc.rules import WELL_KNOWN
from knarr.base.clock import Clock

FETCH_S = 5.0  # for a document; kube waits thirty, but here a user's request waits with it
PAUSE_S = 10.0  # between two fetches. Source: kube oidc.go, the verifier's initialisation
FRESH_S = 3600.0  # an issuer that withdraws a key is believed after an hour at the latest
DOCUMENT_BYTES_MAX = 256 << 10
KEYS_MAX = 100
WAITING_MAX = 128  # requests that wait for one issuer; more are refused



class Fetch(Protocol):
    """Gets a document by its URL. bearer: a token to show there. Raises KeysUnavailable."""

    def __call__(self, url: str, *, bearer: str = "") -> Awaitable[bytes]:
        """Return the document's bytes."""


log = structlog.get_logger("authn")


class KeysUnavailable(Exception):
    """The issuer's keys cannot be had now; says why."""


class Keys:
    """One issuer's keys. fetch: gets a document by its URL; raises KeysUnavailable."""

    def __init__(self, issuer: Issuer, fetch: Fetch, clock: Clock) -> None:
        self._issuer, self._fetch, self._clock = issuer, fetch, clock
        self._known: KeySet | None = None
        self._ids: frozenset[str] = frozenset()
        self._fetched_s = self._tried_s = float("-inf")
        self._fault = "it was never asked"
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def for_token(self, key_id: str) -> KeySet:
        """Return keys among which the named one should be; empty: any. Raises KeysUnavailable."""
        if not self._wanted(key_id):
            return self._held()
        if self._waiting >= WAITING_MAX:
            raise KeysUnavailable("too many requests wait for the issuer")
        self._waiting += 1
        try:
            async with self._turn:
                if self._wanted(key_id):
                    await self._refresh()
        finally:
            self._waiting -= 1
        return self._held()

    def _wanted(self, key_id: str) -> bool:
        """Tell whether a fetch is due, and allowed."""
        now_s = self._clock.monotonic_s()
        if now_s - self._tried_s < PAUSE_S:
            return False
        unknown = self._known is None or (bool(key_id) and key_id not in self._ids)
        return unknown or now_s - self._fetched_s > FRESH_S

    def _held(self) -> KeySet:
        if self._known is None:
            raise KeysUnavailable(
                f"oidc: authenticator for issuer {self._issuer.url!r} is not initialized: {self._fault}"
            )
        return self._known

    async def _refresh(self) -> None:
        self._tried_s = self._clock.monotonic_s()
        try:
            async with asyncio.timeout(2 * FETCH_S):
                self._known = read_keys(await self._fetch(await self._location()))
        except (KeysUnavailable, TimeoutError) as fault:
            self._fault = str(fault) or "it did not answer in time"
            log.warning("issuer.unavailable", issuer=self._issuer.url, error=self._fault)
            return
        self._ids = frozenset(str(key.kid) for key in self._known.keys if key.kid)
        self._fetched_s = self._clock.monotonic_s()

    async def _location(self) -> str:
        """Ask the issuer where its keys are; an answer in another's name does not count."""
        url = self._issuer.discoveryURL or self._issuer.url.rstrip("/") + WELL_KNOWN
        found = document(await self._fetch(url))
        if found.get("issuer") != self._issuer.url:
            raise KeysUnavailable(f"it calls itself {found.get('issuer')!r}")
        where = found.get("jwks_uri")
        if not isinstance(where, str) or not where.startswith("https://"):
            raise KeysUnavailable(f"its jwks_uri is {where!r}, not https")
        return where


def read_keys(body: bytes) -> KeySet:
    """Return the signing keys of a JWKS document; keys of unknown kinds are left out. Raises KeysUnavailable."""
    listed = document(body).get("keys")
    if not isinstance(listed, list) or len(listed) > KEYS_MAX:
        raise KeysUnavailable("its key set is none, or too large")
    keys = []
    for one in listed:
        if isinstance(one, dict) and one.get("use", "sig") == "sig" and one.get("kty") in ("RSA", "EC"):
            public = {name: value for name, value in one.items() if name in PUBLIC}
            try:
                keys += KeySet.import_key_set({"keys": [public]}).keys
            except (JoseError, ValueError, TypeError, KeyError):
                continue  # the others are still good
    if not keys:
        raise KeysUnavailable("it has no key to verify with")
    return KeySet(keys)


PUBLIC = frozenset({"kty", "kid", "alg", "use", "n", "e", "crv", "x", "y"})


def document(body: bytes) -> dict[str, Any]:
    """Return a JSON object. Raises KeysUnavailable."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        raise KeysUnavailable(f"it sent no JSON: {fault}") from fault
    if not isinstance(found, dict):
        raise KeysUnavailable("it sent no JSON object")
    return found


def over_https(ca_pem: str) -> Fetch:
    """Return what gets a document over HTTPS. ca_pem: the issuer's authority; empty: the machine's."""
    tls: list[ssl.SSLContext] = []

    async def fetch(url: str, *, bearer: str = "") -> bytes:
        import aiohttp  # the client's half is needed where there are issuers, and nowhere else

        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        if not tls:
            tls.append(ssl.create_default_context(cadata=ca_pem or None))
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=FETCH_S)) as session,
                session.get(url, ssl=tls[0], allow_redirects=False, headers=headers) as answer,
            ):
                if answer.status != 200:
                    raise KeysUnavailable(f"{url} answered {answer.status}")
                body = b""
                while len(body) <= DOCUMENT_BYTES_MAX and (more := await answer.content.readany()):
                    body += more
        except TimeoutError as fault:
            raise KeysUnavailable(f"{url} did not answer within {FETCH_S:g} s") from fault
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            raise KeysUnavailable(f"{url}: {fault}") from fault
        if len(body) > DOCUMENT_BYTES_MAX:
            raise KeysUnavailable(f"{url} sent more than {DOCUMENT_BYTES_MAX} bytes")
        return body

    return fetch
