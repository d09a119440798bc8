"""See a namespace and its default service account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knarr.api.types.core_v1 import Namespace, ServiceAccount
from knarr.client.informers import Informers
from knarr.controllers.serviceaccounts.plan import NAME, View
from knarr.reconcile.actions import Look
from knarr.reconcile.runner import Key, Watch


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return the namespace and what it has; None when it is gone."""
    namespace = informers.of(Namespace).get("", key[0])
    if namespace is None:
        return None
    return View(namespace, informers.of(ServiceAccount).get(key[0], NAME) is not None)


def watches() -> list[Watch[Any]]:
    """Return what concerns namespaces: themselves, and accounts called `default`."""
    return [
        Watch(Namespace, lambda informers, obj: [(obj.metadata.name or "",)]),
        Watch(ServiceAccount, _keys_of_account, when=lambda old, new: new is None),
    ]


def _keys_of_account(informers: Informers, account: ServiceAccount) -> Iterator[Key]:
    if account.metadata.name == NAME:
        yield (account.metadata.namespace or "",)
