"""Decide what the server owns in an object: clients may not write status with spec, nor the other way round.

    prepare_create(kind, draft)                     before validation of a new object; metadata.uid is already set
    prepare_update(kind, draft, old, subresource)   before validation of a changed one
    graceful(kind, obj, options)                    how long a deletion may take

All change the draft in place and read nothing else. `draft` has been through `defaults.apply`.
Drafts may share parts with `old` afterwards; neither is written to once stored.

Source: kube pkg/registry/*/strategy.go and apiserver registry/rest/{create,update,delete}.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from knarr.api.defaults.status import ALWAYS, complete_status
from knarr.api.kinds import Kind
from knarr.api.strategy import (
    apiservice,
    batch,
    certificates,
    custom,
    definition,
    namespace,
    pod,
    service,
    storage,
    workloads,
)

GENERATIONS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("", "Pod"): ("spec",),
    ("", "PodTemplate"): ("template",),
    ("", "ReplicationController"): ("spec",),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): ("spec",),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"): ("spec",),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): ("webhooks",),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): ("spec",),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): ("spec",),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): ("webhooks",),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): ("spec",),
    ("apps", "DaemonSet"): ("spec",),
    ("apps", "Deployment"): ("spec",),
    ("apps", "ReplicaSet"): ("spec",),
    ("apps", "StatefulSet"): ("spec",),
    ("batch", "CronJob"): ("spec",),
    ("batch", "Job"): ("spec",),
    ("discovery.k8s.io", "EndpointSlice"): ("addressType", "endpoints", "ports"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): ("spec",),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): ("spec",),
    ("networking.k8s.io", "Ingress"): ("spec",),
    ("networking.k8s.io", "IngressClass"): ("spec",),
    ("networking.k8s.io", "NetworkPolicy"): ("spec",),
    ("policy", "PodDisruptionBudget"): ("spec",),
    ("resource.k8s.io", "DeviceClass"): ("spec",),
    ("resource.k8s.io", "ResourceSlice"): ("spec",),
    ("scheduling.k8s.io", "PriorityClass"): (),
}
"""The kinds that count their generations, and the members whose change starts a new one."""

OPEN_STATUS: Final = frozenset({("", "Node")})   # agents register with a status: creation keeps it

CREATE: Final[dict[tuple[str, str], Callable[[dict[str, Any]], None]]] = {
    ("", "Namespace"): namespace.create,
    ("", "PersistentVolume"): storage.create_volume,
    ("", "PersistentVolumeClaim"): storage.create,
    ("", "Pod"): pod.create,
    ("", "Service"): service.create,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): definition.create,
    ("apiregistration.k8s.io", "APIService"): apiservice.create,
    ("apps", "DaemonSet"): workloads.create_daemon_set,
    ("batch", "Job"): batch.create,
}

UPDATE: Final[dict[tuple[str, str], Callable[[dict[str, Any], dict[str, Any]], None]]] = {
    ("", "Namespace"): namespace.update,
    ("", "PersistentVolumeClaim"): storage.update,
    ("", "Pod"): pod.update,
    ("", "Service"): service.update,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): definition.update,
    ("apps", "DaemonSet"): workloads.update_daemon_set,
    ("certificates.k8s.io", "CertificateSigningRequest"): certificates.update,
}

SUBRESOURCES: Final[dict[tuple[str, str, str], Callable[[dict[str, Any], dict[str, Any]], None]]] = {
    ("", "Namespace", "finalize"): namespace.finalize,
    ("", "Pod", "ephemeralcontainers"): pod.ephemeral_containers,
    ("", "Pod", "resize"): pod.resize,
    ("", "Pod", "status"): pod.update_status,
    ("certificates.k8s.io", "CertificateSigningRequest", "approval"): certificates.approval,
    ("certificates.k8s.io", "CertificateSigningRequest", "status"): certificates.status,
}

STATUS_ALONE: Final = frozenset({
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("apiregistration.k8s.io", "APIService"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
    ("networking.k8s.io", "ServiceCIDR"),
    ("resource.k8s.io", "ResourceClaim"),
    ("storage.k8s.io", "VolumeAttachment"),
})
"""The kinds whose status is written without metadata; that of others brings labels and annotations along."""


def prepare_create(kind: Kind, draft: dict[str, Any]) -> None:
    """Make a draft a new object: no deletion, no status but the first one, generation 1 where they are counted."""
    key = (kind.group, kind.kind)
    metadata = draft["metadata"]
    metadata.pop("deletionTimestamp", None)
    metadata.pop("deletionGracePeriodSeconds", None)
    if key in GENERATIONS or kind.rules is not None:
        metadata["generation"] = 1
    if "status" in draft and has_status(kind) and key not in OPEN_STATUS:
        del draft["status"]
    rule = CREATE.get(key)
    if rule is not None:
        rule(draft)
    complete_status(key, draft)


def prepare_update(kind: Kind, draft: dict[str, Any], old: dict[str, Any], subresource: str = "") -> None:
    """Give `draft` what only the server may change, from `old`. subresource: "", "status", "finalize", …"""
    key = (kind.group, kind.kind)
    _keep_identity(draft["metadata"], old["metadata"])
    special = SUBRESOURCES.get((*key, subresource))
    if special is not None:
        special(draft, old)
    elif subresource == "status" and kind.rules is not None:
        custom.update_status(draft, old)
    elif subresource == "status":
        keep_all_but_status(draft, old)
        if key in STATUS_ALONE:
            for name in ("labels", "annotations", "finalizers", "ownerReferences"):
                keep_member(draft["metadata"], old["metadata"], name)
    else:
        _ordinary(kind, draft, old)
    if subresource != "status" and kind.rules is not None:
        custom.count(draft, old, has_status=has_status(kind))
    elif subresource != "status":
        _generation(key, draft, old)


def graceful(kind: Kind, obj: dict[str, Any], options: dict[str, Any]) -> int | None:
    """Return the seconds a deletion may take; None for kinds that are simply gone.

    options: a DeleteOptions. Zero means at once.
    """
    if (kind.group, kind.kind) != ("", "Pod"):
        return None
    return pod.grace_s(obj, options)


def has_status(kind: Kind) -> bool:
    """Whether status is a part of its own, written through its subresource."""
    return kind.subresource("status") is not None or (kind.group, kind.kind) in ALWAYS


def keep_all_but_status(draft: dict[str, Any], old: dict[str, Any]) -> None:
    """Take everything but status and metadata from `old`; labels of a Deployment are not its status either."""
    for name in [name for name in draft if name not in ("status", "metadata", "apiVersion", "kind")]:
        if name not in old:
            del draft[name]
    for name, value in old.items():
        if name not in ("status", "metadata", "apiVersion", "kind"):
            draft[name] = value
    if draft.get("kind") == "Deployment":
        keep_member(draft["metadata"], old["metadata"], "labels")


def keep_member(draft: dict[str, Any], old: dict[str, Any], name: str) -> None:
    """Make one member what it was, absent if it was absent."""
    if name in old:
        draft[name] = old[name]
    else:
        draft.pop(name, None)


def _ordinary(kind: Kind, draft: dict[str, Any], old: dict[str, Any]) -> None:
    key = (kind.group, kind.kind)
    if has_status(kind):
        keep_member(draft, old, "status")
        complete_status(key, draft)
    rule = UPDATE.get(key)
    if rule is not None:
        rule(draft, old)


def _keep_identity(metadata: dict[str, Any], old: dict[str, Any]) -> None:
    """Fill what the client left out and may not remove. Source: kube apimachinery ValidateObjectMetaAccessorUpdate."""
    for name in ("uid", "creationTimestamp"):
        if not metadata.get(name) and name in old:
            metadata[name] = old[name]
    if old.get("deletionTimestamp"):
        metadata["deletionTimestamp"] = metadata.get("deletionTimestamp") or old["deletionTimestamp"]
    if "deletionGracePeriodSeconds" in old:
        metadata.setdefault("deletionGracePeriodSeconds", old["deletionGracePeriodSeconds"])
    keep_member(metadata, old, "generation")


def _generation(key: tuple[str, str], draft: dict[str, Any], old: dict[str, Any]) -> None:
    members = GENERATIONS.get(key, ())
    changed = any(draft.get(name) != old.get(name) for name in members)
    if key == ("apps", "Deployment") and not changed:
        # Source: kube registry/apps/deployment/strategy.go: annotations go down to the ReplicaSets.
        changed = (draft["metadata"].get("annotations") or {}) != (old["metadata"].get("annotations") or {})
    if changed:
        draft["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
