"""See one bootstrap token. Only Secrets of that type are followed."""

from __future__ import annotations

from typing import Any

from knarr.api.types.core_v1 import Secret
from knarr.client.client import Selection
from knarr.client.informers import Informers
from knarr.controllers.tokencleaner.plan import View
from knarr.reconcile.actions import Look
from knarr.reconcile.runner import Key, Watch

OURS = Selection(namespace="kube-system", fields="type=bootstrap.kubernetes.io/token")


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return the token's Secret; None when it is gone."""
    secret = informers.of(Secret, OURS).get(*key)
    return None if secret is None else View(secret, look.now_s)


def watches() -> list[Watch[Any]]:
    """Return what concerns a token: itself."""
    return [Watch(Secret, lambda _, obj: [(obj.metadata.namespace or "", obj.metadata.name or "")], selection=OURS)]
