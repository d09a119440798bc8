"""See a namespace and its copy of the CA bundle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knarr.api.types.core_v1 import ConfigMap, Namespace
from knarr.client.informers import Informers
from knarr.controllers.rootca.plan import NAME, View
from knarr.reconcile.actions import Look
from knarr.reconcile.runner import Key, Watch


def observe(ca_pem: str, informers: Informers, key: Key, look: Look) -> View | None:
    """Return the namespace and its copy; None when the namespace is gone."""
    namespace = informers.of(Namespace).get("", key[0])
    return None if namespace is None else View(namespace, informers.of(ConfigMap).get(key[0], NAME), ca_pem)


def watches() -> list[Watch[Any]]:
    """Return what concerns namespaces: themselves, and config maps of that name."""
    return [
        Watch(Namespace, lambda informers, obj: [(obj.metadata.name or "",)]),
        Watch(ConfigMap, _keys_of_map, when=lambda old, new: old is not None),
    ]


def _keys_of_map(informers: Informers, found: ConfigMap) -> Iterator[Key]:
    if found.metadata.name == NAME:
        yield (found.metadata.namespace or "",)
