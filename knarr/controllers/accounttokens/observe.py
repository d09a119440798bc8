"""See a token Secret and its account. Only Secrets of that type are followed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from knarr.api.types.core_v1 import Secret, ServiceAccount
from knarr.client.client import Selection
from knarr.client.informers import Informers
from knarr.controllers.accounttokens.plan import ACCOUNT, TYPE, View
from knarr.reconcile.actions import Look
from knarr.reconcile.runner import Key, Watch

OURS = Selection(fields=f"type={TYPE}")
BY_ACCOUNT = "token secrets by account"


def observe(settings: Any, informers: Informers, key: Key, look: Look) -> View | None:
    """Return the Secret and its account; None when the Secret is gone. settings: what signs, and the CA bundle."""
    secret = informers.of(Secret, OURS).get(*key)
    if secret is None:
        return None
    accounts = informers.of(ServiceAccount)
    account = accounts.get(key[0], secret.metadata.annotations.get(ACCOUNT, ""))
    current = accounts.version >= int(secret.metadata.resourceVersion or 0)
    if account is None:
        return View(secret, None, "", "", current)
    meta = account.metadata
    token = partial(settings.account_token, key[0], meta.name, account_uid=meta.uid, secret=key[1])
    return View(secret, account, settings.ca_pem, "" if secret.data.get("token") else token(), current)


def watches() -> list[Watch[Any]]:
    """Return what concerns token Secrets: themselves, and accounts that come and go."""
    return [
        Watch(Secret, _own, indexes={BY_ACCOUNT: _account}, selection=OURS),
        Watch(ServiceAccount, _of_account, when=lambda old, new: old is None or new is None),
    ]


def _own(informers: Informers, secret: Secret) -> Iterator[Key]:
    yield secret.metadata.namespace or "", secret.metadata.name or ""


def _account(secret: Secret) -> Iterator[str]:
    yield f"{secret.metadata.namespace}/{secret.metadata.annotations.get(ACCOUNT, '')}"


def _of_account(informers: Informers, account: ServiceAccount) -> Iterator[Key]:
    meta = account.metadata
    for secret in informers.of(Secret, OURS).by(BY_ACCOUNT, f"{meta.namespace}/{meta.name}"):
        yield secret.metadata.namespace or "", secret.metadata.name or ""
