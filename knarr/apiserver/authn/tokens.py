"""Issue and verify service account tokens: JWTs signed with the instance's own ECDSA key.

A token names its service account and what it is bound to (a pod, a secret, a node); it is good as long as these exist
with the same uid, and until it expires. Source: kube pkg/serviceaccount/claims.go, jwt.go; RFC 7519.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from knarr.api import kinds
from knarr.api.errors import Unauthorized
from knarr.api.http import User
from knarr.base.clock import Clock
from knarr.base.rng import Rng
from knarr.store.face import Store

ISSUER = "https://kubernetes.default.svc.cluster.local"
ALGORITHM = "ES256"
PRIVATE = "kubernetes.io"
LEEWAY_S = 60.0             # a clock that is a little behind. Source: kube jwt.go, defaultLeeway
VERIFIED_MAX = 4096         # tokens remembered as good, count
ACCOUNT_GROUP = "system:serviceaccounts"
BOUND = {"pod": "pods", "secret": "secrets", "node": "nodes"}
BOUND_WARNING_S = 3607      # what the API server's own projection asks for: one hour, and a mark to tell it by
EXTRA = "authentication.kubernetes.io"


@dataclass(frozen=True, slots=True)
class Bond:
    """What a token is bound to. plural: pods, secrets or nodes."""

    plural: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token is to say."""

    namespace: str
    name: str
    uid: str
    audiences: tuple[str, ...]
    lifetime_s: int
    bond: Bond | None = None
    node: tuple[str, str] | None = None     # name and uid of the node that a bound pod runs on


class Tokens:
    """The issuer and the verifier, over one key."""

    def __init__(self, key_pem: bytes, store: Store, *, clock: Clock, rng: Rng) -> None:
        self._key = ECKey.import_key(key_pem)
        self._key.ensure_kid()
        self._store, self._clock, self._rng = store, clock, rng.child("tokens")
        self._verified: OrderedDict[bytes, dict[str, Any]] = OrderedDict()

    def issue(self, grant: Grant) -> tuple[str, int]:
        """Return a token and when it expires (seconds since 1970)."""
        now_s = int(self._clock.now_s())
        expires_s = now_s + grant.lifetime_s
        private: dict[str, Any] = {
            "namespace": grant.namespace, "serviceaccount": {"name": grant.name, "uid": grant.uid},
        }
        if grant.bond is not None:
            singular = next(word for word, plural in BOUND.items() if plural == grant.bond.plural)
            private[singular] = {"name": grant.bond.name, "uid": grant.bond.uid}
        if grant.node is not None:
            private["node"] = {"name": grant.node[0], "uid": grant.node[1]}
        claims = {
            "aud": list(grant.audiences), "exp": expires_s, "iat": now_s, "nbf": now_s, "iss": ISSUER,
            "jti": self._rng.bytes(16).hex(), PRIVATE: private,
            "sub": f"system:serviceaccount:{grant.namespace}:{grant.name}",
        }
        header = {"alg": ALGORITHM, "kid": self._key.kid}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM]), expires_s

    def verify(self, token: str, audiences: tuple[str, ...] = (ISSUER,)) -> User:
        """Return whom a token stands for. Raises Unauthorized, with the reason, when it is not good now."""
        claims = self._claims(token)
        now_s = self._clock.now_s()
        if claims.get("exp", 0) + LEEWAY_S < now_s or claims.get("nbf", 0) - LEEWAY_S > now_s:
            raise Unauthorized("service account token has expired")
        if not set(audiences) & set(claims.get("aud") or ()):
            held = claims.get("aud")
            raise Unauthorized(f"token audiences {held} is invalid for the target audiences {list(audiences)}")
        private = claims[PRIVATE]
        self._check_alive(private)
        return user_of(claims, private)

    def key_set(self) -> dict[str, Any]:
        """Return the public keys as a JWKS document. Source: RFC 7517."""
        public = self._key.as_dict(private=False)
        return {"keys": [{**public, "use": "sig", "alg": ALGORITHM}]}

    def _claims(self, token: str) -> dict[str, Any]:
        """Check the signature once and remember; what may change with time is checked every time."""
        digest = hashlib.sha256(token.encode()).digest()
        known = self._verified.get(digest)
        if known is not None:
            self._verified.move_to_end(digest)
            return known
        try:
            claims: dict[str, Any] = dict(jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims)
        except (JoseError, ValueError) as error:
            raise Unauthorized("Unauthorized") from error
        if claims.get("iss") != ISSUER or not isinstance(claims.get(PRIVATE), dict):
            raise Unauthorized("Unauthorized")
        self._verified[digest] = claims
        if len(self._verified) > VERIFIED_MAX:
            self._verified.popitem(last=False)
        return claims

    def _check_alive(self, private: dict[str, Any]) -> None:
        namespace, account = private["namespace"], private["serviceaccount"]
        self._check("serviceaccounts", namespace, account)
        for singular, plural in BOUND.items():
            if singular in private and not (singular == "node" and "pod" in private):
                self._check(plural, "" if plural == "nodes" else namespace, private[singular])

    def _check(self, plural: str, namespace: str, ref: dict[str, str]) -> None:
        kind = kinds.by_resource("", "v1", plural)
        assert kind is not None, plural
        entry = self._store.get(kind.key(namespace, ref["name"]))
        if entry is None or entry.obj["metadata"]["uid"] != ref["uid"]:
            raise Unauthorized(f"the token is bound to {plural} {ref['name']}, which is gone")


def user_of(claims: dict[str, Any], private: dict[str, Any]) -> User:
    """Return the user a good token stands for. Source: kube serviceaccount/util.go, ServiceAccountInfo.UserInfo."""
    namespace = private["namespace"]
    extra = {f"{EXTRA}/credential-id": (f"JTI={claims['jti']}",)}
    for singular in ("pod", "node"):
        if singular in private:
            extra[f"{EXTRA}/{singular}-name"] = (private[singular]["name"],)
            extra[f"{EXTRA}/{singular}-uid"] = (private[singular].get("uid", ""),)
    groups = (ACCOUNT_GROUP, f"{ACCOUNT_GROUP}:{namespace}", "system:authenticated")
    return User(claims["sub"], private["serviceaccount"]["uid"], groups, extra)
