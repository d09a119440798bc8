"""Decide which claims of ephemeral volumes are to be made. Source: kube controller/volume/ephemeral/controller.go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knarr.api import volumes
from knarr.api.types.core_v1 import PersistentVolumeClaim, PersistentVolumeClaimTemplate, Pod, Volume
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.reconcile.actions import Action, Create, Event, Told
from knarr.reconcile.owners import reference

REASON = "FailedBinding"


@dataclass(frozen=True, slots=True)
class View:
    """A pod, and the claims that exist under the names of its own, by name."""

    pod: Pod
    claims: Mapping[str, PersistentVolumeClaim]


def plan(view: View) -> list[Action]:
    """Make what is missing; tell of a claim that stands in the place of the pod's own. A pod that goes gets none."""
    if view.pod.metadata.deletionTimestamp is not None:
        return []
    wanted = (volume for volume in view.pod.spec.volumes if volume.ephemeral is not None)
    return [action for volume in wanted for action in _provide(view, volume)]


def _provide(view: View, volume: Volume) -> list[Action]:
    held = view.claims.get(volumes.claim_name(view.pod, volume))
    if held is None:
        failed = (REASON, f"ephemeral volume {volume.name}: create PVC {{name}}: {{error}}")
        return [Create(_claim(view.pod, volume), Told(view.pod, failed=failed))]
    stranger = volumes.not_its_own(view.pod, held)
    return [Event(view.pod, REASON, f"ephemeral volume {volume.name}: {stranger}", "Warning")] if stranger else []


def _claim(pod: Pod, volume: Volume) -> PersistentVolumeClaim:
    source = volume.ephemeral
    template = (source.volumeClaimTemplate if source is not None else None) or PersistentVolumeClaimTemplate()
    meta = ObjectMeta(
        name=volumes.claim_name(pod, volume), namespace=pod.metadata.namespace, labels=template.metadata.labels,
        annotations=template.metadata.annotations, ownerReferences=(reference(pod),))
    return PersistentVolumeClaim(metadata=meta, spec=template.spec)
