"""Give every object the parts of its status that the API shows even when nobody wrote them.

Source: kube's types: a number or struct without `omitempty` is always on the wire.
"""

from __future__ import annotations

from typing import Any, Final

ALWAYS: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("", "Namespace"): {"phase": "Active"},
    ("", "Node"): {},
    ("", "PersistentVolume"): {"phase": "Pending"},
    ("", "PersistentVolumeClaim"): {"phase": "Pending"},
    ("", "Pod"): {},
    ("", "ReplicationController"): {"replicas": 0},
    ("", "ResourceQuota"): {},
    ("", "Service"): {},
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): {},
    ("apps", "DaemonSet"): {
        "currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0,
    },
    ("apps", "Deployment"): {},
    ("apps", "ReplicaSet"): {"replicas": 0},
    ("apps", "StatefulSet"): {"replicas": 0, "availableReplicas": 0},
    ("batch", "CronJob"): {},
    ("batch", "Job"): {},
    ("certificates.k8s.io", "CertificateSigningRequest"): {},
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): {},
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): {},
    ("networking.k8s.io", "Ingress"): {},
    ("networking.k8s.io", "ServiceCIDR"): {},
    ("policy", "PodDisruptionBudget"): {
        "disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0,
    },
    ("resource.k8s.io", "ResourceClaim"): {},
    ("storage.k8s.io", "VolumeAttachment"): {"attached": False},
}

NODE_INFO: Final = (
    "machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion", "kubeletVersion",
    "kubeProxyVersion", "operatingSystem", "architecture",
)


def complete_status(key: tuple[str, str], obj: dict[str, Any]) -> None:
    """Add the members of the status that are always shown. key: (group, kind)."""
    always = ALWAYS.get(key)
    if always is None:
        if key == ("autoscaling", "HorizontalPodAutoscaler"):
            _scaler(obj)
        return
    status = obj.setdefault("status", {})
    for name, value in always.items():
        if name not in status:
            status[name] = value
    if key in (("", "Service"), ("networking.k8s.io", "Ingress")):
        status.setdefault("loadBalancer", {})
    elif key == ("", "Node"):
        _node(status)


def _node(status: dict[str, Any]) -> None:
    status.setdefault("daemonEndpoints", {}).setdefault("kubeletEndpoint", {}).setdefault("Port", 0)
    info = status.setdefault("nodeInfo", {})
    for name in NODE_INFO:
        info.setdefault(name, "")


def _scaler(obj: dict[str, Any]) -> None:
    status = obj.setdefault("status", {})
    status.setdefault("desiredReplicas", 0)
    if str(obj.get("apiVersion", "")).endswith("/v1"):
        status.setdefault("currentReplicas", 0)
    else:
        status.setdefault("currentMetrics", None)
