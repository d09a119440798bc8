"""Name the default IngressClass in an Ingress that names none.

Source: kube plugin/pkg/admission/network/defaultingressclass/admission.go.
"""

from __future__ import annotations

from typing import Any

from knarr.apiserver.admission.words import Admission

Obj = dict[str, Any]
DEFAULT_MARK = "ingressclass.kubernetes.io/is-default-class"
OLD_MARK = "kubernetes.io/ingress.class"


async def default_class(a: Admission) -> None:
    """Name the newest class that is marked as default."""
    if a.obj["spec"].get("ingressClassName") is not None or OLD_MARK in (a.obj["metadata"].get("annotations") or {}):
        return
    marked = [one for one in a.every("networking.k8s.io", "ingressclasses") if _is_default(one)]
    if marked:
        by_name = sorted(marked, key=lambda one: str(one["metadata"]["name"]))
        newest = max(by_name, key=lambda one: str(one["metadata"].get("creationTimestamp", "")))  # the first of equals
        a.obj["spec"]["ingressClassName"] = newest["metadata"]["name"]


def _is_default(ingress_class: Obj) -> bool:
    return (ingress_class["metadata"].get("annotations") or {}).get(DEFAULT_MARK) == "true"

