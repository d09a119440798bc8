"""Issue and verify service account tokens: JWTs signed with the instance's own ECDSA key.

A token names its service account and what it is bound to (a pod, a secret, a node); it is good as long as these exist
with the same uid, and until it expires. Tokens that lie in Secrets, as of old, never expire and are good while their
Secret holds them. Source: kube pkg/serviceaccount/claims.go, legacy.go, jwt.go; RFC 7519.
"""

from __future__ import annotations

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from knarr.api import kinds
from knarr.api.http import User
from knarr.apiserver.authn.doors import ACCOUNT, ACCOUNTS, AUTHENTICATED, CREDENTIAL_ID, BadToken, Verified
from knarr.apiserver.authn.jwts import issuer_of
from knarr.base.clock import Clock
from knarr.base.rng import Rng
from knarr.base.times import rfc3339, seconds
from knarr.store.face import Store

if TYPE_CHECKING:
    from joserfc.jwk import ECKey

ISSUER = "https://kubernetes.default.svc.cluster.local"
LEGACY_ISSUER = "kubernetes/serviceaccount"
ALGORITHM = "ES256"
PRIVATE = "kubernetes.io"
LEGACY = "kubernetes.io/serviceaccount/"
LEEWAY_S = 60.0  # a clock that is a little behind. Source: kube jwt.go, defaultLeeway
VERIFIED_MAX = 4096  # tokens remembered as good, count
BOUND = {"pod": "pods", "secret": "secrets", "node": "nodes"}
EXTRA = "authentication.kubernetes.io"
INVALIDATED = "service account token has been invalidated"
STALE = "authentication.k8s.io/stale-token"
INVALID_SINCE, LAST_USED = "kubernetes.io/legacy-token-invalid-since", "kubernetes.io/legacy-token-last-used"
Used = Callable[[str, str, str], Awaitable[None]]  # namespace and name of a Secret, and the day


@dataclass(frozen=True, slots=True)
class Bond:
    """What a token is bound to. plural: pods, secrets or nodes."""

    plural: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token is to say. warn_s: how soon its holder should have another, 0 for when it ends."""

    namespace: str
    name: str
    uid: str
    audiences: tuple[str, ...]
    lifetime_s: int
    bond: Bond | None = None
    node: tuple[str, str] | None = None  # name and uid of the node that a bound pod runs on
    warn_s: int = 0


class Signer:
    """The key that signs. Whoever holds it can issue tokens of either sort."""

    def __init__(self, key_pem: bytes) -> None:
        self._key_pem = key_pem

    @cached_property
    def key(self) -> ECKey:
        """Return the key; JOSE comes in with the first token, after the server's first answer."""
        from joserfc.jwk import ECKey

        key = ECKey.import_key(self._key_pem)
        key.ensure_kid()
        return key

    def sign(self, claims: dict[str, Any]) -> str:
        """Return the claims as a signed JWT."""
        from joserfc import jwt

        token: str = jwt.encode({"alg": ALGORITHM, "kid": self.key.kid}, claims, self.key, algorithms=[ALGORITHM])
        return token

    def legacy(self, namespace: str, account: str, *, account_uid: str, secret: str) -> str:
        """Return the token that a Secret of type service-account-token holds. It has no end."""
        return self.sign(
            {
                "iss": LEGACY_ISSUER,
                f"{LEGACY}namespace": namespace,
                f"{LEGACY}secret.name": secret,
                f"{LEGACY}service-account.name": account,
                f"{LEGACY}service-account.uid": account_uid,
                "sub": f"{ACCOUNT}{namespace}:{account}",
            }
        )

    def key_set(self) -> dict[str, Any]:
        """Return the public keys as a JWKS document. Source: RFC 7517."""
        public = self.key.as_dict(private=False)
        return {"keys": [{**public, "use": "sig", "alg": ALGORITHM}]}


