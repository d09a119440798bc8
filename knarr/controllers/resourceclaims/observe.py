"""See a pod that asks for devices, with its claims and templates; or a claim and who has reserved it.

A key is ("pod", namespace, name) or ("claim", namespace, name).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knarr.api.types.core_v1 import Pod
from knarr.api.types.resource_v1 import ResourceClaim, ResourceClaimTemplate
from knarr.client.informers import Informers
from knarr.controllers.resourceclaims.plan import ClaimView, PodView, View
from knarr.reconcile.actions import Look
from knarr.reconcile.owners import BY_CONTROLLER, INDEXES
from knarr.reconcile.pods import is_finished
from knarr.reconcile.runner import Key, Watch

BY_TEMPLATE = "claim templates"      # index of pods: namespace/name of the templates they name


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return what there is to decide on; None when it is gone."""
    what, namespace, name = key
    if what == "claim":
        claim = informers.of(ResourceClaim).get(namespace, name)
        return None if claim is None else ClaimView(claim, _users(informers, claim))
    pod = informers.of(Pod).get(namespace, name)
    if pod is None:
        return None
    own = tuple(informers.of(ResourceClaim).by(BY_CONTROLLER, pod.metadata.uid or ""))
    found = ((one, informers.of(ResourceClaimTemplate).get(namespace, one)) for one in _templates(pod))
    return PodView(pod, own, {one: template for one, template in found if template is not None})


def watches() -> list[Watch[Any]]:
    """Return what matters: pods that ask for devices, claims, and templates that appear."""
    return [
        Watch(Pod, _keys_of_pod, when=_concerns, indexes={BY_TEMPLATE: _places}),
        Watch(ResourceClaim, _keys_of_claim, indexes=INDEXES),
        Watch(ResourceClaimTemplate, _keys_of_template, when=lambda old, new: old is None),
    ]


def _users(informers: Informers, claim: ResourceClaim) -> frozenset[str]:
    """Return the uids of those of the claim's consumers that still need it."""
    alive = set()
    for one in claim.status.reservedFor:
        if one.resource != "pods" or one.apiGroup:
            alive.add(one.uid)        # whoever that is, it is not ours to judge
            continue
        pod = informers.of(Pod).get(claim.metadata.namespace or "", one.name)
        if pod is not None and pod.metadata.uid == one.uid and not is_finished(pod):
            alive.add(one.uid)
    return frozenset(alive)


def _templates(pod: Pod) -> Iterator[str]:
    return (one.resourceClaimTemplateName for one in pod.spec.resourceClaims if one.resourceClaimTemplateName)


def _places(pod: Pod) -> Iterator[str]:
    return (f"{pod.metadata.namespace}/{name}" for name in _templates(pod))


def _concerns(old: Pod | None, new: Pod | None) -> bool:
    """Tell whether a pod asks for devices at all, and something about that has changed."""
    found = new or old
    if found is None or not found.spec.resourceClaims:
        return False
    if old is None or new is None:
        return True
    return (is_finished(old), old.metadata.deletionTimestamp, old.status.resourceClaimStatuses) != (
        is_finished(new), new.metadata.deletionTimestamp, new.status.resourceClaimStatuses)


def _keys_of_pod(informers: Informers, pod: Pod) -> Iterator[Key]:
    namespace = pod.metadata.namespace or ""
    yield "pod", namespace, pod.metadata.name or ""
    named = {one.resourceClaimName for one in pod.spec.resourceClaims}
    made = {one.resourceClaimName for one in pod.status.resourceClaimStatuses}
    yield from (("claim", namespace, name) for name in sorted(filter(None, named | made)))


def _keys_of_claim(informers: Informers, claim: ResourceClaim) -> Iterator[Key]:
    yield "claim", claim.metadata.namespace or "", claim.metadata.name or ""
    for owner in claim.metadata.ownerReferences:
        if owner.kind == "Pod" and owner.controller:
            yield "pod", claim.metadata.namespace or "", owner.name


def _keys_of_template(informers: Informers, template: ResourceClaimTemplate) -> Iterator[Key]:
    for pod in informers.of(Pod).by(BY_TEMPLATE, f"{template.metadata.namespace}/{template.metadata.name}"):
        yield "pod", pod.metadata.namespace or "", pod.metadata.name or ""
