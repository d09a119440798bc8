"""Write the discovery documents: which groups, versions and resources there are, and what can be done with them.

Source: kube apimachinery meta/v1 (APIGroupList, APIResourceList) and apidiscovery/v2.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Any

from knarr.api.kinds import KINDS, Kind, Subresource

GROUP_ORDER = (  # as Kubernetes lists them: clients take the first group that has a resource of a given name
    "", "apps", "events.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "autoscaling", "batch",
    "certificates.k8s.io", "networking.k8s.io", "policy", "rbac.authorization.k8s.io", "storage.k8s.io",
    "admissionregistration.k8s.io", "apiextensions.k8s.io", "scheduling.k8s.io", "coordination.k8s.io", "node.k8s.io",
    "discovery.k8s.io", "resource.k8s.io", "flowcontrol.apiserver.k8s.io",
)
AGGREGATED_VERSIONS = ("v2", "v2beta1")
Document = dict[str, Any]


def api_versions(server_address: str) -> Document:
    """Return `/api`. server_address: host and port under which the server is reached."""
    return {"kind": "APIVersions", "versions": versions(""),
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": server_address}]}


def group_list() -> Document:
    """Return `/apis`."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in groups() if name]}


def group(name: str) -> Document | None:
    """Return `/apis/<group>`; None if the group is not served."""
    if not name or not versions(name):
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name)}


def resource_list(group: str, version: str) -> Document | None:
    """Return `/api/v1` or `/apis/<group>/<version>`; None if it is not served."""
    served = _kinds(group, version)
    if not served:
        return None
    rows = [row for kind in served for row in (_resource(kind), *(_nested(kind, sub) for sub in kind.subresources))]
    head: Document = {"kind": "APIResourceList"} | ({"apiVersion": "v1"} if group else {})
    return {**head, "groupVersion": served[0].api_version, "resources": sorted(rows, key=lambda row: str(row["name"]))}


def aggregated(*, core: bool, version: str = "v2") -> Document:
    """Return all of `/api` (core) or `/apis` in one document, for clients that accept `as=APIGroupDiscoveryList`."""
    assert version in AGGREGATED_VERSIONS
    names = [""] if core else [name for name in groups() if name]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": f"apidiscovery.k8s.io/{version}", "metadata": {},
            "items": [_discovered_group(name) for name in names]}


def groups() -> list[str]:
    """Return the served groups in order; the core group is empty."""
    served = {kind.group for kind in KINDS}
    return [name for name in GROUP_ORDER if name in served] + sorted(served.difference(GROUP_ORDER))


def versions(group: str) -> list[str]:
    """Return a group's versions, the preferred one first."""
    return sorted({kind.version for kind in KINDS if kind.group == group}, reverse=True)


def storage_version_hash(kind: Kind) -> str:
    """Return what tells clients that an object's stored form has changed. Source: kube storageversionhash."""
    stored = kind.storage
    return b64encode(sha256(f"{stored.group}/{stored.version}/{stored.kind}".encode()).digest()[:8]).decode()


def _kinds(group: str, version: str) -> list[Kind]:
    return sorted((kind for kind in KINDS if (kind.group, kind.version) == (group, version)), key=lambda k: k.plural)


def _group(name: str) -> Document:
    rows = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions(name)]
    return {"name": name, "versions": rows, "preferredVersion": rows[0]}


def _resource(kind: Kind) -> Document:
    row: Document = {"name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced,
                     "kind": kind.kind, "verbs": list(kind.verbs), **_names(kind)}
    return row | ({"storageVersionHash": storage_version_hash(kind)} if kind.stored else {})


def _nested(kind: Kind, sub: Subresource) -> Document:
    foreign = {"group": sub.group, "version": sub.version} if sub.group else {}
    return {"name": f"{kind.plural}/{sub.name}", "singularName": "", "namespaced": kind.namespaced, **foreign,
            "kind": sub.kind or kind.kind, "verbs": list(sub.verbs)}


def _names(kind: Kind) -> Document:
    short = {"shortNames": list(kind.short_names)} if kind.short_names else {}
    return short | ({"categories": list(kind.categories)} if kind.categories else {})


def _discovered_group(name: str) -> Document:
    rows = [{"version": version, "resources": [_discovered(kind) for kind in _kinds(name, version)],
             "freshness": "Current"} for version in versions(name)]
    return {"metadata": {"name": name} if name else {}, "versions": rows}


def _discovered(kind: Kind) -> Document:
    row: Document = {
        "resource": kind.plural, "responseKind": {"group": "", "version": "", "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster", "singularResource": kind.singular,
        "verbs": list(kind.verbs), **_names(kind),
    }
    nested = [{"subresource": sub.name,
               "responseKind": {"group": sub.group, "version": sub.version, "kind": sub.kind or kind.kind},
               "verbs": list(sub.verbs)} for sub in sorted(kind.subresources, key=lambda sub: sub.name)]
    return row | ({"subresources": nested} if nested else {})
