"""List the fields that a field selector may name, kind by kind.

Source: kube core/v1/conversion.go and each strategy's SelectableFields.
"""

from __future__ import annotations

from typing import Any

from knarr.api.kinds import Kind

ALWAYS = ("metadata.name", "metadata.namespace")
INVOLVED = tuple(
    f"involvedObject.{name}"
    for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
)
REGARDING = tuple(name.replace("involvedObject", "regarding") for name in INVOLVED)
BY_KIND: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ),
    ("", "Node"): ("spec.unschedulable",),
    ("", "Namespace"): ("status.phase",),
    ("", "Secret"): ("type",),
    ("", "Service"): ("spec.clusterIP", "spec.type"),
    ("", "Event"): (*INVOLVED, "reason", "reportingComponent", "source", "type"),
    ("events.k8s.io", "Event"): (*REGARDING, "reason", "reportingController", "type"),
    ("", "ReplicationController"): ("status.replicas",),
    ("apps", "ReplicaSet"): ("status.replicas",),
    ("certificates.k8s.io", "CertificateSigningRequest"): ("spec.signerName",),
    ("batch", "Job"): ("status.successful",),
}
STORED_PATHS = {"status.successful": "status.succeeded", "reportingController": "reportingComponent"}
ABSENT = {"spec.hostNetwork": "false", "spec.unschedulable": "false", "status.replicas": "0", "status.successful": "0"}


def supported(kind: Kind) -> frozenset[str]:
    """Return the fields that a selector over this kind may name."""
    if kind.rules is not None:
        return frozenset(ALWAYS + kind.rules.selectable)
    return frozenset(ALWAYS + BY_KIND.get((kind.group, kind.kind), ()))


def value_of(kind: Kind, obj: dict[str, Any], path: str) -> str:
    """Return the text a selector compares with; empty, `0` or `false` where the field is absent.

    `obj` is in its stored form.
    """
    found: Any = obj
    if path == "source":
        return str(obj.get("source", {}).get("component") or obj.get("reportingComponent", ""))
    for step in stored_path(path):
        found = found.get(step) if isinstance(found, dict) else None
    return text_of(kind, path, found)


def stored_path(path: str) -> list[str]:
    """Return the steps that lead to a field in the stored form."""
    return STORED_PATHS.get(path, path).replace("regarding.", "involvedObject.").split(".")


def text_of(kind: Kind, path: str, found: Any) -> str:
    """Return the text of what was found at a path, None if nothing."""
    if found is None and kind.rules is not None:
        return ""
    if found is None:
        return ABSENT.get(path, "")
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found)
