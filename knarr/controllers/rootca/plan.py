"""Decide whether a namespace's copy of the CA bundle must be written.

Source: kube controller/certificates/rootcacertpublisher/publisher.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from knarr.api.types.core_v1 import ConfigMap, Namespace
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.reconcile.actions import Action, Create, Update

NAME = "kube-root-ca.crt"
FILE = "ca.crt"
DESCRIPTION = "kubernetes.io/description"
SAYS = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


@dataclass(frozen=True, slots=True)
class View:
    """One namespace and its copy, if it has one. ca_pem: what the copy must say."""

    namespace: Namespace
    copy: ConfigMap | None
    ca_pem: str


def plan(view: View) -> list[Action]:
    """Make the copy, or mend it."""
    if view.namespace.metadata.deletionTimestamp is not None:
        return []
    data = {FILE: view.ca_pem}
    if view.copy is None:
        meta = ObjectMeta(namespace=view.namespace.metadata.name, name=NAME, annotations={DESCRIPTION: SAYS})
        return [Create(ConfigMap(metadata=meta, data=data))]
    if view.copy.data == data and DESCRIPTION in view.copy.metadata.annotations:
        return []
    meta = replace(view.copy.metadata, annotations={**view.copy.metadata.annotations, DESCRIPTION: SAYS})
    return [Update(replace(view.copy, metadata=meta, data=data))]
