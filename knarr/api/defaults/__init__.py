"""Fill the fields a client left out, as the API server does while it decodes.

`apply` works in place on a draft that `schema.check` has settled (no nulls, canonical quantities). It fills the
defaults of the kind's own version and gives objects the empty parts that the API always shows (`status: {}`). It
decides nothing that needs other objects: addresses, accounts and tolerations belong to admission and allocators.

Source: kube pkg/apis/*/v1/defaults.go and conversion.go; results recorded in the wire oracle, objects/created.json.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from knarr.api.defaults import (
    apiservice,
    batch,
    cluster,
    definition,
    devices,
    flowcontrol,
    network,
    pod,
    policy,
    rbac,
    service,
    storage,
    webhooks,
    workloads,
)
from knarr.api.defaults.status import complete_status
from knarr.api.kinds import Kind

Draft: TypeAlias = dict[str, Any]
Rule: TypeAlias = Callable[[Draft], None]

RULES: dict[tuple[str, str], Rule] = {
    ("", "Endpoints"): network.endpoints,
    ("", "Event"): cluster.event,
    ("", "LimitRange"): cluster.limit_range,
    ("", "Namespace"): cluster.namespace,
    ("", "Node"): cluster.node,
    ("", "PersistentVolume"): storage.volume,
    ("", "PersistentVolumeClaim"): storage.claim,
    ("", "Pod"): pod.pod,
    ("", "PodTemplate"): workloads.pod_template,
    ("", "ReplicationController"): workloads.replication_controller,
    ("", "ResourceQuota"): cluster.resource_quota,
    ("", "Secret"): cluster.secret,
    ("", "Service"): service.service,
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): webhooks.mutating,
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): webhooks.mutating_policy,
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"): webhooks.binding,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): webhooks.validating_policy,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): webhooks.binding,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): webhooks.validating,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): definition.custom_resource_definition,
    ("apiregistration.k8s.io", "APIService"): apiservice.api_service,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("autoscaling", "HorizontalPodAutoscaler"): policy.horizontal_pod_autoscaler,
    ("batch", "CronJob"): batch.cron_job,
    ("batch", "Job"): batch.job,
    ("discovery.k8s.io", "EndpointSlice"): network.endpoint_slice,
    ("events.k8s.io", "Event"): cluster.event_v1,
    ("networking.k8s.io", "NetworkPolicy"): network.network_policy,
    ("networking.k8s.io", "IngressClass"): network.ingress_class,
    ("policy", "PodDisruptionBudget"): policy.budget,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): rbac.binding,
    ("rbac.authorization.k8s.io", "RoleBinding"): rbac.binding,
    ("scheduling.k8s.io", "PriorityClass"): policy.priority_class,
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): flowcontrol.schema,
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): flowcontrol.level,
    ("resource.k8s.io", "ResourceClaim"): devices.claim,
    ("resource.k8s.io", "ResourceClaimTemplate"): devices.template,
    ("resource.k8s.io", "ResourceSlice"): devices.resource_slice,
    ("storage.k8s.io", "CSIDriver"): storage.csi_driver,
    ("storage.k8s.io", "StorageClass"): storage.storage_class,
}


def apply(kind: Kind, obj: Draft) -> None:
    """Fill `obj` in place. kind: its row in the registry; a kind without rules keeps what it has."""
    key = (kind.group, kind.kind)
    obj.setdefault("metadata", {})
    if kind.rules is not None:
        kind.rules.default(obj)
        return
    rule = RULES.get(key)
    if rule is not None:
        rule(obj)
    complete_status(key, obj)


__all__ = ["RULES", "apply"]
