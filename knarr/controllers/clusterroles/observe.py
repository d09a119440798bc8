"""See an aggregated role and all the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knarr.api.types.rbac_v1 import ClusterRole
from knarr.client.informers import Informers
from knarr.controllers.clusterroles.plan import View
from knarr.reconcile.actions import Look
from knarr.reconcile.runner import Key, Watch


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return the role with all others; None when it is gone or is made of nothing."""
    roles = informers.of(ClusterRole)
    role = roles.get("", key[0])
    if role is None or role.aggregationRule is None:
        return None
    return View(role, tuple(roles.all()))


def watches() -> list[Watch[Any]]:
    """Return what concerns aggregated roles: any role that changes, because its labels may have it chosen."""
    return [Watch(ClusterRole, _aggregated)]


def _aggregated(informers: Informers, _: ClusterRole) -> Iterator[Key]:
    for role in informers.of(ClusterRole).all():
        if role.aggregationRule is not None:
            yield (role.metadata.name or "",)
