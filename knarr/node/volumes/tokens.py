"""Ask the API for service account tokens, bound to their pod, and know when each must be renewed.

A token is renewed after four fifths of its life, or a day; so is one found in a file after a restart, by what it says
of itself. Source: kube kubelet/token/token_manager.go.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

import msgspec

from knarr.api.errors import ApiError
from knarr.api.types.authentication_v1 import BoundObjectReference, TokenRequest, TokenRequestSpec
from knarr.api.types.core_v1 import Pod, ServiceAccount
from knarr.client.client import Client
from knarr.node.volumes.payload import ContentError, TokenKey

RENEW_SHARE: Final = 0.8
AGE_MAX_S: Final = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Token:
    """One token. renew_s: wall time at which a new one should take its place. end_s: wall time at which it is void."""

    text: str
    renew_s: float
    end_s: float = 0.0


class Claims(msgspec.Struct, frozen=True):
    """What a token says of its own life, wall seconds."""

    iat: float = 0.0
    exp: float = 0.0


async def request(client: Client, pod: Pod, key: TokenKey) -> Token:
    """Ask for a token of the pod's account. Raises ContentError with kubelet's text."""
    audience, lifetime_s = key
    account = pod.spec.serviceAccountName or "default"
    asked = TokenRequest(spec=TokenRequestSpec(
        audiences=(audience,) if audience else (), expirationSeconds=lifetime_s,
        boundObjectRef=BoundObjectReference(
            apiVersion="v1", kind="Pod", name=pod.metadata.name, uid=pod.metadata.uid)))
    try:
        body = await client.post(
            ServiceAccount, pod.metadata.namespace or "", account, subresource="token", obj=asked)
    except (ApiError, OSError) as error:
        raise ContentError(f"failed to fetch token: {error}") from error
    answer = msgspec.json.decode(body, type=TokenRequest)
    token = read(answer.status.token or "")
    if token is None:
        raise ContentError("failed to fetch token: the server's answer holds no token")
    return token


def read(text: str) -> Token | None:
    """Read a token's own life from its claims; None where it is no token. The signature is the server's affair."""
    try:
        part = text.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)), type=Claims)
    except (IndexError, binascii.Error, msgspec.DecodeError):
        return None
    life_s = max(0.0, claims.exp - claims.iat)
    return Token(text, claims.iat + min(life_s * RENEW_SHARE, AGE_MAX_S), claims.exp)
