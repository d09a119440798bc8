"""Defaults of the apps group and of the other owners of pod templates.

Source: kube pkg/apis/apps/v1/defaults.go, pkg/apis/core/v1/defaults.go.
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api.defaults.pod import template
from knarr.api.defaults.storage import claim_spec

HISTORY: Final = 10      # old revisions kept, count
TEMPLATE_GENERATION: Final = "deprecated.daemonset.template.generation"
PROGRESS_S: Final = 600  # a rollout may stand still so long, seconds


def deployment(obj: dict[str, Any]) -> None:
    """Fill a Deployment."""
    spec = obj.setdefault("spec", {})
    template(spec)
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", HISTORY)
    spec.setdefault("progressDeadlineSeconds", PROGRESS_S)
    strategy = spec.setdefault("strategy", {})
    strategy["type"] = strategy.get("type") or "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")


def replica_set(obj: dict[str, Any]) -> None:
    """Fill a ReplicaSet."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    template(spec)


def stateful_set(obj: dict[str, Any]) -> None:
    """Fill a StatefulSet and its claim templates."""
    spec = obj.setdefault("spec", {})
    template(spec)
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", HISTORY)
    spec["podManagementPolicy"] = spec.get("podManagementPolicy") or "OrderedReady"
    strategy = spec.setdefault("updateStrategy", {})
    strategy["type"] = strategy.get("type") or "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    for moment in ("whenDeleted", "whenScaled"):
        retention[moment] = retention.get(moment) or "Retain"
    for claim in spec.get("volumeClaimTemplates", ()):
        claim.setdefault("apiVersion", "v1")
        claim.setdefault("kind", "PersistentVolumeClaim")
        claim.setdefault("metadata", {})
        claim_spec(claim.setdefault("spec", {}))
        claim.setdefault("status", {}).setdefault("phase", "Pending")


def daemon_set(obj: dict[str, Any]) -> None:
    """Fill a DaemonSet; the count of its templates is the creator's, as conversion between versions makes it there."""
    obj.setdefault("metadata", {}).setdefault("annotations", {}).setdefault(TEMPLATE_GENERATION, "0")
    spec = obj.setdefault("spec", {})
    template(spec)
    spec.setdefault("revisionHistoryLimit", HISTORY)
    strategy = spec.setdefault("updateStrategy", {})
    strategy["type"] = strategy.get("type") or "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)


def replication_controller(obj: dict[str, Any]) -> None:
    """Fill a ReplicationController: its selector and labels are the template's unless said otherwise."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    if "template" not in spec:
        return
    template(spec)
    labels = spec["template"]["metadata"].get("labels")
    if labels:
        spec["selector"] = spec.get("selector") or dict(labels)
        obj["metadata"]["labels"] = obj["metadata"].get("labels") or dict(labels)


def pod_template(obj: dict[str, Any]) -> None:
    """Fill a PodTemplate."""
    template(obj)
