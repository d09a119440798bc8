"""Keep the objects of flow control: make what every cluster starts with, and write what became of each schema.

Source: kube apiserver registry/flowcontrol/rest, ensurer; util/flowcontrol/apf_controller.go.
"""

from __future__ import annotations

import asyncio
from typing import Any

from knarr.api.errors import ApiError
from knarr.api.kinds import Kind
from knarr.apiserver.bootstrap import ensure
from knarr.apiserver.changes import Changer
from knarr.apiserver.creates import Creator
from knarr.apiserver.flowcontrol import conditions, defaults

GROUP = "flowcontrol.apiserver.k8s.io"


class Keeper:
    """The writer of these objects."""

    def __init__(self, creator: Creator, changer: Changer) -> None:
        self._creator, self._changer, self._core = creator, changer, creator.core

    async def begin(self) -> None:
        """Make what is missing of what every cluster starts with. Levels first: no schema leads nowhere meanwhile."""
        for objects in (defaults.levels(), defaults.schemas()):
            await self._ensure(objects)

    async def restore(self) -> None:
        """Make what must be there again, where somebody deleted it."""
        for objects in (defaults.levels(), defaults.schemas()):
            await self._ensure([obj for obj in objects if obj["metadata"]["name"] in defaults.MANDATORY])

    async def mark(self, name: str, wanted: dict[str, Any]) -> None:
        """Write a schema's condition, unless it says so already or the schema has gone."""
        kind = self._core.registry.by_resource(GROUP, "v1", "flowschemas")
        entry = self._core.store.get(kind.key("", name)) if kind is not None else None
        if kind is None or entry is None or not conditions.differs(entry.obj, wanted):
            return
        now = self._core.timestamp()
        try:
            await self._changer.edit(kind, kind.key("", name), lambda obj: conditions.put(obj, wanted, now))
        except ApiError:
            return  # deleted, or fought over, in this moment: its next change brings us here again

    async def _ensure(self, objects: list[dict[str, Any]]) -> None:
        missing = [obj for obj in objects if self._absent(obj)]
        async with asyncio.TaskGroup() as group:
            for obj in missing:
                group.create_task(ensure(self._creator, obj))

    def _absent(self, obj: dict[str, Any]) -> bool:
        plural = "flowschemas" if obj["kind"] == "FlowSchema" else "prioritylevelconfigurations"
        kind: Kind | None = self._core.registry.by_resource(GROUP, "v1", plural)
        assert kind is not None, plural
        return self._core.store.get(kind.key("", obj["metadata"]["name"])) is None
