"""Make objects for stories in few words."""

from __future__ import annotations

from typing import Any

import msgspec

from knarr.api.types.apps_v1 import ReplicaSet
from knarr.api.types.core_v1 import Pod, Service

NOW_S = 1_767_225_600.0     # 2026-01-01T00:00:00Z
EPOCH = "2026-01-01T00:00:00Z"


def replicaset(name: str = "web", replicas: int = 3, **changes: Any) -> ReplicaSet:
    """Return a ReplicaSet that selects a=b. changes: members of the object, merged."""
    return msgspec.convert({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": "d", "uid": f"uid-{name}", "generation": 1, "resourceVersion": "5",
                     "creationTimestamp": EPOCH, **changes.get("metadata", {})},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"a": "b"}}, "template": template(),
                 **changes.get("spec", {})},
        "status": {"replicas": 0, **changes.get("status", {})},
    }, ReplicaSet)


def template(**annotations: str) -> dict[str, Any]:
    """Return a pod template labelled a=b."""
    container = {"name": "c", "image": "i"}
    meta: dict[str, Any] = {"labels": {"a": "b"}}
    if annotations:
        meta["annotations"] = annotations
    return {"metadata": meta, "spec": {"containers": [container]}}


def pod(name: str, *, owner: Any = None, ready: bool = True, phase: str = "Running", **changes: Any) -> Pod:
    """Return a pod of `owner`, ready since the epoch."""
    owners = [owner_of(owner)] if owner is not None else []
    conditions = [{"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": EPOCH}]
    return msgspec.convert({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "d", "uid": f"uid-{name}", "labels": {"a": "b"}, "resourceVersion": "6",
                     "creationTimestamp": EPOCH, "ownerReferences": owners, **changes.get("metadata", {})},
        "spec": {"containers": [{"name": "c", "image": "i"}], "nodeName": "n1", **changes.get("spec", {})},
        "status": {"phase": phase, "conditions": conditions, **changes.get("status", {})},
    }, Pod)


def owner_of(owner: Any) -> dict[str, Any]:
    """Return the reference to a controlling owner."""
    meta = owner.metadata
    return {"apiVersion": owner.apiVersion, "kind": owner.kind, "name": meta.name, "uid": meta.uid, "controller": True,
            "blockOwnerDeletion": True}


def service(**spec: Any) -> Service:
    """Return a Service that selects a=b at port http 80 → web."""
    return msgspec.convert({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "svc", "namespace": "d", "uid": "uid-svc", "labels": spec.pop("labels", {})},
        "spec": {"selector": {"a": "b"}, "ipFamilies": ["IPv4"],
                 "ports": [{"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"}], **spec},
    }, Service)


def backend(number: int, *, port: int = 8080, **changes: Any) -> Pod:
    """Return a pod with an address that serves the port named web."""
    container = {"name": "c", "image": "i", "ports": [{"name": "web", "containerPort": port}]}
    ip = f"10.0.{number // 250}.{number % 250 + 1}"
    status = {"podIP": ip, "podIPs": [{"ip": ip}]}
    status |= changes.pop("status", {})
    return pod(f"p{number:04}", spec={"containers": [container]}, status=status, **changes)
