"""Bring CustomResourceDefinitions to life: accept their names, serve their kinds, and clear up when they go.

All of it happens within the write that causes it, so a client that was told of a definition may use it at once. A
definition that is being deleted waits for its last object; the write that removes that one lets it go.
Source: kube apiextensions pkg/controller/{status,establish,finalizer}.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from knarr.api import kinds
from knarr.api.custom import rows
from knarr.api.errors import NotFound
from knarr.api.http import User
from knarr.api.kinds import Kind
from knarr.api.strategy.definition import CLEANUP, set_condition
from knarr.apiserver.changes import Changer
from knarr.apiserver.core import Core
from knarr.apiserver.deletes import Deleter
from knarr.apiserver.naming import Taken, accept
from knarr.apiserver.watches import Watcher
from knarr.store.face import Entry

Obj = dict[str, Any]
SYSTEM = User("system:apiserver", groups=("system:masters",))
IN_PROGRESS = ("Terminating", "True", "InstanceDeletionInProgress", "CustomResource deletion is in progress")


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of one definition.

    form: tells how its objects look from another; empty if it serves none. mark: whether they may be made, too.
    """

    revision: int
    prefix: str
    form: str
    mark: str
    taken: Taken
    settled: bool
    ending: bool
    rows: tuple[Kind, ...]


class Definitions:
    """The definitions of one server."""

    def __init__(self, core: Core, changer: Changer, deleter: Deleter, *, watcher: Watcher) -> None:
        self._core, self._changer, self._deleter, self._watcher = core, changer, deleter, watcher
        self._known: dict[str, Known] = {}
        self._lock = asyncio.Lock()

    async def after(self, kind: Kind) -> None:
        """Follow up a write to a definition, or to a custom object whose definition is on its way out."""
        if kind == DEFINITION or any(one.ending and one.prefix == kind.namespace_prefix("")
                                     for one in self._known.values()):
            await self.refresh()

    async def refresh(self) -> None:
        """Look at what has changed, and serve what is established."""
        async with self._lock:
            while await self._pass():
                pass

    async def _pass(self) -> bool:
        """Settle each definition that needs it once; say whether that may have freed names for others."""
        entries = {entry.obj_name: entry for entry in map(_Named, self._core.store.list(PREFIX).entries)}
        gone = [name for name in self._known if name not in entries]
        for name in gone:
            self._watcher.finish(self._known.pop(name).prefix)
        for name, named in entries.items():
            known = self._known.get(name)
            if known is None or known.revision != named.entry.revision or known.ending or not known.settled:
                await self._settle(name, named.entry)
        self._publish()
        return bool(gone) and any(not one.settled for one in self._known.values())

    async def _settle(self, name: str, entry: Entry) -> None:
        try:
            if entry.obj["metadata"].get("deletionTimestamp"):
                entry = await self._end(name, entry)
            else:
                entry = await self._accept(name, entry)
        except NotFound:
            entry = Entry(entry.key, b"", 0, 0, 0)
        if not entry.value or self._core.store.get(entry.key) is None:
            known = self._known.pop(name, None)
            if known is not None:
                self._watcher.finish(known.prefix)
            return
        self._remember(name, entry)

    async def _accept(self, name: str, entry: Entry) -> Entry:
        others = [one.taken for other, one in self._known.items() if other != name]

        def accepted(definition: Obj) -> None:
            accept(definition, others, now=self._core.timestamp())

        return await self._changer.edit(DEFINITION, entry.key, accepted)

    async def _end(self, name: str, entry: Entry) -> Entry:
        """Delete the objects of a definition; without any, let it go."""
        known, prefix = self._known.get(name), rows.prefix(entry.obj)
        kind = known.rows[0] if known is not None and known.rows else None
        for one in self._core.store.list(prefix).entries if kind is not None else ():
            assert kind is not None
            await self._delete(kind, one)
        left = self._core.store.list(prefix, limit=1).entries

        def ended(definition: Obj) -> None:
            if left:
                set_condition(definition["status"], *IN_PROGRESS, now=self._core.timestamp())
                return
            meta = definition["metadata"]
            meta["finalizers"] = [one for one in meta.get("finalizers") or () if one != CLEANUP]

        return await self._changer.edit(DEFINITION, entry.key, ended)

    async def _delete(self, kind: Kind, entry: Entry) -> None:
        try:
            await self._deleter.remove(kind, entry.key, {}, user=SYSTEM)
        except NotFound:
            return  # somebody else was faster

    def _remember(self, name: str, entry: Entry) -> None:
        definition, before = entry.obj, self._known.get(name)
        meta, served = definition["metadata"], rows.established(definition)
        ending = bool(meta.get("deletionTimestamp"))
        form = f"{meta['uid']}/{sha256(orjson.dumps(definition['spec'])).hexdigest()}" if served else ""
        mark = f"{name}/{meta['uid']}/{meta.get('generation')}/{ending}" if served else ""
        made = before.rows if before is not None and before.mark == mark else tuple(rows.of_definition(definition))
        taken = Taken.of(definition)
        self._known[name] = Known(entry.revision, rows.prefix(definition), form, mark, taken,
                                  settled=taken.settled, ending=ending, rows=made)
        if before is not None and before.form != form:  # its end alone changes no object: watchers shall see theirs
            self._watcher.finish(before.prefix)

    def _publish(self) -> None:
        marks = "\n".join(sorted(one.mark for one in self._known.values() if one.mark))
        edition = sha256(marks.encode()).hexdigest() if marks else ""
        if edition != self._core.registry.edition:
            self._core.registry.replace(tuple(row for one in self._known.values() for row in one.rows), edition)


class _Named:
    """An entry and its object's name, which its key ends with."""

    __slots__ = ("entry", "obj_name")

    def __init__(self, entry: Entry) -> None:
        self.entry, self.obj_name = entry, entry.key.rpartition("/")[2]


def _definition_kind() -> Kind:
    found = kinds.by_resource("apiextensions.k8s.io", "v1", "customresourcedefinitions")
    assert found is not None
    return found


DEFINITION = _definition_kind()
PREFIX = DEFINITION.namespace_prefix("")