class Tokens:
    """The issuer and the verifier, over one key: the door for service accounts."""

    def __init__(self, key_pem: bytes, store: Store, *, clock: Clock, rng: Rng, used: Used | None = None) -> None:
        """used: told once a day that the token in a Secret is in use."""
        self.signer = Signer(key_pem)
        self._used = used
        self._store, self._clock, self._rng = store, clock, rng.child("tokens")
        self._verified: OrderedDict[bytes, dict[str, Any]] = OrderedDict()

    def issue(self, grant: Grant) -> tuple[str, int]:
        """Return a token and when it expires (seconds since 1970)."""
        now_s = int(self._clock.now_s())
        expires_s = now_s + grant.lifetime_s
        private: dict[str, Any] = {
            "namespace": grant.namespace,
            "serviceaccount": {"name": grant.name, "uid": grant.uid},
        }
        if grant.bond is not None:
            singular = next(word for word, plural in BOUND.items() if plural == grant.bond.plural)
            private[singular] = {"name": grant.bond.name, "uid": grant.bond.uid}
        if grant.node is not None:
            private["node"] = {"name": grant.node[0], "uid": grant.node[1]}
        if grant.warn_s:
            private["warnafter"] = now_s + grant.warn_s
        return self.signer.sign(
            {
                "aud": list(grant.audiences),
                "exp": expires_s,
                "iat": now_s,
                "nbf": now_s,
                "iss": ISSUER,
                "jti": self._rng.bytes(16).hex(),
                PRIVATE: private,
                "sub": f"{ACCOUNT}{grant.namespace}:{grant.name}",
            }
        ), expires_s

    async def verify(self, token: str, audiences: tuple[str, ...] = (ISSUER,)) -> Verified | None:
        """Return whom a token stands for; None for one of another issuer. Raises BadToken when it is not good now."""
        claims = self._claims(token)
        if claims is None:
            return None
        return (
            await self._legacy(claims, token, audiences)
            if claims["iss"] == LEGACY_ISSUER
            else self._bound(claims, audiences)
        )

    def _bound(self, claims: dict[str, Any], audiences: tuple[str, ...]) -> Verified:
        now_s = self._clock.now_s()
        if number(claims.get("exp")) + LEEWAY_S < now_s:
            raise BadToken("service account token has expired")
        if number(claims.get("nbf")) - LEEWAY_S > now_s:
            raise BadToken("service account token is not valid yet")
        held = claims.get("aud")
        shared = tuple(one for one in audiences if isinstance(held, list) and one in held)
        if not shared:
            raise BadToken(f"token audiences {quoted(held)} is invalid for the target audiences {quoted(audiences)}")
        private = claims.get(PRIVATE)
        if not isinstance(private, dict) or "serviceaccount" not in private:
            raise BadToken("service account token says of no account")
        self._check_alive(private)
        return Verified(user_of(claims, private), shared, self._staleness(claims, private))

    def _staleness(self, claims: dict[str, Any], private: dict[str, Any]) -> tuple[tuple[str, str], ...]:
        """Return the note that a holder uses its token for longer than it should; none where it does not."""
        late_s = int(self._clock.now_s() - number(private["warnafter"])) if "warnafter" in private else 0
        if late_s <= 0:
            return ()
        return ((STALE, f"subject: {claims['sub']}, seconds after warning threshold: {late_s}"),)

    async def _legacy(self, claims: dict[str, Any], token: str, audiences: tuple[str, ...]) -> Verified:
        namespace, secret = claims[f"{LEGACY}namespace"], claims[f"{LEGACY}secret.name"]
        account, uid = claims[f"{LEGACY}service-account.name"], claims[f"{LEGACY}service-account.uid"]
        if ISSUER not in audiences:
            raise BadToken(
                f"token audiences {quoted((ISSUER,))} is invalid for the target audiences {quoted(audiences)}"
            )
        held = self._find("secrets", namespace, secret)
        if held is None or held["metadata"].get("deletionTimestamp"):
            raise BadToken("Token has been invalidated")
        if (held.get("data") or {}).get("token") != base64.b64encode(token.encode()).decode():
            raise BadToken("Token does not match server's copy")
        if INVALID_SINCE in (held["metadata"].get("labels") or {}):
            raise BadToken(
                f"the token in secret {namespace}/{secret} for service account {namespace}/{account} has been "
                f"marked invalid. Use tokens from the TokenRequest API or remove the '{INVALID_SINCE}' label"
            )
        self._check("serviceaccounts", namespace, {"name": account, "uid": uid})
        today = rfc3339(self._clock.now_s())[:10]
        if self._used is not None and (held["metadata"].get("labels") or {}).get(LAST_USED) != today:
            await self._used(namespace, secret, today)
        user = account_user(namespace, account, uid)
        return Verified(user, (ISSUER,), (("authentication.k8s.io/legacy-token", user.name),))

    def _claims(self, token: str) -> dict[str, Any] | None:
        """Check the signature once and remember; what may change with time is checked every time."""
        digest = hashlib.sha256(token.encode()).digest()
        known = self._verified.get(digest)
        if known is not None:
            self._verified.move_to_end(digest)
            return known
        if issuer_of(token) not in (ISSUER, LEGACY_ISSUER):
            return None
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            claims: dict[str, Any] = dict(jwt.decode(token, self.signer.key, algorithms=[ALGORITHM]).claims)
        except (JoseError, ValueError) as error:
            raise BadToken(f"failed to verify the signature: {error}") from error
        self._verified[digest] = claims  # signed by us: its form is ours
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
        """Refuse a token whose referent is gone, or is another of that name, or has been going for a while."""
        found = self._find(plural, namespace, ref["name"])
        if found is None:
            raise BadToken(f'{plural} "{ref["name"]}" not found' if plural == "serviceaccounts" else INVALIDATED)
        meta = found["metadata"]
        if meta["uid"] != ref["uid"]:
            what = {"serviceaccounts": "service account", "pods": "pod", "secrets": "secret", "nodes": "node"}[plural]
            raise BadToken(f"{what} UID ({meta['uid']}) does not match claim ({ref['uid']})")
        going = meta.get("deletionTimestamp")
        if going and seconds(going) < self._clock.now_s() - LEEWAY_S:
            raise BadToken("service account has been deleted" if plural == "serviceaccounts" else INVALIDATED)

    def _find(self, plural: str, namespace: str, name: str) -> dict[str, Any] | None:
        kind = kinds.by_resource("", "v1", plural)
        assert kind is not None, plural
        entry = self._store.get(kind.key(namespace, name))
        return entry.obj if entry else None


