"""Decide whether a VolumeAttributesClass's finalizer is put on or taken off.

Source: kube controller/volume/vacprotection/vac_protection_controller.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from knarr.api.types.storage_v1 import VolumeAttributesClass
from knarr.reconcile.actions import Action, Patch

FINALIZER = "kubernetes.io/vac-protection"


@dataclass(frozen=True, slots=True)
class View:
    """One class, and whether a claim or a volume names it."""

    attributes: VolumeAttributesClass
    used: bool


def plan(view: View) -> list[Action]:
    """Let a class go that nobody names; protect one that is not protected."""
    meta = view.attributes.metadata
    leaving, protected = meta.deletionTimestamp is not None, FINALIZER in meta.finalizers
    if leaving and protected and not view.used:
        wanted = [one for one in meta.finalizers if one != FINALIZER]
    elif not leaving and not protected:
        wanted = [*meta.finalizers, FINALIZER]
    else:
        return []
    return [Patch(view.attributes, {"metadata": {"finalizers": wanted, "resourceVersion": meta.resourceVersion}})]
