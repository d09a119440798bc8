"""Know bootstrap tokens: words `id.secret`, kept in Secrets, by which new machines introduce themselves.

Source: kube plugin/pkg/auth/authenticator/token/bootstrap/bootstrap.go; cluster-bootstrap/token.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from datetime import datetime
from typing import Any

from knarr.api import kinds
from knarr.api.http import User
from knarr.apiserver.authn.doors import AUTHENTICATED, BadToken, Verified
from knarr.base.clock import Clock
from knarr.store.face import Store

TYPE = "bootstrap.kubernetes.io/token"
NAMESPACE, PREFIX = "kube-system", "bootstrap-token-"
TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
USER_PREFIX, GROUP = "system:bootstrap:", "system:bootstrappers"
GROUP_FORM = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")


class BootstrapTokens:
    """The door for bootstrap tokens."""

    def __init__(self, store: Store, clock: Clock, audiences: tuple[str, ...]) -> None:
        self._store, self._clock, self._audiences = store, clock, audiences

    async def verify(self, token: str, audiences: tuple[str, ...]) -> Verified | None:
        """Return the bootstrapper; None for what has another form, is unknown, is over or is not for signing in."""
        match = TOKEN.fullmatch(token)
        if match is None:
            return None
        data = self._data(match[1])
        if data is None or not hmac.compare_digest(data.get("token-secret", "").encode(), match[2].encode()):
            return None
        if data.get("token-id") != match[1] or over(data.get("expiration", ""), self._clock.now_s()):
            return None
        if data.get("usage-bootstrap-authentication") != "true":
            return None
        shared = tuple(one for one in audiences if one in self._audiences)
        if not shared:
            raise BadToken("bootstrap tokens are for this API alone")
        groups = (GROUP, *groups_of(data.get("auth-extra-groups", "")), AUTHENTICATED)
        return Verified(User(f"{USER_PREFIX}{match[1]}", groups=tuple(dict.fromkeys(groups))), shared)

    def _data(self, token_id: str) -> dict[str, str] | None:
        kind = kinds.by_resource("", "v1", "secrets")
        assert kind is not None, "secrets are served"
        entry = self._store.get(kind.key(NAMESPACE, PREFIX + token_id))
        if entry is None:
            return None
        secret = entry.obj
        if secret.get("type") != TYPE or secret["metadata"].get("deletionTimestamp"):
            return None
        return plain(secret.get("data") or {})


def plain(data: dict[str, Any]) -> dict[str, str]:
    """Return a Secret's values as text; what is no text is left out."""
    found = {}
    for key, value in data.items():
        try:
            found[key] = base64.b64decode(value).decode()
        except (binascii.Error, ValueError):
            continue
    return found


def over(expiration: str, now_s: float) -> bool:
    """Tell whether a token's time is over; a time that cannot be read is over. Source: kube GetExpiration."""
    if not expiration:
        return False
    try:
        moment = datetime.fromisoformat(expiration)
    except ValueError:
        return True
    return moment.tzinfo is None or moment.timestamp() <= now_s


def groups_of(text: str) -> list[str]:
    """Return the extra groups of a token; those of a wrong form count for nothing, and take the others with them."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    return words if all(GROUP_FORM.fullmatch(word) for word in words) else []
