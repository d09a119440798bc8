"""Name the pods and claims of a StatefulSet: each ordinal keeps its name and its data for ever. Pure.

Source: kube statefulset/stateful_set_utils.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace

from knarr.api.types.apps_v1 import StatefulSet
from knarr.api.types.core_v1 import (
    PersistentVolumeClaim,
    PersistentVolumeClaimVolumeSource,
    Pod,
    PodTemplateSpec,
    Volume,
)
from knarr.api.types.meta_v1 import ObjectMeta, OwnerReference
from knarr.reconcile.owners import reference
from knarr.reconcile.pods import from_template

POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"
REVISION = "controller-revision-hash"
MEMBER = re.compile(r"(.*)-([0-9]+)")


def ordinal(statefulset: StatefulSet, pod: Pod) -> int | None:
    """Return which of the set's pods this is; None for one whose name is none of the set's."""
    match = MEMBER.fullmatch(pod.metadata.name or "")
    if match is None or match[1] != statefulset.metadata.name:
        return None
    return int(match[2])


def ordinals(statefulset: StatefulSet) -> range:
    """Return the ordinals that shall exist."""
    start = (statefulset.spec.ordinals.start or 0) if statefulset.spec.ordinals is not None else 0
    wanted = statefulset.spec.replicas if statefulset.spec.replicas is not None else 1
    return range(start, start + wanted)


def new_pod(statefulset: StatefulSet, number: int, *, template: PodTemplateSpec, revision: str) -> Pod:
    """Return the pod of an ordinal, as a revision's template makes it."""
    name = f"{statefulset.metadata.name}-{number}"
    meta = ObjectMeta(name=name, namespace=statefulset.metadata.namespace)
    pod = from_template(template, meta, owner=reference(statefulset))
    labels = {**pod.metadata.labels, **identity_labels(name, number), REVISION: revision}
    spec = replace(
        pod.spec, hostname=name, subdomain=statefulset.spec.serviceName or None,
        volumes=_volumes(statefulset, number, pod.spec.volumes))
    return replace(pod, metadata=replace(pod.metadata, labels=labels), spec=spec)


def identity_labels(name: str, number: int) -> dict[str, str]:
    """Return the labels by which a pod is found by its ordinal."""
    return {POD_NAME: name, POD_INDEX: str(number)}


def claim_names(statefulset: StatefulSet, number: int) -> dict[str, str]:
    """Return the names of an ordinal's claims by the names of their templates."""
    templates = [template.metadata.name or "" for template in statefulset.spec.volumeClaimTemplates]
    return {name: f"{name}-{statefulset.metadata.name}-{number}" for name in templates}


def new_claims(
    statefulset: StatefulSet, number: int, held: Mapping[str, PersistentVolumeClaim],
) -> list[PersistentVolumeClaim]:
    """Return the claims an ordinal lacks. held: the claims there are, by name."""
    names = claim_names(statefulset, number)
    labels = statefulset.spec.selector.matchLabels
    missing = [t for t in statefulset.spec.volumeClaimTemplates if names[t.metadata.name or ""] not in held]
    return [
        replace(template, metadata=replace(
            template.metadata, name=names[template.metadata.name or ""], namespace=statefulset.metadata.namespace,
            labels={**template.metadata.labels, **labels}, ownerReferences=claim_owners(statefulset, None, ())))
        for template in missing
    ]


def claim_owners(
    statefulset: StatefulSet, leaving: Pod | None, held: tuple[OwnerReference, ...],
) -> tuple[OwnerReference, ...]:
    """Return who shall own a claim, so that it is deleted when its policy says. leaving: its pod, when scaled down.

    Owners that are neither the set nor one of its pods are kept as they are.
    """
    policy = statefulset.spec.persistentVolumeClaimRetentionPolicy
    scaled = policy is not None and policy.whenScaled == "Delete"
    deleted = policy is not None and policy.whenDeleted == "Delete"
    others = tuple(owner for owner in held if not _is_ours(statefulset, owner))
    if leaving is not None and scaled:
        return (*others, reference(leaving))
    return (*others, reference(statefulset)) if deleted else others


def is_stale(statefulset: StatefulSet, number: int, claims: Mapping[str, PersistentVolumeClaim]) -> bool:
    """Tell whether an ordinal's claim is about to go: its pod of before must not pass it on to the next."""
    held = [claims[name] for name in claim_names(statefulset, number).values() if name in claims]
    pod_name = f"{statefulset.metadata.name}-{number}"
    return any(
        claim.metadata.deletionTimestamp is not None
        or any(owner.kind == "Pod" and owner.name == pod_name for owner in claim.metadata.ownerReferences)
        for claim in held)


def _is_ours(statefulset: StatefulSet, owner: OwnerReference) -> bool:
    if owner.kind == "Pod":
        return owner.name.rpartition("-")[0] == statefulset.metadata.name
    return owner.uid == statefulset.metadata.uid


def _volumes(statefulset: StatefulSet, number: int, volumes: tuple[Volume, ...]) -> tuple[Volume, ...]:
    """Let claims take the place of volumes of the same name."""
    names = claim_names(statefulset, number)
    claimed = tuple(
        Volume(name=name, persistentVolumeClaim=PersistentVolumeClaimVolumeSource(claimName=claim))
        for name, claim in names.items())
    return claimed + tuple(volume for volume in volumes if volume.name not in names)
