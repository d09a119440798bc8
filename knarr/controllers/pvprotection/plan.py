"""Decide whether a volume's finalizer is put on or taken off.

Source: kube controller/volume/pvprotection/pv_protection_controller.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from knarr.api.types.core_v1 import PersistentVolume
from knarr.reconcile.actions import Action, Patch

FINALIZER = "kubernetes.io/pv-protection"


@dataclass(frozen=True, slots=True)
class View:
    """One volume."""

    volume: PersistentVolume


def plan(view: View) -> list[Action]:
    """Let a volume go that is not bound; protect one that is not protected."""
    meta = view.volume.metadata
    leaving, protected = meta.deletionTimestamp is not None, FINALIZER in meta.finalizers
    if leaving and protected and view.volume.status.phase != "Bound":
        wanted = [one for one in meta.finalizers if one != FINALIZER]
    elif not leaving and not protected:
        wanted = [*meta.finalizers, FINALIZER]
    else:
        return []
    return [Patch(view.volume, {"metadata": {"finalizers": wanted, "resourceVersion": meta.resourceVersion}})]
