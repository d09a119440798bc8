"""Make the roles and bindings that every cluster has, and mend them at each start.

They stand as data in `defaults.json`: a rule is [verbs, groups, resources, names?] or [verbs, URLs], words joined by
commas, `core` for the group without a name; `aggregates` and `aggregatesTo` name the label of aggregated roles. A
default role whose annotation says `autoupdate: "false"` is left as it is. Source: kube
plugin/pkg/auth/authorizer/rbac/bootstrappolicy.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from importlib import resources
from typing import Any

from knarr.apiserver.authz.rules import missing, parse

Obj = dict[str, Any]
GROUP = "rbac.authorization.k8s.io"
VERSION = f"{GROUP}/v1"
AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"
LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
JOINERS = "system:bootstrappers:knarr:nodes"     # who holds a bootstrap token made for a new machine
REQUESTS = "system:certificates.k8s.io:certificatesigningrequests"
OWN_BINDINGS = {      # name → role and group
    "knarr:node-proxier": ("system:node-proxier", "system:nodes"),      # an agent also serves its node's service rules
    "knarr:node-bootstrapper": ("system:node-bootstrapper", JOINERS),
    "knarr:node-first-certificate": (f"{REQUESTS}:nodeclient", JOINERS),
    "knarr:node-next-certificate": (f"{REQUESTS}:selfnodeclient", "system:nodes"),
}
AT_ONCE_MAX = 64        # writes under way; they share commits

Ensure = Callable[[Obj], Awaitable[None]]       # create unless it is there
Mend = Callable[[Obj, Callable[[Obj], None]], Awaitable[None]]
Find = Callable[[Obj], Obj | None]


async def ensure(create: Ensure, find: Find, mend: Mend) -> None:
    """Create what is missing; add to default roles the rules they lack."""
    room = asyncio.Semaphore(AT_ONCE_MAX)

    async def one(wanted: Obj) -> None:
        async with room:
            present = find(wanted)
            if present is None:
                await create(wanted)
            elif lacks(present, wanted):
                await mend(wanted, lambda obj: add_rules(obj, wanted))

    async with asyncio.TaskGroup() as group:
        for wanted in objects():
            group.create_task(one(wanted))


def lacks(present: Obj, wanted: Obj) -> bool:
    """Tell whether a stored default role must be mended."""
    if "rules" not in wanted or (present["metadata"].get("annotations") or {}).get(AUTOUPDATE) == "false":
        return False
    held = [parse(rule) for rule in present.get("rules") or ()]
    return bool(missing((parse(rule) for rule in wanted["rules"]), held))


def add_rules(obj: Obj, wanted: Obj) -> None:
    """Add to a role what it lacks; what others have added stays."""
    held = [parse(rule) for rule in obj.get("rules") or ()]
    obj["rules"] = [*(obj.get("rules") or ()), *(rule for rule in wanted["rules"] if missing([parse(rule)], held))]


def objects() -> Iterator[Obj]:
    """Yield every default object, roles before the bindings that name them."""
    table = json.loads(resources.files(__package__).joinpath("defaults.json").read_text())
    for name, row in table["clusterRoles"].items():
        yield cluster_role(name, row)
    for place, row in table["roles"].items():
        namespace, name = place.split("/", 1)
        yield {**head("Role", name, namespace), "rules": [rule(words) for words in row["rules"]]}
    for name, row in table["clusterRoleBindings"].items():
        yield {**head("ClusterRoleBinding", name), **bound("ClusterRole", row["role"], row["subjects"])}
    for place, row in table["roleBindings"].items():
        namespace, name = place.split("/", 1)
        kind, role = row["role"].split("/", 1)
        yield {**head("RoleBinding", name, namespace), **bound(kind, role, row["subjects"])}
    for name, (role, group) in OWN_BINDINGS.items():
        yield {**head("ClusterRoleBinding", name), **bound("ClusterRole", role, [["Group", group]])}


def cluster_role(name: str, row: Obj) -> Obj:
    """Return a default ClusterRole."""
    obj = head("ClusterRole", name)
    if "aggregatesTo" in row:
        obj["metadata"]["labels"][f"{GROUP}/aggregate-to-{row['aggregatesTo']}"] = "true"
    if "aggregates" in row:
        label = {f"{GROUP}/aggregate-to-{row['aggregates']}": "true"}
        obj["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": label}]}
    obj["rules"] = [rule(words) for words in row["rules"]]
    return obj


def head(kind: str, name: str, namespace: str = "") -> Obj:
    """Return an object with nothing but its metadata."""
    metadata: Obj = {"name": name, "labels": dict(LABELS), "annotations": {AUTOUPDATE: "true"}}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": VERSION, "kind": kind, "metadata": metadata}


def rule(words: list[str]) -> Obj:
    """Return a PolicyRule."""
    split = [text.split(",") for text in words]
    if len(split) == 2:
        return {"verbs": split[0], "nonResourceURLs": split[1]}
    groups = ["" if group == "core" else group for group in split[1]]
    whole: Obj = {"verbs": split[0], "apiGroups": groups, "resources": split[2]}
    return whole | ({"resourceNames": split[3]} if len(split) > 3 else {})


def bound(kind: str, role: str, subjects: list[list[str]]) -> Obj:
    """Return what a binding says beside its metadata."""
    return {"roleRef": {"apiGroup": GROUP, "kind": kind, "name": role}, "subjects": [subject(*one) for one in subjects]}


def subject(kind: str, name: str) -> Obj:
    """Return a binding's subject; a service account is named `namespace/name`."""
    if kind != "ServiceAccount":
        return {"apiGroup": GROUP, "kind": kind, "name": name}
    namespace, _, account = name.partition("/")
    return {"kind": kind, "name": account, "namespace": namespace}
