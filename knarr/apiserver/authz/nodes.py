"""Let a node's agent read what the pods on its node need, and nothing of other nodes' pods.

Keeps, for each node, what its pods refer to; follows the store by a watch. What an agent may do regardless of its pods
stands in the ClusterRole `system:node`.
Source: kube plugin/pkg/auth/authorizer/node/node_authorizer.go, graph.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from knarr.apiserver.authz.following import Following
from knarr.apiserver.authz.rbac import Rbac
from knarr.apiserver.security import Attributes, Decision
from knarr.store.face import Entry, Store

AGENTS, AGENT_PREFIX = "system:nodes", "system:node:"
ROLE = "system:node"
NEEDED = {"secrets", "configmaps", "persistentvolumeclaims", "serviceaccounts"}
READS = {"get", "list", "watch"}
NO_RELATION = "no relationship found between node '{node}' and this object"
REFERRERS = {
    "secretRef": "secrets", "secretKeyRef": "secrets", "configMapRef": "configmaps", "configMapKeyRef": "configmaps",
}
Reference = tuple[str, str, str]        # plural, namespace, name


class NodeAuthorizer(Following):
    """The authorizer of agents; it has no opinion of others."""

    prefix = "/core/pods/"

    def __init__(self, store: Store, rbac: Rbac) -> None:
        super().__init__(store)
        self._rbac = rbac
        self._pods: dict[str, tuple[str, tuple[Reference, ...]]] = {}      # pod key → node, references
        self._held: dict[str, Counter[Reference]] = {}                     # node → how many pods refer to what

    def _clear(self) -> None:
        self._pods, self._held = {}, {}

    def authorize(self, attributes: Attributes) -> Decision | None:
        """Decide for an agent; None for anybody else."""
        user = attributes.user
        if AGENTS not in user.groups or not user.name.startswith(AGENT_PREFIX):
            return None
        node = user.name.removeprefix(AGENT_PREFIX)
        if not any(rule.allows(attributes) for rule in self._rbac.role("", ROLE) or ()):
            return Decision(False)
        if self._concerns_pods(attributes) and not self._related(node, attributes):
            return Decision(False, NO_RELATION.format(node=node))
        return Decision(True)

    def _concerns_pods(self, attributes: Attributes) -> bool:
        if attributes.group or attributes.resource not in NEEDED:
            return False
        return attributes.verb in READS or attributes.subresource == "token"

    def _related(self, node: str, attributes: Attributes) -> bool:
        reference = (attributes.resource, attributes.namespace, attributes.name)
        return self._held.get(node, Counter())[reference] > 0

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
