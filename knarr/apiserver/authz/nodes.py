"""Let a node's agent reach what the pods on its node need, and nothing of other nodes' pods.

Keeps, for each node, what its pods refer to; follows the store by a watch. What an agent may do regardless of its pods
stands in the ClusterRole `system:node`; the rest is a table, one rule for each kind that belongs to somebody.
Source: kube plugin/pkg/auth/authorizer/node/node_authorizer.go, graph.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from knarr.api import kinds, selectors
from knarr.api.http import User
from knarr.api.references import Reference, of_pod, secrets_of_volume
from knarr.apiserver.authz.following import Following
from knarr.apiserver.authz.rbac import Rbac
from knarr.apiserver.security import Attributes, Decision
from knarr.store.face import Entry, Store

AGENTS, AGENT_PREFIX = "system:nodes", "system:node:"
ROLE = "system:node"
LEASES = "kube-node-lease"
READS = {"get", "list", "watch"}
OWN_VERBS = {"get", "create", "update", "patch", "delete"}
NO_RELATION = "no relationship found between node '{node}' and this object"
MIRROR = "kubernetes.io/config.mirror"


def agent_of(user: User) -> str | None:
    """Return the node whose agent a user is; None for others. Source: kube auth/nodeidentifier."""
    if not user.name.startswith(AGENT_PREFIX) or AGENTS not in user.groups:
        return None
    return user.name.removeprefix(AGENT_PREFIX) or None


class NodeAuthorizer(Following):
    """The authorizer of agents; it has no opinion of others."""

    prefix = "/core/pods/"

    def __init__(self, store: Store, rbac: Rbac) -> None:
        super().__init__(store)
        self._rbac = rbac
        self._pods: dict[str, tuple[str, tuple[Reference, ...]]] = {}  # pod key → node, references
        self._held: dict[str, Counter[Reference]] = {}  # node → how many pods refer to what
        self._rules = {
            ("", "secrets"): self._read,
            ("", "configmaps"): self._read,
            ("", "persistentvolumeclaims"): self._claim,
            ("", "persistentvolumes"): self._get,
            ("", "serviceaccounts"): self._account,
            ("", "nodes"): self._node,
            ("", "pods"): self._pod,
            ("coordination.k8s.io", "leases"): self._lease,
            ("storage.k8s.io", "csinodes"): self._csi_node,
            ("storage.k8s.io", "volumeattachments"): self._get,
            ("resource.k8s.io", "resourceclaims"): self._get,
            ("resource.k8s.io", "resourceslices"): self._slice,
        }

    def _clear(self) -> None:
        self._pods, self._held = {}, {}

    def authorize(self, attributes: Attributes) -> Decision | None:
        """Decide for an agent; None for anybody else."""
        node = agent_of(attributes.user)
        if node is None:
            return None
        rule = self._rules.get((attributes.group, attributes.resource))
        if rule is not None and attributes.resource:
            fault = rule(node, attributes)
            return Decision(not fault, fault or "")
        return Decision(any(rule.allows(attributes) for rule in self._rbac.role("", ROLE) or ()))

    def _read(self, node: str, a: Attributes) -> str:
        if a.verb not in READS:
            return "can only read resources of this type"
        if a.subresource:
            return "cannot read subresource"
        if not a.namespace:
            return "can only read namespaced object of this type"
        return self._related(node, a)

    def _get(self, node: str, a: Attributes) -> str:
        if a.verb != "get":
            return "can only get individual resources of this type"
        return "cannot get subresource" if a.subresource else self._related(node, a)

    def _claim(self, node: str, a: Attributes) -> str:
        if a.subresource != "status":
            return self._get(node, a)
        return self._related(node, a) if a.verb in ("update", "patch") else "can only get/update/patch this type"

    def _account(self, node: str, a: Attributes) -> str:
        if not a.subresource and a.verb == "get":
            return self._related(node, a)
        if a.verb != "create" or not a.name:
            return "can only create tokens for individual service accounts"
        if a.subresource != "token":
            return "can only create token subresource of service account"
        return self._related(node, a)

    def _lease(self, node: str, a: Attributes) -> str:
        if a.verb not in OWN_VERBS:
            return "can only get, create, update, patch, or delete a node lease"
        if a.namespace != LEASES:
            return f'can only access leases in the "{LEASES}" system namespace'
        own = a.name == node or (a.verb == "create" and not a.name)
        return "" if own else "can only access node lease with the same name as the requesting node"

    def _csi_node(self, node: str, a: Attributes) -> str:
        if a.verb not in OWN_VERBS:
            return "can only get, create, update, patch, or delete a CSINode"
        if a.subresource:
            return "cannot authorize CSINode subresources"
        own = a.name == node or (a.verb == "create" and not a.name)
        return "" if own else "can only access CSINode with the same name as the requesting node"

    def _slice(self, node: str, a: Attributes) -> str:
        if a.subresource:
            return "cannot authorize ResourceSlice subresources"
        if a.verb == "create":
            return ""  # whose slice it is stands in its body
        if a.verb in ("list", "watch", "deletecollection"):
            return (
                ""
                if narrowed(a, "spec.nodeName", node)
                else ("can only list/watch/deletecollection resourceslices with spec.nodeName field selector")
            )
        return (
            self._related(node, a)
            if a.verb in OWN_VERBS
            else (
                "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, "
                "delete, deletecollection"
            )
        )

    def _node(self, node: str, a: Attributes) -> str:
        if not a.subresource and a.verb in READS:
            if a.name == node:
                return ""
            what = f"'{a.name}'" if a.name else "all nodes"
            return f"node '{node}' cannot read {what}, only its own Node object"
        allowed = {"": ("create", "update", "patch"), "status": ("update", "patch")}  # admission looks at whose it is
        return "" if a.verb in allowed.get(a.subresource, ()) else "can only read and report its own Node object"

    def _pod(self, node: str, a: Attributes) -> str:
        if not a.subresource and a.verb == "get":
            return self._related(node, a)
        if not a.subresource and a.verb in ("list", "watch"):
            return (
                ""
                if narrowed(a, "spec.nodeName", node)
                else "can only list/watch pods with spec.nodeName field selector"
            )
        allowed = {"": ("create", "delete"), "status": ("update", "patch"), "eviction": ("create",)}
        return "" if a.verb in allowed.get(a.subresource, ()) else "can only read and report pods of its own node"

    def _related(self, node: str, a: Attributes) -> str:
        """Return nothing where something on the node leads to the object, else why not."""
        if not a.name:
            return "No Object name found"
        held = self._held.get(node, Counter())
        near = held[a.resource, a.namespace, a.name] > 0
        return "" if near or self._far(node, a, held) else NO_RELATION.format(node=node)

    def _far(self, node: str, a: Attributes, held: Counter[Reference]) -> bool:
        """Tell whether an object itself leads to the node, or is reached through a claim."""
        if a.resource == "secrets":
            return any((a.namespace, a.name) in secrets_of_volume(volume) for volume in self._volumes(held))
        found = self._find(a.group, a.resource, a.namespace, name=a.name) or {}
        if a.resource == "persistentvolumes":
            return held["persistentvolumeclaims", *_claim_of(found)] > 0
        return a.resource in ("pods", "volumeattachments", "resourceslices") and (
            (found.get("spec") or {}).get("nodeName") == node
        )

    def _volumes(self, held: Counter[Reference]) -> Iterator[dict[str, Any]]:
        """Yield the volumes that say themselves that they are bound to claims of the node's pods."""
        for (plural, namespace, name), count in held.items():
            if plural == "persistentvolumeclaims" and count:
                claim = self._find("", plural, namespace, name=name) or {}
                volume = str((claim.get("spec") or {}).get("volumeName", ""))
                found = self._find("", "persistentvolumes", "", name=volume) or {}
                if _claim_of(found) == (namespace, name):  # a claim may name any volume
                    yield found

    def _find(self, group: str, plural: str, namespace: str, *, name: str) -> dict[str, Any] | None:
        kind = kinds.by_resource(group, "v1", plural)
        if kind is None or not name or bool(namespace) != kind.namespaced:
            return None
        entry = self._store.get(kind.key(namespace, name))
        return entry.obj if entry else None

    def _put(self, entry: Entry) -> None:
        pod = entry.obj
        node = pod["spec"].get("nodeName")
        if not node:
            return
        found = () if MIRROR in (pod["metadata"].get("annotations") or {}) else tuple(set(of_pod(pod)))
        self._pods[entry.key] = node, found
        self._held.setdefault(node, Counter()).update(found)

    def _drop(self, key: str) -> None:
        node, found = self._pods.pop(key, ("", ()))
        if node:
            held = self._held[node]
            held.subtract(found)
            for reference in found:
                if held[reference] <= 0:
                    del held[reference]


def _claim_of(volume: dict[str, Any]) -> tuple[str, str]:
    ref = (volume.get("spec") or {}).get("claimRef") or {}
    return str(ref.get("namespace", "")), str(ref.get("name", ""))


def narrowed(attributes: Attributes, field: str, value: str) -> bool:
    """Tell whether a list or watch is narrowed to one value of a field."""
    try:
        terms = selectors.parse_fields(attributes.fields)
    except selectors.SelectorError:
        return False
    return any(term.path == field and term.equal and term.value == value for term in terms)
