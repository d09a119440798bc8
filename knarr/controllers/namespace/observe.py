"""Tell everything in a namespace to go, and count what remains.

Lists metadata alone, kind by kind: a namespace that ends is rare, so nothing is kept for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from msgspec import DecodeError

from knarr.api import kinds
from knarr.api.custom.names import ROW, Definition, kind_of
from knarr.api.errors import ApiError, MethodNotAllowed, NotFound
from knarr.api.kinds import Kind
from knarr.api.types.core_v1 import Namespace
from knarr.client.client import Client, Partial, Selection, path
from knarr.controllers.namespace.extensions import extension_kinds
from knarr.controllers.namespace.plan import Remaining, View

BACKGROUND = {"propagationPolicy": "Background"}  # else jobs would wait to set their pods free
CLEAR_S = 120.0  # for one kind: an extension server that hangs must not hold up what comes after
AT_ONCE_MAX = 8  # kinds asked side by side; the store commits their deletes in groups


def content_kinds() -> list[Kind]:
    """List the built-in kinds that may lie in a namespace, each stored form once."""
    return [
        kind for kind in kinds.KINDS
        if kind.namespaced and kind.stored and kind.storage is kind and {"list", "delete"} <= set(kind.verbs)
    ]


async def custom_kinds(client: Client) -> list[Kind]:
    """List the kinds that definitions bring into namespaces, each in one version."""
    definitions = (await client.list(Definition, kind=ROW)).items
    return [one for one in map(kind_of, definitions) if one is not None and one.namespaced]


async def observe(client: Client, namespace: Namespace, *, now_s: float) -> View:
    """Delete what can be deleted, then see what is left."""
    name = namespace.metadata.name or ""
    room = asyncio.Semaphore(AT_ONCE_MAX)
    remaining: list[Remaining] = []
    failures: list[str] = []
    told: list[str] = []

    async def clear(kind: Kind) -> None:
        async with room:
            try:
                async with asyncio.timeout(CLEAR_S):
                    left = await _clear(client, kind, name, told=told)
            except (ApiError, OSError, DecodeError) as error:
                failures.append(f"unexpected items still remain in namespace: {name} for gvr: {kind.resource}: {error}")
                return
        if left is not None:
            remaining.append(left)

    extensions, undiscovered = await extension_kinds(client)
    found = content_kinds() + await custom_kinds(client) + extensions
    async with asyncio.TaskGroup() as group:
        for kind in found:
            group.create_task(clear(kind))
    left = tuple(sorted(remaining, key=lambda one: one.resource))
    return View(namespace, left, tuple(failures), now_s, tuple(undiscovered), swept=not told)


async def _clear(client: Client, kind: Kind, namespace: str, *, told: list[str]) -> Remaining | None:
    where = Selection(namespace=namespace)
    found = (await client.list(Partial, where, kind=kind)).items
    fresh = [one for one in found if one.metadata.deletionTimestamp is None]
    if fresh:
        told.append(kind.plural)
    if fresh and "deletecollection" in kind.verbs:
        try:
            await client.call("DELETE", path(kind, namespace), query=BACKGROUND)
        except (MethodNotAllowed, NotFound):
            await _one_by_one(client, kind, namespace, fresh=fresh)
    elif fresh:
        await _one_by_one(client, kind, namespace, fresh=fresh)
    left = (await client.list(Partial, where, kind=kind)).items if fresh else found
    if not left:
        return None
    held = Counter(one for obj in left for one in obj.metadata.finalizers)
    return Remaining(f"{kind.plural}.{kind.group}", len(left), held)


async def _one_by_one(client: Client, kind: Kind, namespace: str, *, fresh: list[Partial]) -> None:
    for one in fresh:
        try:
            await client.delete(kind, namespace, one.metadata.name or "", options=BACKGROUND)
        except NotFound:
            continue
