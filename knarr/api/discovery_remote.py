"""Add to the discovery documents what extension servers serve. Pure.

Groups stand in the order of their priorities, the highest first, and then of their names; so do a group's versions.
Source: kube-aggregator pkg/apiserver/handler_apis.go, apis/apiregistration/v1/helper.go; apiserver
endpoints/discovery/aggregated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from knarr.api.discovery import version_rank

Document = dict[str, Any]
CUSTOM_GROUP, CUSTOM_VERSION = 1000, 100  # priorities of custom kinds. Source: kube crdregistration_controller.go
BUILT_IN_VERSION: Final = 15
GROUP_PRIORITIES: Final = {  # Source: kube controlplane/apiserver/aggregator.go, controlplane/instance.go
    "": 18000, "apiregistration.k8s.io": 18000, "apps": 17800, "events.k8s.io": 17750, "authentication.k8s.io": 17700,
    "authorization.k8s.io": 17600, "autoscaling": 17500, "batch": 17400, "certificates.k8s.io": 17300,
    "networking.k8s.io": 17200, "policy": 17100, "rbac.authorization.k8s.io": 17000, "storage.k8s.io": 16800,
    "apiextensions.k8s.io": 16700, "admissionregistration.k8s.io": 16700, "scheduling.k8s.io": 16600,
    "coordination.k8s.io": 16500, "node.k8s.io": 16300, "discovery.k8s.io": 16200, "resource.k8s.io": 16200,
    "flowcontrol.apiserver.k8s.io": 16100,
}  # fmt: skip
VERSION_PRIORITIES: Final = {
    ("", "v1"): 1, ("autoscaling", "v2"): 30, ("flowcontrol.apiserver.k8s.io", "v1"): 21, ("resource.k8s.io", "v1"): 21,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RemoteVersion:
    """One group and version of an extension server. resources: as in an APIResourceList; fresh: known to be so now."""

    group: str
    version: str
    group_priority: int
    version_priority: int
    resources: tuple[Document, ...] = ()
    fresh: bool = True


def priorities(group: str, version: str) -> tuple[int, int]:
    """Return the priorities of a group and version that this server itself serves."""
    if group not in GROUP_PRIORITIES:
        return CUSTOM_GROUP, CUSTOM_VERSION
    return GROUP_PRIORITIES[group], VERSION_PRIORITIES.get((group, version), BUILT_IN_VERSION)


def groups(document: Document, remotes: Sequence[RemoteVersion]) -> Document:
    """Return an APIGroupList with the remote groups among its own."""
    found = {one["name"]: dict(one) for one in document["groups"]}
    for name in {one.group for one in remotes}:
        found[name] = group(name, found.get(name), remotes)
    return {**document, "groups": _ordered(found, remotes)}


def group(name: str, own: Document | None, remotes: Sequence[RemoteVersion]) -> Document:
    """Return an APIGroup's members. own: what this server serves of it."""
    versions = _versions(name, [one["version"] for one in (own or {}).get("versions", ())], remotes)
    rows = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": rows, "preferredVersion": rows[0]}


def aggregated(document: Document, remotes: Sequence[RemoteVersion]) -> Document:
    """Return an APIGroupDiscoveryList with the remote groups among its own."""
    found = {one["metadata"].get("name", ""): dict(one) for one in document["items"]}
    for name in {one.group for one in remotes}:
        item = found.get(name, {"metadata": {"name": name}, "versions": []})
        rows = {row["version"]: row for row in item["versions"]}
        rows |= {one.version: _discovered(one) for one in remotes if one.group == name}
        found[name] = {**item, "versions": [rows[version] for version in _versions(name, rows, remotes)]}
    return {**document, "items": _ordered(found, remotes)}


def _ordered(found: dict[str, Document], remotes: Sequence[RemoteVersion]) -> list[Document]:
    def rank(name: str) -> tuple[int, str]:
        own = [priorities(name, "")[0]] if name in GROUP_PRIORITIES else []
        given = [one.group_priority for one in remotes if one.group == name]
        return -max([*own, *given], default=CUSTOM_GROUP), name

    return [found[name] for name in sorted(found, key=rank)]


def _versions(name: str, own: Iterable[str], remotes: Sequence[RemoteVersion]) -> list[str]:
    given = {one.version: one.version_priority for one in remotes if one.group == name}
    known = {version: priorities(name, version)[1] for version in own} | given
    return sorted(known, key=lambda version: (-known[version], version_rank(version)))


def _discovered(remote: RemoteVersion) -> Document:
    rows: dict[str, Document] = {}
    for one in remote.resources:
        parent, _, nested = str(one.get("name", "")).partition("/")
        row = rows.setdefault(parent, {"resource": parent, "responseKind": None, "scope": _scope(one), "verbs": []})
        if nested:
            row.setdefault("subresources", []).append(
                {"subresource": nested, "responseKind": _response(one), "verbs": list(one.get("verbs") or ())})
            continue
        row |= {"responseKind": _response(one), "scope": _scope(one), "verbs": list(one.get("verbs") or ()),
                "singularResource": one.get("singularName", "")}
        row |= {name: list(one[name]) for name in ("shortNames", "categories") if one.get(name)}
    return {"version": remote.version, "resources": list(rows.values()),
            "freshness": "Current" if remote.fresh else "Stale"}


def _scope(resource: Document) -> str:
    return "Namespaced" if resource.get("namespaced") else "Cluster"


def _response(resource: Document) -> Document:
    return {part: resource.get(part, "") for part in ("group", "version", "kind")}
