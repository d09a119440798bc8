"""Keep objects out of namespaces that do not exist or are ending, and the four system namespaces alive.

Source: kube apiserver admission/plugin/namespace/lifecycle/admission.go.
"""

from __future__ import annotations

from knarr.api.errors import not_found
from knarr.apiserver.admission.words import Admission

IMMORTAL = frozenset({"default", "kube-system", "kube-public"})
REVIEWS = "authorization.k8s.io"  # allowed anywhere, so that nobody learns which namespaces exist


async def admit(a: Admission) -> None:
    """Refuse; nothing is changed."""
    if a.operation == "delete":
        if a.kind.plural == "namespaces" and a.name in IMMORTAL:
            raise a.refuse("this namespace may not be deleted")
        return
    if a.operation != "create" or not a.kind.namespaced or a.kind.group == REVIEWS:
        return
    namespace = a.find("", "namespaces", a.namespace)
    if namespace is None:
        raise not_found("namespaces", "", a.namespace)
    if namespace["metadata"].get("deletionTimestamp"):
        error = a.refuse(f"unable to create new content in namespace {a.namespace} because it is being terminated")
        error.details["causes"] = [
            {
                "reason": "NamespaceTerminating",
                "message": f"namespace {a.namespace} is being terminated",
                "field": "metadata.namespace",
            }
        ]
        raise error
