"""Defaults of Namespace, Node, Secret, Event, LimitRange and ResourceQuota.

Source: kube pkg/apis/core/v1/defaults.go and conversion.go.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final

NAME_LABEL: Final = "kubernetes.io/metadata.name"


def namespace(obj: dict[str, Any]) -> None:
    """Give a Namespace the label that names it, so that selectors can."""
    name = obj["metadata"].get("name")
    if name:
        obj["metadata"].setdefault("labels", {})[NAME_LABEL] = name
    obj.setdefault("spec", {})


def node(obj: dict[str, Any]) -> None:
    """Fill a Node: all of its capacity is allocatable unless the status says less."""
    obj.setdefault("spec", {})
    status = obj.setdefault("status", {})
    capacity = status.get("capacity")
    if capacity and "allocatable" not in status:
        status["allocatable"] = dict(capacity)


def secret(obj: dict[str, Any]) -> None:
    """Fill the type and turn `stringData`, which is write-only, into `data`."""
    obj["type"] = obj.get("type") or "Opaque"
    texts = obj.pop("stringData", None)
    if texts:
        data = obj.setdefault("data", {})
        for name, text in texts.items():
            data[name] = b64encode(text.encode()).decode()


def event(obj: dict[str, Any]) -> None:
    """Show the fields of a core Event that are always on the wire."""
    obj.setdefault("involvedObject", {})
    obj.setdefault("source", {})
    for name in ("firstTimestamp", "lastTimestamp", "eventTime"):
        obj.setdefault(name, None)
    obj.setdefault("reportingComponent", "")
    obj.setdefault("reportingInstance", "")


def event_v1(obj: dict[str, Any]) -> None:
    """Show the fields of an events.k8s.io Event that are always on the wire."""
    obj.setdefault("eventTime", None)
    obj.setdefault("deprecatedSource", {})
    obj.setdefault("deprecatedFirstTimestamp", None)
    obj.setdefault("deprecatedLastTimestamp", None)


def resource_quota(obj: dict[str, Any]) -> None:
    """Show the spec, even an empty one."""
    obj.setdefault("spec", {})


def limit_range(obj: dict[str, Any]) -> None:
    """Fill a container's default limits from its maximum, and its default requests from limits, then minimum.

    Source: kube pkg/apis/core/v1/defaults.go, SetDefaults_LimitRangeItem.
    """
    for item in obj.setdefault("spec", {}).setdefault("limits", []):
        if item.get("type") != "Container":
            continue
        limits = item.setdefault("default", {})
        requests = item.setdefault("defaultRequest", {})
        for name, amount in item.get("max", {}).items():
            limits.setdefault(name, amount)
        for name, amount in (*limits.items(), *item.get("min", {}).items()):
            requests.setdefault(name, amount)
