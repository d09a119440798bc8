"""See all bootstrap tokens and what is published. Only Secrets of that type and the one config map are followed."""

from __future__ import annotations

from typing import Any

from knarr.api.types.core_v1 import ConfigMap, Secret
from knarr.client.client import Selection
from knarr.client.informers import Informers
from knarr.controllers.bootstrapsigner.plan import NAME, NAMESPACE, View
from knarr.reconcile.actions import Look
from knarr.reconcile.runner import Key, Watch

TOKENS = Selection(namespace="kube-system", fields="type=bootstrap.kubernetes.io/token")
PUBLIC = Selection(namespace=NAMESPACE, fields=f"metadata.name={NAME}")
ONE = (NAMESPACE, NAME)  # all of them concern the one config map


def observe(settings: Any, informers: Informers, key: Key, look: Look) -> View | None:
    """Return the tokens and the config map."""
    tokens = tuple(informers.of(Secret, TOKENS).all())
    found = informers.of(ConfigMap, PUBLIC).get(*ONE)
    return View(tokens, found, settings.public_url, settings.ca_pem, look.now_s)


def watches() -> list[Watch[Any]]:
    """Return what concerns the config map: itself and every token."""
    return [
        Watch(Secret, lambda _, obj: [ONE], selection=TOKENS),
        Watch(ConfigMap, lambda _, obj: [ONE], selection=PUBLIC),
    ]
