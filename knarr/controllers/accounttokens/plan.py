"""Decide whether a token Secret must be filled in or removed.

Source: kube controller/serviceaccount/tokens_controller.go.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from knarr.api.types.core_v1 import Secret, ServiceAccount
from knarr.reconcile.actions import Action, After, Delete, Update

TYPE: Final = "kubernetes.io/service-account-token"
ACCOUNT: Final = "kubernetes.io/service-account.name"
ACCOUNT_UID: Final = "kubernetes.io/service-account.uid"
AGAIN_S: Final = 1.0  # until it is looked whether more of the accounts has been heard; a bookmark comes each minute


@dataclass(frozen=True, slots=True)
class View:
    """One Secret and its account, if there is one. token: a fresh one where the Secret lacks it.

    current: the account is seen as it was when the Secret was last written, or later.
    """

    secret: Secret
    account: ServiceAccount | None
    ca_pem: str
    token: str
    current: bool = True


def plan(view: View) -> list[Action]:
    """Fill in what is missing; remove a Secret whose account is gone, or is another of that name.

    An account that was made just before its Secret may be heard of after it: nothing is removed before that is settled.
    """
    secret, account = view.secret, view.account
    notes = secret.metadata.annotations
    if secret.metadata.deletionTimestamp is not None:
        return []
    if account is None or notes.get(ACCOUNT_UID, account.metadata.uid) != account.metadata.uid:
        return [Delete(secret)] if view.current else [After(AGAIN_S)]
    wanted = {
        "ca.crt": encoded(view.ca_pem),
        "namespace": encoded(secret.metadata.namespace or ""),
        "token": secret.data.get("token") or encoded(view.token),
    }
    if all(secret.data.get(key) == value for key, value in wanted.items()) and ACCOUNT_UID in notes:
        return []
    meta = replace(secret.metadata, annotations={**notes, ACCOUNT_UID: account.metadata.uid or ""})
    return [Update(replace(secret, metadata=meta, data={**secret.data, **wanted}))]


def encoded(text: str) -> str:
    """Return a text as a Secret holds it."""
    return b64encode(text.encode()).decode()
