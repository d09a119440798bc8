"""Keep new nodes free of pods until they are ready. Source: kube plugin/pkg/admission/nodetaint."""

from __future__ import annotations

from knarr.apiserver.admission.words import Admission

NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


async def taint(a: Admission) -> None:
    """Mark a new node not ready; the node lifecycle controller takes the mark away."""
    taints = a.obj.setdefault("spec", {}).setdefault("taints", [])
    if not any(one.get("key") == NOT_READY["key"] and one.get("effect") == NOT_READY["effect"] for one in taints):
        taints.append(dict(NOT_READY))
