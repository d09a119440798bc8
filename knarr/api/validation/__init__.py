"""Say what is wrong with an object, field by field, in Kubernetes' words.

    create(kind, obj)                    causes that refuse a new object, none if it is well formed
    update(kind, new, old, subresource)  causes that refuse a change

Objects have been through `schema`, `defaults` and `strategy`: types are right and defaults are there.
Nothing is changed and nothing else is read. One file per family of kinds; a Spot (see `spot`) is where we are.

Source: kube pkg/apis/*/validation.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, TypeAlias

from knarr.api.errors import Cause
from knarr.api.kinds import Kind, Rules
from knarr.api.validation import (
    addresses,
    apiservice,
    batch,
    certificates,
    cluster,
    config,
    csi,
    definition,
    devices,
    deviceslices,
    embedded,
    events,
    flowcontrol,
    ingress,
    metadata,
    network,
    pod,
    podresize,
    podupdate,
    quota,
    rbac,
    runtimeclass,
    scaling,
    service,
    storage,
    webhooks,
    workloads,
)
from knarr.api.validation.spot import Spot

Object: TypeAlias = dict[str, Any]
Check: TypeAlias = Callable[[Spot, Object], None]
ChangeCheck: TypeAlias = Callable[[Spot, Object, Object], None]


def _policies(name: str) -> Check:
    """Return a check of `policies`, which brings CEL in with the first policy: most clusters have none."""
    def check(spot: Spot, obj: Object) -> None:
        getattr(import_module("knarr.api.validation.policies"), name)(spot, obj)
    return check


CREATE: Final[dict[tuple[str, str], Check]] = {
    ("", "ConfigMap"): config.config_map,
    ("", "Endpoints"): network.endpoints,
    ("", "Event"): events.event,
    ("", "LimitRange"): cluster.limit_range,
    ("", "Namespace"): cluster.namespace,
    ("", "Node"): cluster.node,
    ("", "PersistentVolume"): storage.volume,
    ("", "PersistentVolumeClaim"): storage.claim,
    ("", "Pod"): pod.pod,
    ("", "PodTemplate"): workloads.pod_template,
    ("", "ReplicationController"): workloads.replication_controller,
    ("", "ResourceQuota"): quota.resource_quota,
    ("", "Secret"): config.secret,
    ("", "Service"): service.service,
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): webhooks.configuration,
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): _policies("mutating"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"): _policies("mutating_binding"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): _policies("validating"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): _policies("validating_binding"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): webhooks.configuration,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): definition.create,
    ("apiregistration.k8s.io", "APIService"): apiservice.api_service,
    ("apps", "ControllerRevision"): workloads.controller_revision,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("autoscaling", "HorizontalPodAutoscaler"): scaling.autoscaler,
    ("batch", "CronJob"): batch.cron_job,
    ("batch", "Job"): batch.job,
    ("certificates.k8s.io", "CertificateSigningRequest"): certificates.request,
    ("coordination.k8s.io", "Lease"): cluster.lease,
    ("discovery.k8s.io", "EndpointSlice"): network.endpoint_slice,
    ("events.k8s.io", "Event"): events.event_v1,
    ("networking.k8s.io", "Ingress"): ingress.ingress,
    ("networking.k8s.io", "IngressClass"): ingress.ingress_class,
    ("networking.k8s.io", "NetworkPolicy"): network.network_policy,
    ("node.k8s.io", "RuntimeClass"): runtimeclass.runtime_class,
    ("policy", "PodDisruptionBudget"): scaling.budget,
    ("rbac.authorization.k8s.io", "ClusterRole"): rbac.cluster_role,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): rbac.cluster_role_binding,
    ("rbac.authorization.k8s.io", "Role"): rbac.role,
    ("rbac.authorization.k8s.io", "RoleBinding"): rbac.role_binding,
    ("scheduling.k8s.io", "PriorityClass"): scaling.priority_class,
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): flowcontrol.schema,
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): flowcontrol.level,
    ("networking.k8s.io", "IPAddress"): addresses.address,
    ("networking.k8s.io", "ServiceCIDR"): addresses.service_range,
    ("resource.k8s.io", "DeviceClass"): devices.device_class,
    ("resource.k8s.io", "ResourceClaim"): devices.claim,
    ("resource.k8s.io", "ResourceClaimTemplate"): devices.template,
    ("resource.k8s.io", "ResourceSlice"): deviceslices.resource_slice,
    ("storage.k8s.io", "CSIDriver"): csi.driver,
    ("storage.k8s.io", "CSINode"): csi.node,
    ("storage.k8s.io", "CSIStorageCapacity"): csi.capacity,
    ("storage.k8s.io", "VolumeAttachment"): csi.attachment,
    ("storage.k8s.io", "VolumeAttributesClass"): csi.attributes_class,
    ("storage.k8s.io", "StorageClass"): storage.storage_class,
}

OWN_UPDATE: Final = frozenset({
    ("", "Namespace"), ("", "Node"), ("", "PersistentVolumeClaim"), ("", "Pod"),
    ("", "Event"), ("events.k8s.io", "Event"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"), ("apps", "ControllerRevision"), ("batch", "Job"),
    ("resource.k8s.io", "ResourceClaim"), ("resource.k8s.io", "ResourceClaimTemplate"),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("scheduling.k8s.io", "PriorityClass"),
})
"""The kinds whose update check does not begin with the whole check of a new object."""

UPDATE: Final[dict[tuple[str, str], ChangeCheck]] = {
    ("", "ConfigMap"): config.frozen,
    ("", "Event"): events.event_update,
    ("", "Namespace"): cluster.namespace_update,
    ("", "Node"): cluster.node_update,
    ("", "PersistentVolume"): storage.volume_update,
    ("", "PersistentVolumeClaim"): storage.claim_update,
    ("", "Pod"): podupdate.pod_update,
    ("", "ResourceQuota"): quota.resource_quota_update,
    ("", "Secret"): config.secret_update,
    ("", "Service"): service.service_update,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): definition.update,
    ("apps", "ControllerRevision"): workloads.controller_revision_update,
    ("apps", "DaemonSet"): workloads.same_selector,
    ("apps", "Deployment"): workloads.same_selector,
    ("apps", "ReplicaSet"): workloads.same_selector,
    ("apps", "StatefulSet"): workloads.stateful_set_update,
    ("batch", "Job"): batch.job_update,
    ("certificates.k8s.io", "CertificateSigningRequest"): certificates.update,
    ("discovery.k8s.io", "EndpointSlice"): network.endpoint_slice_update,
    ("events.k8s.io", "Event"): events.event_v1_update,
    ("networking.k8s.io", "IngressClass"): ingress.ingress_class_update,
    ("node.k8s.io", "RuntimeClass"): runtimeclass.runtime_class_update,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): rbac.binding_update,
    ("rbac.authorization.k8s.io", "RoleBinding"): rbac.binding_update,
    ("scheduling.k8s.io", "PriorityClass"): scaling.priority_class_update,
    ("networking.k8s.io", "IPAddress"): addresses.address_update,
    ("networking.k8s.io", "ServiceCIDR"): addresses.service_range_update,
    ("resource.k8s.io", "ResourceClaim"): devices.same_spec,
    ("resource.k8s.io", "ResourceClaimTemplate"): devices.same_spec,
    ("resource.k8s.io", "ResourceSlice"): deviceslices.resource_slice_update,
    ("storage.k8s.io", "CSIDriver"): csi.driver_update,
    ("storage.k8s.io", "CSINode"): csi.node_update,
    ("storage.k8s.io", "CSIStorageCapacity"): csi.capacity_update,
    ("storage.k8s.io", "VolumeAttachment"): csi.attachment_update,
    ("storage.k8s.io", "VolumeAttributesClass"): csi.attributes_class_update,
    ("storage.k8s.io", "StorageClass"): storage.storage_class_update,
}

SUBRESOURCES: Final[dict[tuple[str, str, str], ChangeCheck]] = {
    ("", "Namespace", "finalize"): cluster.namespace_update,
    ("", "Pod", "ephemeralcontainers"): podupdate.ephemeral_update,
    ("", "Pod", "resize"): podresize.resize_update,
    ("", "Pod", "status"): podupdate.status_update,
    ("", "ResourceQuota", "status"): quota.resource_quota_status,
    ("apiregistration.k8s.io", "APIService", "status"): apiservice.status_update,
    ("autoscaling", "HorizontalPodAutoscaler", "status"): scaling.autoscaler_status,
    ("certificates.k8s.io", "CertificateSigningRequest", "approval"): certificates.approval,
    ("certificates.k8s.io", "CertificateSigningRequest", "status"): certificates.status,
    ("flowcontrol.apiserver.k8s.io", "FlowSchema", "status"): flowcontrol.status_update,
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration", "status"): flowcontrol.status_update,
    ("resource.k8s.io", "ResourceClaim", "status"): devices.claim_status,
    ("storage.k8s.io", "VolumeAttachment", "status"): csi.attachment_status,
}


def create(kind: Kind, obj: Object) -> list[Cause]:
    """Return what refuses a new object; an empty list lets it in."""
    causes: list[Cause] = []
    root = Spot("", causes)
    metadata.create(Spot("metadata", causes), kind, obj["metadata"])
    if kind.rules is not None:
        causes += kind.rules.create(obj)
        return causes + _embedded(kind.rules, obj)
    check = CREATE.get((kind.group, kind.kind))
    if check is not None:
        check(root, obj)
    return causes


def update(kind: Kind, new: Object, old: Object, subresource: str = "") -> list[Cause]:
    """Return what refuses a change; an empty list lets it through. subresource: "", "status", "finalize", …"""
    causes: list[Cause] = []
    root, spot = Spot("", causes), Spot("metadata", causes)
    metadata.update(spot, new["metadata"], old["metadata"])
    if causes:
        metadata.update(spot, new["metadata"], old["metadata"])   # Kubernetes checks, and says, it twice
    if kind.rules is not None:
        causes += kind.rules.update(new, old, subresource)
        return causes + _embedded(kind.rules, new)
    if subresource:
        special = SUBRESOURCES.get((kind.group, kind.kind, subresource))
        if special is not None:
            special(root, new, old)
        return causes
    key = (kind.group, kind.kind)
    check, change = CREATE.get(key), UPDATE.get(key)
    if check is not None and key not in OWN_UPDATE:
        check(root, new)
    if change is not None:
        change(root, new, old)
    return causes


def _embedded(rules: Rules, obj: Object) -> list[Cause]:
    causes: list[Cause] = []
    for path, one in rules.embedded(obj):
        embedded.check(Spot(path, causes), one)
    return causes


__all__ = ["create", "update"]
