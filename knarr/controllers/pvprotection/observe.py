"""See a volume."""

from __future__ import annotations

from knarr.api.types.core_v1 import PersistentVolume
from knarr.client.informers import Informers
from knarr.controllers.pvprotection.plan import View
from knarr.reconcile.actions import Look
from knarr.reconcile.runner import Key


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return the volume; None when it is gone."""
    volume = informers.of(PersistentVolume).get(*key)
    return None if volume is None else View(volume)
