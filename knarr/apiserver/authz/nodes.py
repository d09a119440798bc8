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
REFERRERS = {
    "secretRef": "secrets",
    "secretKeyRef": "secrets",
    "configMapRef": "configmaps",
    "configMapKeyRef": "configmaps",
}
Reference = tuple[str, str, str]  # plural, namespace, name


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
            return any(
                (a.namespace, a.name) in secrets_of(self._find("", "persistentvolumes", "", name=volume) or {})
                for volume in self._volumes(held)
            )
        found = self._find(a.group, a.resource, a.namespace, name=a.name) or {}
        if a.resource == "persistentvolumes":
            ref = (found.get("spec") or {}).get("claimRef") or {}
            return held["persistentvolumeclaims", ref.get("namespace", ""), ref.get("name", "")] > 0
        return a.resource in ("pods", "volumeattachments", "resourceslices") and (
            (found.get("spec") or {}).get("nodeName") == node
        )

    def _volumes(self, held: Counter[Reference]) -> Iterator[str]:
        for (plural, namespace, name), count in held.items():
            if plural == "persistentvolumeclaims" and count:
                claim = self._find("", plural, namespace, name=name) or {}
                yield str((claim.get("spec") or {}).get("volumeName", ""))

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
        found = tuple(set(references(pod)))
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


def references(pod: dict[str, Any]) -> Iterator[Reference]:
    """Yield what a pod's spec names: secrets, config maps, claims and its service account. Pure."""
    spec, namespace = pod["spec"], pod["metadata"]["namespace"]
    yield "serviceaccounts", namespace, spec.get("serviceAccountName") or "default"
    yield "configmaps", namespace, "kube-root-ca.crt"
    for secret in spec.get("imagePullSecrets") or ():
        yield "secrets", namespace, secret.get("name", "")
    for volume in spec.get("volumes") or ():
        yield from _of_volume(volume, namespace, pod["metadata"]["name"])
    for claim in spec.get("resourceClaims") or ():
        yield "resourceclaims", namespace, claim.get("resourceClaimName", "")
    for status in (pod.get("status") or {}).get("resourceClaimStatuses") or ():
        yield "resourceclaims", namespace, status.get("resourceClaimName", "")
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            yield from _of_container(container, namespace)


def _of_volume(volume: dict[str, Any], namespace: str, pod_name: str) -> Iterator[Reference]:
    if "secret" in volume:
        yield "secrets", namespace, volume["secret"].get("secretName", "")
    if "configMap" in volume:
        yield "configmaps", namespace, volume["configMap"].get("name", "")
    if "persistentVolumeClaim" in volume:
        yield "persistentvolumeclaims", namespace, volume["persistentVolumeClaim"]["claimName"]
    if "ephemeral" in volume:
        yield "persistentvolumeclaims", namespace, f"{pod_name}-{volume['name']}"
    for source in (volume.get("projected") or {}).get("sources") or ():
        if "secret" in source:
            yield "secrets", namespace, source["secret"].get("name", "")
        if "configMap" in source:
            yield "configmaps", namespace, source["configMap"].get("name", "")


def _of_container(container: dict[str, Any], namespace: str) -> Iterator[Reference]:
    values = [env.get("valueFrom") or {} for env in container.get("env") or ()]
    for source in (*(container.get("envFrom") or ()), *values):
        for field, plural in REFERRERS.items():
            if field in source:
                yield plural, namespace, source[field].get("name", "")


def secrets_of(volume: dict[str, Any]) -> set[tuple[str, str]]:
    """Return namespace and name of every Secret that a PersistentVolume's driver needs on the node. Pure.

    Source: kube api/persistentvolume/util.go, VisitPVSecretNames.
    """
    found = set()
    for source in (volume.get("spec") or {}).values():
        for field, ref in source.items() if isinstance(source, dict) else ():
            if field.lower().endswith("secretref") and isinstance(ref, dict):
                claim = (volume["spec"].get("claimRef") or {}).get("namespace", "")
                found.add((ref.get("namespace") or claim, ref.get("name", "")))
    return found


def narrowed(attributes: Attributes, field: str, value: str) -> bool:
    """Tell whether a list or watch is narrowed to one value of a field."""
    try:
        terms = selectors.parse_fields(attributes.fields)
    except selectors.SelectorError:
        return False
    return any(term.path == field and term.equal and term.value == value for term in terms)
