"""Keep the objects of flow control: make again what must be there, and write what became of each schema.

Source: kube apiserver registry/flowcontrol/rest, ensurer; util/flowcontrol/apf_controller.go.
"""

from __future__ import annotations

from typing import Any

from knarr.api.errors import ApiError
from knarr.apiserver.bootstrap import ensure
from knarr.apiserver.changes import Changer
from knarr.apiserver.creates import Creator
from knarr.apiserver.flowcontrol import conditions, defaults

GROUP = "flowcontrol.apiserver.k8s.io"


class Keeper:
    """The writer of these objects."""

    def __init__(self, creator: Creator, changer: Changer) -> None:
        self._creator, self._changer, self._core = creator, changer, creator.core

    async def restore(self) -> None:
        """Make what must be there again, where somebody deleted it."""
        for obj in (*defaults.levels(), *defaults.schemas()):
            if obj["metadata"]["name"] in defaults.MANDATORY:
                await ensure(self._creator, obj)

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
