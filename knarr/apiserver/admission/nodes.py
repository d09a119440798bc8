"""Keep new nodes free of pods until they are ready; say what they lack. Source: kube plugin/pkg/admission/nodetaint."""

from __future__ import annotations

from knarr.apiserver.admission.words import Admission

NOT_RUN_YET = "ephemeral containers are kept but not run yet: copy the pod instead (kubectl debug --copy-to)"
NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


async def taint(a: Admission) -> None:
    """Mark a new node not ready; the node lifecycle controller takes the mark away."""
    taints = a.obj.setdefault("spec", {}).setdefault("taints", [])
    if not any(one.get("key") == NOT_READY["key"] and one.get("effect") == NOT_READY["effect"] for one in taints):
        taints.append(dict(NOT_READY))


async def tell_of_ephemeral(a: Admission) -> None:
    """Warn whoever adds ephemeral containers to a placed pod: they are kept, but the nodes do not run them yet."""
    if a.subresource == "ephemeralcontainers" and a.obj["spec"].get("nodeName"):
        a.warnings.append(NOT_RUN_YET)
