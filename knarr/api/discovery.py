"""Write the discovery documents: which groups, versions and resources there are, and what can be done with them.

`served` are the kinds to tell of, custom ones among them; the built-in ones where it is left out.

Source: kube apimachinery meta/v1 (APIGroupList, APIResourceList) and apidiscovery/v2.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from re import compile as pattern
from typing import Any

from knarr.api.kinds import KINDS, Kind, Subresource

GROUP_ORDER = (  # as Kubernetes lists them: clients take the first group that has a resource of a given name
    "", "apiregistration.k8s.io", "apps", "events.k8s.io", "authentication.k8s.io", "authorization.k8s.io",
    "autoscaling", "batch", "certificates.k8s.io", "networking.k8s.io", "policy", "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io", "apiextensions.k8s.io", "scheduling.k8s.io", "coordination.k8s.io", "node.k8s.io",
    "discovery.k8s.io", "resource.k8s.io", "flowcontrol.apiserver.k8s.io",
)
VERSION = pattern(r"v(\d+)(?:(beta|alpha)(\d+))?")
STABILITY = ("", "beta", "alpha")
AGGREGATED_VERSIONS = ("v2", "v2beta1")
Document = dict[str, Any]
Served = Sequence[Kind]


def api_versions(server_address: str) -> Document:
    """Return `/api`. server_address: host and port under which the server is reached."""
    return {"kind": "APIVersions", "versions": versions(""),
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": server_address}]}


def group_list(served: Served = KINDS) -> Document:
    """Return `/apis`."""
    return {"kind": "APIGroupList", "apiVersion": "v1",
            "groups": [_group(name, served) for name in groups(served) if name]}


def group(name: str, served: Served = KINDS) -> Document | None:
    """Return `/apis/<group>`; None if the group is not served."""
    if not name or not versions(name, served):
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, served)}


def resource_list(group: str, version: str, served: Served = KINDS) -> Document | None:
    """Return `/api/v1` or `/apis/<group>/<version>`; None if it is not served."""
    found = _kinds(group, version, served)
    if not found:
        return None
    rows = [row for kind in found for row in (_resource(kind), *(_nested(kind, sub) for sub in kind.subresources))]
    head: Document = {"kind": "APIResourceList"} | ({"apiVersion": "v1"} if group else {})
    if found[0].rules is None:
        rows.sort(key=lambda row: str(row["name"]))
    return {**head, "groupVersion": found[0].api_version, "resources": rows}


def aggregated(*, core: bool, version: str = "v2", served: Served = KINDS) -> Document:
    """Return all of `/api` (core) or `/apis` in one document, for clients that accept `as=APIGroupDiscoveryList`."""
    assert version in AGGREGATED_VERSIONS
    names = [""] if core else [name for name in groups(served) if name]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": f"apidiscovery.k8s.io/{version}", "metadata": {},
            "items": [_discovered_group(name, served) for name in names]}


def groups(served: Served = KINDS) -> list[str]:
    """Return the served groups in order; the core group is empty."""
    found = {kind.group for kind in served}
    return [name for name in GROUP_ORDER if name in found] + sorted(found.difference(GROUP_ORDER))


def versions(group: str, served: Served = KINDS) -> list[str]:
    """Return a group's versions, the preferred one first."""
    return sorted({kind.version for kind in served if kind.group == group}, key=version_rank)


def version_rank(version: str) -> tuple[int, int, int, str]:
    """Return what sorts versions: stable ones first, then betas, then alphas, the highest first; then other words.

    Source: kube apimachinery pkg/version/helpers.go, CompareKubeAwareVersionStrings.

    >>> sorted(["v1beta1", "v10", "v2alpha1", "new", "v2"], key=version_rank)
    ['v10', 'v2', 'v1beta1', 'v2alpha1', 'new']
    """
    found = VERSION.fullmatch(version)
    if found is None:
        return 3, 0, 0, version
    return STABILITY.index(found[2] or ""), -int(found[1]), -int(found[3] or 0), version


def storage_version_hash(kind: Kind) -> str:
    """Return what tells clients that an object's stored form has changed. Source: kube storageversionhash."""
    stored = kind.storage
    version = stored.version if stored.stored_version == "=" else stored.stored_version
    if kind.rules is not None:
        version = kind.rules.storage_version
    return b64encode(sha256(f"{stored.group}/{version}/{stored.kind}".encode()).digest()[:8]).decode()


def _kinds(group: str, version: str, served: Served) -> list[Kind]:
    return sorted((kind for kind in served if (kind.group, kind.version) == (group, version)), key=lambda k: k.plural)


def _group(name: str, served: Served) -> Document:
    rows = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions(name, served)]
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


def _discovered_group(name: str, served: Served) -> Document:
    rows = [{"version": version, "resources": [_discovered(kind) for kind in _kinds(name, version, served)],
             "freshness": "Current"} for version in versions(name, served)]
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
