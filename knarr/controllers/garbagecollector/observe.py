"""See an object's owners: in the graph, known to be gone, or asked of the server."""

from __future__ import annotations

import msgspec

from knarr.api import kinds
from knarr.api.errors import NotFound
from knarr.api.kinds import Kind
from knarr.api.types.meta_v1 import OwnerReference
from knarr.client.client import Client, Partial, path
from knarr.controllers.garbagecollector.graph import Graph, Item, above
from knarr.controllers.garbagecollector.plan import View


async def observe(client: Client, graph: Graph, item: Item) -> View:
    """Sort the owners of an object. May ask the server about owners that no watch has shown."""
    solid: list[OwnerReference] = []
    waiting: list[OwnerReference] = []
    dangling: list[OwnerReference] = []
    misplaced: list[OwnerReference] = []
    for ref in item.meta.ownerReferences:
        owner = graph.items.get(ref.uid)
        if _elsewhere(graph, item, ref, owner):
            misplaced.append(ref)
            dangling.extend([ref] if item.kind.namespaced else [])
        elif owner is None:
            (dangling if await _is_gone(client, graph, item, ref) else solid).append(ref)
        elif owner.waits_for_dependents and ref.blockOwnerDeletion:
            waiting.append(ref)
        else:
            solid.append(ref)
    dependents = tuple(graph.dependents(item.uid))
    return View(item, tuple(solid), tuple(waiting), tuple(dangling), dependents,
                above(graph.items, item), tuple(misplaced))


def _elsewhere(graph: Graph, item: Item, ref: OwnerReference, owner: Item | None) -> bool:
    """Say whether an owner lies in a namespace that is not the object's: there it cannot own it."""
    if owner is not None:
        return owner.kind.namespaced and owner.meta.namespace != item.meta.namespace
    kind = _known(graph, ref)
    return kind is not None and kind.namespaced and not item.kind.namespaced


async def _is_gone(client: Client, graph: Graph, item: Item, ref: OwnerReference) -> bool:
    if graph.is_gone(ref.uid):
        return True
    kind = _known(graph, ref)
    if kind is None:
        return False  # of a kind nobody knows (yet): nothing is deleted for its sake
    namespace = (item.meta.namespace or "") if kind.namespaced else ""
    try:
        body = await client.call("GET", path(kind, namespace, ref.name))
    except NotFound:
        graph.forget(ref.uid)
        return True
    if msgspec.json.decode(body, type=Partial).metadata.uid == ref.uid:
        return False
    graph.forget(ref.uid)
    return True


def _known(graph: Graph, ref: OwnerReference) -> Kind | None:
    return kind_of(ref) or graph.customs.get((ref.apiVersion.partition("/")[0], ref.kind))


def kind_of(ref: OwnerReference) -> Kind | None:
    """Find the row of an owner's built-in kind; of any version, since all show the same objects."""
    group, _, version = ref.apiVersion.rpartition("/")
    return kinds.by_kind(group, version, ref.kind)
