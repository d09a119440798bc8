"""Keep a node's agent to its own node, and new nodes free of pods until they are ready.

Source: kube plugin/pkg/admission/noderestriction and nodetaint. Thin: what an agent may read is the authorizer's
matter.
"""

from __future__ import annotations

from knarr.apiserver.admission.words import Admission

AGENTS = "system:nodes"
AGENT_PREFIX = "system:node:"
NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


async def taint(a: Admission) -> None:
    """Mark a new node not ready; the node lifecycle controller takes the mark away."""
    taints = a.obj.setdefault("spec", {}).setdefault("taints", [])
    if not any(one.get("key") == NOT_READY["key"] and one.get("effect") == NOT_READY["effect"] for one in taints):
        taints.append(dict(NOT_READY))


async def restrict(a: Admission) -> None:
    """Refuse an agent's write to another node, its lease or its pods."""
    if AGENTS not in a.user.groups or not a.user.name.startswith(AGENT_PREFIX):
        return
    me = a.user.name.removeprefix(AGENT_PREFIX)
    owner = _owner(a)
    if owner is not None and owner != me:
        raise a.refuse(f'node "{me}" is not allowed to modify {a.kind.singular} of node "{owner}"')


def _owner(a: Admission) -> str | None:
    """Return the node an object belongs to; None where the rule does not apply."""
    if a.kind.plural == "nodes" or (a.kind.plural == "leases" and a.namespace == "kube-node-lease"):
        return a.name
    if a.kind.plural == "pods":
        pod = a.old or a.obj
        return str((pod.get("spec") or {}).get("nodeName", ""))
    return None
