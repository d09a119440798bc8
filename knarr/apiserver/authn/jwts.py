"""Look into a JWT without believing it: only to find out who should be asked about it. Source: RFC 7519, RFC 7515."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson

PARTS = 3  # header, claims, signature


def issuer_of(token: str) -> str:
    """Return the issuer that a JWT claims to have; empty for what is no JWT."""
    found = unverified_claims(token).get("iss")
    return found if isinstance(found, str) else ""


def unverified_claims(token: str) -> dict[str, Any]:
    """Return what a JWT says; empty for what is no JWT. Nothing of it is proved."""
    return _part(token, 1)


def header_of(token: str) -> dict[str, Any]:
    """Return a JWT's header; empty for what is no JWT."""
    return _part(token, 0)


def _part(token: str, number: int) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != PARTS:
        return {}
    coded = parts[number]
    try:
        found = orjson.loads(base64.b64decode(coded + "=" * (-len(coded) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
