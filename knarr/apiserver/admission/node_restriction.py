"""Keep a node's agent to its own node: what it may write, beside what it may reach at all (the authorizer's matter).

Source: kube plugin/pkg/admission/noderestriction/admission.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from knarr.api import csr
from knarr.api.errors import not_found
from knarr.api.references import named
from knarr.apiserver.admission.words import Admission, Obj

AGENTS = "system:nodes"
AGENT_PREFIX = "system:node:"
MIRROR = "kubernetes.io/config.mirror"
LEASES = "kube-node-lease"
RESERVED = "node-restriction.kubernetes.io"
AGENTS_LABELS = frozenset({
    "kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch", "beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/zone", "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
})  # Source: kube kubelet/apis/well_known_labels.go
AGENTS_DOMAINS = ("kubelet.kubernetes.io", "node.kubernetes.io")
SERVERS = frozenset({"resourceVersion", "managedFields"})
SIZES = frozenset({"capacity", "conditions", "allocatedResources", "allocatedResourceStatuses"})
CLIENT_SIGNER, SERVING_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving"

Rule = Callable[[Admission, str], None]


async def restrict(a: Admission) -> None:
    """Refuse what an agent may not write."""
    if AGENTS not in a.user.groups or not a.user.name.startswith(AGENT_PREFIX):
        return
    rule = RULES.get((a.kind.plural, a.subresource, a.operation))
    if rule is not None:
        rule(a, a.user.name.removeprefix(AGENT_PREFIX))


def _pod_create(a: Admission, me: str) -> None:
    """Only the mirror of a pod that runs there already, and with nothing of the cluster's in it."""
    meta, spec = a.obj["metadata"], a.obj.get("spec") or {}
    if MIRROR not in (meta.get("annotations") or {}):
        raise a.refuse(f'pod does not have "{MIRROR}" annotation, node "{me}" can only create mirror pods')
    if spec.get("nodeName") != me:
        raise a.refuse(f'node "{me}" can only create pods with spec.nodeName set to itself')
    _own_only(a, me, meta.get("ownerReferences") or [])
    if spec.get("serviceAccountName"):
        raise a.refuse(f'node "{me}" can not create pods that reference a service account')
    plurals = {plural for plural, _ in named(spec)}
    wrong = next((one for one in ("secrets", "configmaps", "persistentvolumeclaims") if one in plurals), "")
    wrong = wrong or ("resourceclaims" if spec.get("resourceClaims") else "")
    if wrong:
        raise a.refuse(f'node "{me}" can not create pods that reference {wrong}')


def _own_only(a: Admission, me: str, owners: list[Obj]) -> None:
    """Let the mirror of a pod belong to this node, and to nobody else."""
    if not owners:
        return
    if len(owners) > 1:
        raise a.refuse(f'node "{me}" can only create pods with a single owner reference set to itself')
    owner = owners[0]
    if (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) != ("v1", "Node", me):
        raise a.refuse(f'node "{me}" can only create pods with an owner reference set to itself')
    if owner.get("controller") is not True:
        raise a.refuse(f'node "{me}" can only create pods with a controller owner reference set to itself')
    if owner.get("blockOwnerDeletion"):
        raise a.refuse(f'node "{me}" must not set blockOwnerDeletion on an owner reference')
    node = a.find("", "nodes", me)
    if node is None:
        raise not_found("nodes", "", me)
    uid = node["metadata"]["uid"]
    if owner.get("uid") != uid:
        raise a.refuse(f"node {me} UID mismatch: expected {owner.get('uid', '')} got {uid}")


def _evict(a: Admission, me: str) -> None:
    if _node_of(a.obj) != me:
        raise a.refuse(f'node "{me}" can only evict pods with spec.nodeName set to itself')


def _pod_delete(a: Admission, me: str) -> None:
    if _node_of(a.obj) != me:
        raise a.refuse(f'node "{me}" can only delete pods with spec.nodeName set to itself')


def _pod_status(a: Admission, me: str) -> None:
    old = a.old or a.obj
    if _node_of(old) != me:
        raise a.refuse(f'node "{me}" can only update pod status for pods with spec.nodeName set to itself')
    if (old["metadata"].get("labels") or {}) != (a.obj["metadata"].get("labels") or {}):
        raise a.refuse(f'node "{me}" cannot update labels through pod status')
    if _claims(old) != _claims(a.obj):
        raise a.refuse(f'node "{me}" cannot update resource claim statuses')


def _claims(pod: Obj) -> list[Obj]:
    return (pod.get("status") or {}).get("resourceClaimStatuses") or []


def _claim_status(a: Admission, me: str) -> None:
    """How large a claim's volume has become, and nothing else of it."""
    if a.old is not None and _beside_size(a.old) != _beside_size(a.obj):
        raise a.refuse(
            f'node "{me}" is not allowed to update fields other than status.quantity and status.conditions'
        )


