"""Decide whether a claim's finalizer is put on or taken off.

Source: kube controller/volume/pvcprotection/pvc_protection_controller.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from knarr.api.types.core_v1 import PersistentVolumeClaim, Pod
from knarr.reconcile.actions import Action, Patch

FINALIZER = "kubernetes.io/pvc-protection"


@dataclass(frozen=True, slots=True)
class View:
    """One claim and the pods that name it."""

    claim: PersistentVolumeClaim
    pods: tuple[Pod, ...]


def plan(view: View) -> list[Action]:
    """Let a claim go that no pod on a node uses; protect one that is not protected."""
    meta = view.claim.metadata
    leaving, protected = meta.deletionTimestamp is not None, FINALIZER in meta.finalizers
    # A pod without a node is seen by no node agent: it uses nothing yet.
    if leaving and protected and not any(pod.spec.nodeName for pod in view.pods):
        return [_finalizers(view.claim, [one for one in meta.finalizers if one != FINALIZER])]
    if not leaving and not protected:
        return [_finalizers(view.claim, [*meta.finalizers, FINALIZER])]
    return []


def _finalizers(claim: PersistentVolumeClaim, wanted: list[str]) -> Patch:
    return Patch(claim, {"metadata": {"finalizers": wanted, "resourceVersion": claim.metadata.resourceVersion}})
