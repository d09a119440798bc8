"""Decide whether a bootstrap token is over. Source: kube controller/bootstrap/tokencleaner.go; GetExpiration."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from datetime import datetime

from knarr.api.types.core_v1 import Secret
from knarr.reconcile.actions import Action, After, Delete

LOOK_MAX_S = 86400.0  # a moment further off is looked at again then


@dataclass(frozen=True, slots=True)
class View:
    """One token's Secret."""

    secret: Secret
    now_s: float


def plan(view: View) -> list[Action]:
    """Delete it once its time is over; a time that cannot be read is over."""
    text = view.secret.data.get("expiration", "")
    if not text or view.secret.metadata.deletionTimestamp is not None:
        return []
    left_s = end_s(text) - view.now_s
    return [Delete(view.secret)] if left_s <= 0 else [After(min(left_s, LOOK_MAX_S))]


def end_s(encoded: str) -> float:
    """Return when a token ends, seconds since 1970; 0 where that cannot be read."""
    try:
        moment = datetime.fromisoformat(b64decode(encoded).decode())
    except (Base64Error, ValueError):
        return 0.0
    return 0.0 if moment.tzinfo is None else moment.timestamp()
