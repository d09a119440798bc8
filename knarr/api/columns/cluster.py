"""Print the kinds that describe the cluster itself: nodes, namespaces, events, leases, configuration.

Source: kube pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from typing import Any

from knarr.api.columns.view import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    Column,
    Obj,
    View,
    age,
    at,
    columns,
    name,
    since,
)

ROLE_PREFIX = "node-role.kubernetes.io/"
ROLE_LABEL = "kubernetes.io/role"


def node_cells(node: Obj, now_s: float) -> list[Any]:
    """Return a node's cells."""
    info = at(node, "status", "nodeInfo") or {}
    kernel, architecture = info.get("kernelVersion") or UNKNOWN, info.get("architecture")
    return [
        name(node), _node_status(node), _roles(node), age(node, now_s), info.get("kubeletVersion", ""),
        _address(node, "InternalIP"), _address(node, "ExternalIP"), info.get("osImage") or UNKNOWN,
        f"{kernel} ({architecture})" if architecture else kernel, info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _node_status(node: Obj) -> str:
    ready = next((row for row in at(node, "status", "conditions") or () if row["type"] == "Ready"), None)
    words = ["Unknown" if ready is None else "Ready" if ready["status"] == "True" else "NotReady"]
    if at(node, "spec", "unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _roles(node: Obj) -> str:
    labels = node["metadata"].get("labels") or {}
    roles = {key.removeprefix(ROLE_PREFIX) for key in labels if key.startswith(ROLE_PREFIX)}
    roles.add(labels.get(ROLE_LABEL, ""))
    return ",".join(sorted(roles - {""})) or NONE


def _address(node: Obj, kind: str) -> str:
    addresses = at(node, "status", "addresses") or ()
    return next((row["address"] for row in addresses if row["type"] == kind), NONE)


def event_cells(event: Obj, now_s: float) -> list[Any]:
    """Return an event's cells, of either API group."""
    made = event.get("eventTime")
    first = event.get("firstTimestamp") or event.get("deprecatedFirstTimestamp") or made
    last = event.get("lastTimestamp") or event.get("deprecatedLastTimestamp") or first
    count = event.get("count") or event.get("deprecatedCount") or 1
    series = event.get("series")
    if series:
        last, count = series.get("lastObservedTime"), series.get("count", 0)
    about = event.get("involvedObject") or event.get("regarding") or {}
    target = "/".join(part for part in (about.get("kind", "").lower(), about.get("name", "")) if part)
    text = event.get("message") or event.get("note") or ""
    return [since(last, now_s), event.get("type", ""), event.get("reason", ""), target, about.get("fieldPath", ""),
            _source(event), text.strip(), since(first, now_s), count, name(event)]


def _source(event: Obj) -> str:
    source = event.get("source") or event.get("deprecatedSource") or {}
    component = source.get("component") or event.get("reportingComponent") or event.get("reportingController") or ""
    instance = source.get("host") or event.get("reportingInstance") or ""
    return f"{component}, {instance}" if instance else component


def _namespace(obj: Obj, now_s: float) -> list[Any]:
    return [name(obj), at(obj, "status", "phase") or "", age(obj, now_s)]


def _config_map(obj: Obj, now_s: float) -> list[Any]:
    return [name(obj), len(obj.get("data") or ()) + len(obj.get("binaryData") or ()), age(obj, now_s)]


def _secret(obj: Obj, now_s: float) -> list[Any]:
    return [name(obj), obj.get("type", ""), len(obj.get("data") or ()), age(obj, now_s)]


def _account(obj: Obj, now_s: float) -> list[Any]:
    return [name(obj), age(obj, now_s)]


def _lease(obj: Obj, now_s: float) -> list[Any]:
    return [name(obj), at(obj, "spec", "holderIdentity") or "", age(obj, now_s)]


def _api_service(obj: Obj, now_s: float) -> list[Any]:
    service = at(obj, "spec", "service")
    rows = at(obj, "status", "conditions") or ()
    found = next((row for row in rows if row.get("type") == "Available"), {"status": "Unknown"})
    because = f" ({found['reason']})" if found["status"] != "True" and found.get("reason") else ""
    place = f"{service.get('namespace', '')}/{service.get('name', '')}" if service else "Local"
    return [name(obj), place, f"{found['status']}{because}", age(obj, now_s)]


def _component(obj: Obj, _: float) -> list[Any]:
    rows = [row for row in obj.get("conditions") or () if row.get("type") == "Healthy"]
    found: Obj = rows[0] if rows else {}
    word = {"True": "Healthy", "False": "Unhealthy"}.get(found.get("status", ""), "Unknown")
    return [name(obj), word, found.get("message", ""), found.get("error", "")]


EVENT = View(
    (*columns("Last Seen", "Type", "Reason", "Object", "+Subobject", "+Source", "Message", "+First Seen", "+Count"),
     Column("Name", format="name", priority=1)), event_cells)

VIEWS = {
    ("", "Node"): View(
        (NAME, *columns("Status", "Roles"), AGE, *columns(
            "Version", "+Internal-IP", "+External-IP", "+OS-Image", "+Kernel-Version", "+Container-Runtime")),
        node_cells),
    ("", "Namespace"): View((NAME, *columns("Status"), AGE), _namespace),
    ("", "ComponentStatus"): View((NAME, *columns("Status", "Message", "Error")), _component),
    ("", "ConfigMap"): View((NAME, *columns("Data"), AGE), _config_map),
    ("", "Secret"): View((NAME, *columns("Type", "Data"), AGE), _secret),
    ("", "ServiceAccount"): View((NAME, AGE), _account),
    ("", "Event"): EVENT,
    ("events.k8s.io", "Event"): EVENT,
    ("apiregistration.k8s.io", "APIService"): View((NAME, *columns("Service", "Available"), AGE), _api_service),
    ("coordination.k8s.io", "Lease"): View((NAME, *columns("Holder"), AGE), _lease),
}