def _beside_size(claim: Obj) -> Obj:
    meta = {name: value for name, value in claim["metadata"].items() if name not in SERVERS}
    status = {name: value for name, value in (claim.get("status") or {}).items() if name not in SIZES}
    return {**claim, "metadata": meta, "status": status}


def _pod_update(a: Admission, me: str) -> None:
    raise a.refuse(f'unexpected operation "UPDATE" for node "{me}"')


def _node_write(a: Admission, me: str) -> None:
    """Its own Node, without taints and without labels by which others keep agents apart."""
    if a.name != me:
        raise a.refuse(f'node "{me}" is not allowed to modify node "{a.name}"')
    old = a.old or {"metadata": {}, "spec": {}}
    changed = _changed(old["metadata"].get("labels") or {}, a.obj["metadata"].get("labels") or {})
    wrong = sorted(one for one in changed if _is_others(one))
    if wrong:
        verb = "modify" if a.old is not None else "set the following"
        raise a.refuse(f'node "{me}" is not allowed to {verb} labels: {", ".join(wrong)}')
    if a.old is None:
        return
    if ((a.old.get("spec") or {}).get("taints") or []) != ((a.obj.get("spec") or {}).get("taints") or []):
        raise a.refuse(f'node "{me}" is not allowed to modify taints')
    if (a.old["metadata"].get("ownerReferences") or []) != (a.obj["metadata"].get("ownerReferences") or []):
        raise a.refuse(f'node "{me}" is not allowed to modify ownerReferences')


def _node_delete(a: Admission, me: str) -> None:
    raise a.refuse(f'node "{me}" is not allowed to delete node "{a.name}"')


def _lease(a: Admission, me: str) -> None:
    if a.namespace != LEASES:
        raise a.refuse(f'can only access leases in the "{LEASES}" system namespace')
    if a.name != me:
        raise a.refuse("can only access node lease with the same name as the requesting node")


def _csi_node(a: Admission, me: str) -> None:
    if a.name != me:
        raise a.refuse("can only access CSINode with the same name as the requesting node")


def _slice(a: Admission, me: str) -> None:
    if ((a.old or a.obj).get("spec") or {}).get("nodeName") != me:
        words = "create" if a.operation == "create" else "modify"
        raise a.refuse(f"can only {words} ResourceSlice with the same NodeName as the requesting node")


def _request(a: Admission, me: str) -> None:
    """A certificate for itself and no other node."""
    spec = a.obj.get("spec") or {}
    if spec.get("signerName") not in (CLIENT_SIGNER, SERVING_SIGNER):
        return
    try:
        asked = csr.read(str(spec.get("request") or ""))
    except csr.BadRequestPem as fault:
        raise a.refuse(f"unable to parse csr: {fault}") from fault
    if asked.common_name != a.user.name:
        raise a.refuse(f"can only create a node CSR with CN={a.user.name}")


def _node_of(pod: Mapping[str, Any]) -> str:
    return str((pod.get("spec") or {}).get("nodeName", ""))


def _changed(old: Obj, new: Obj) -> set[str]:
    return {name for name in {*old, *new} if old.get(name) != new.get(name)}


def _is_others(label: str) -> bool:
    """Tell whether a label is Kubernetes' own and not for agents to write."""
    domain = label.partition("/")[0] if "/" in label else ""
    if domain == RESERVED or domain.endswith(f".{RESERVED}"):
        return True
    ours = any(domain == one or domain.endswith(f".{one}") for one in ("kubernetes.io", "k8s.io"))
    agents = label in AGENTS_LABELS or any(domain == one or domain.endswith(f".{one}") for one in AGENTS_DOMAINS)
    return ours and not agents


RULES: Mapping[tuple[str, str, str], Rule] = {
    ("pods", "", "create"): _pod_create, ("pods", "", "update"): _pod_update, ("pods", "", "delete"): _pod_delete,
    ("pods", "status", "update"): _pod_status, ("pods", "resize", "update"): _pod_update,
    ("pods", "ephemeralcontainers", "update"): _pod_update, ("pods", "eviction", "create"): _evict,
    ("persistentvolumeclaims", "status", "update"): _claim_status,
    ("nodes", "", "create"): _node_write, ("nodes", "", "update"): _node_write,
    ("nodes", "status", "update"): _node_write, ("nodes", "", "delete"): _node_delete,
    **{("leases", "", operation): _lease for operation in ("create", "update", "delete")},
    **{("csinodes", "", operation): _csi_node for operation in ("create", "update", "delete")},
    **{("resourceslices", "", operation): _slice for operation in ("create", "update", "delete")},
    ("certificatesigningrequests", "", "create"): _request,
}  # fmt: skip