def user_of(claims: dict[str, Any], private: dict[str, Any]) -> User:
    """Return the user a good token stands for. Source: kube serviceaccount/util.go, ServiceAccountInfo.UserInfo."""
    account = private["serviceaccount"]
    extra: dict[str, tuple[str, ...]] = {CREDENTIAL_ID: (f"JTI={claims['jti']}",)}
    for singular in ("pod", "node"):
        if singular in private:
            extra[f"{EXTRA}/{singular}-name"] = (private[singular]["name"],)
            if private[singular].get("uid"):
                extra[f"{EXTRA}/{singular}-uid"] = (private[singular]["uid"],)
    return account_user(private["namespace"], account["name"], account["uid"], extra=extra)


def account_user(namespace: str, name: str, uid: str, *, extra: dict[str, tuple[str, ...]] | None = None) -> User:
    """Return a service account as a user."""
    groups = (ACCOUNTS, f"{ACCOUNTS}:{namespace}", AUTHENTICATED)
    return User(f"{ACCOUNT}{namespace}:{name}", uid, groups, extra or {})


def number(value: Any) -> float:
    """Return a claim that should be a number; 0 for anything else."""
    return float(value) if isinstance(value, int | float) else 0.0


def quoted(words: Any) -> str:
    """Word a list as Go's %q does; what is no list is worded as a list of it."""
    listed = words if isinstance(words, list | tuple) else () if words is None else (words,)
    return "[" + " ".join(f'"{word}"' for word in listed) + "]"
