"""Decide which ResourceClaims are made for a pod, and which reservations and claims are over. Pure.

Source: kube controller/resourceclaim/controller.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from msgspec import to_builtins

from knarr.api.types.core_v1 import Pod, PodResourceClaim
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.api.types.resource_v1 import ResourceClaim, ResourceClaimTemplate
from knarr.reconcile.actions import Action, Create, Delete, Event, Patch, Told
from knarr.reconcile.owners import reference
from knarr.reconcile.pods import is_finished

NOTE = "resource.kubernetes.io/pod-claim-name"     # annotation: which of its pod's claims a claim is
FAILED = "FailedResourceClaimCreation"


@dataclass(frozen=True, slots=True)
class PodView:
    """A pod, the claims that were made for it, and the templates it names that exist."""

    pod: Pod
    own: tuple[ResourceClaim, ...]
    templates: Mapping[str, ResourceClaimTemplate]


@dataclass(frozen=True, slots=True)
class ClaimView:
    """A claim, and those who have reserved it and still need it, by uid."""

    claim: ResourceClaim
    users: frozenset[str]


View: TypeAlias = PodView | ClaimView


def plan(view: View) -> list[Action]:
    """Make what a pod lacks, and give back what nobody needs."""
    return _pod(view) if isinstance(view, PodView) else _claim(view)


def _pod(view: PodView) -> list[Action]:
    pod = view.pod
    if is_finished(pod):
        return [Delete(one) for one in view.own if one.metadata.deletionTimestamp is None]
    if pod.metadata.deletionTimestamp is not None:
        return []
    held = {one.metadata.annotations.get(NOTE, ""): one for one in view.own if one.metadata.deletionTimestamp is None}
    wanted = [one for one in pod.spec.resourceClaims if one.resourceClaimTemplateName]
    missing = [action for one in wanted if one.name not in held for action in _made(view, one)]
    return missing or _named(pod, {one.name: held[one.name].metadata.name or "" for one in wanted})


def _made(view: PodView, wanted: PodResourceClaim) -> list[Action]:
    pod, name = view.pod, wanted.resourceClaimTemplateName or ""
    template = view.templates.get(name)
    if template is None:
        why = (f'PodResourceClaim {wanted.name}: resource claim template "{name}": '
               f'resourceclaimtemplate.resource.k8s.io "{name}" not found')
        return [Event(pod, FAILED, why, type="Warning")]
    meta = ObjectMeta(
        generateName=f"{pod.metadata.name}-{wanted.name}-", namespace=pod.metadata.namespace,
        labels=template.spec.metadata.labels, annotations={**template.spec.metadata.annotations, NOTE: wanted.name},
        ownerReferences=(reference(pod),))
    told = Told(pod, failed=(FAILED, f"PodResourceClaim {wanted.name}: create ResourceClaim {{name}}: {{error}}"))
    return [Create(ResourceClaim(metadata=meta, spec=template.spec.spec), told)]


def _named(pod: Pod, names: dict[str, str]) -> list[Action]:
    """Write into the pod's status which claims are its own."""
    known = {one.name: one.resourceClaimName for one in pod.status.resourceClaimStatuses}
    if not names or names.items() <= known.items():
        return []
    listed = [{"name": name, "resourceClaimName": claim} for name, claim in sorted({**known, **names}.items())]
    patch = {"metadata": {"uid": pod.metadata.uid}, "status": {"resourceClaimStatuses": listed}}
    return [Patch(pod, patch, subresource="status")]


def _claim(view: ClaimView) -> list[Action]:
    """Strike out consumers that are gone; what nobody has reserved any longer is given back."""
    status, meta = view.claim.status, view.claim.metadata
    left = [one for one in status.reservedFor if one.uid in view.users]
    if len(left) == len(status.reservedFor):
        return []
    changed: dict[str, Any] = {"reservedFor": to_builtins(left) or None}
    if not left:
        changed["allocation"] = None
    patch = {"metadata": {"resourceVersion": meta.resourceVersion}, "status": changed}
    return [Patch(view.claim, patch, subresource="status")]
