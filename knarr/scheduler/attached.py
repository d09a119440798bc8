"""Keep in the frame how many volumes each node takes of a driver, and what is attached to it already.

What a node's pods bring stands in the pods' own needs; attachments tell of volumes that are still coming off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from knarr.api.types import core_v1, storage_v1
from knarr.client.informers import Informers
from knarr.scheduler.frame import Frame
from knarr.scheduler.needs import Attached


class Attachments:
    """Follows CSINodes and VolumeAttachments. changed: called when another pod may fit for it."""

    def __init__(self, informers: Informers, frame: Frame, *, changed: Callable[[], None]) -> None:
        self._frame, self._changed = frame, changed
        self._nodes = informers.of(storage_v1.CSINode)
        self._attachments = informers.of(storage_v1.VolumeAttachment)
        self._volumes = informers.of(core_v1.PersistentVolume)
        self._held: dict[str, dict[str, Attached]] = {}  # by node, by name of the attachment

    def listen(self) -> None:
        """Start to follow the informers."""
        self._nodes.on_change(self._node)
        self._attachments.on_change(self._attachment)

    async def wait_synced(self) -> None:
        """Wait until the first lists are in."""
        for one in (self._nodes, self._attachments):
            await one.wait_synced()

    def _node(self, old: storage_v1.CSINode | None, new: storage_v1.CSINode | None) -> None:
        found = new or old
        assert found is not None
        limits = _limits(new) if new is not None else {}
        if limits:
            self._frame.volumes_max[found.metadata.name or ""] = limits
        else:
            self._frame.volumes_max.pop(found.metadata.name or "", None)
        self._changed()

    def _attachment(
        self, old: storage_v1.VolumeAttachment | None, new: storage_v1.VolumeAttachment | None,
    ) -> None:
        found = new or old
        assert found is not None
        node, name = found.spec.nodeName, found.metadata.name or ""
        held = self._held.setdefault(node, {})
        if new is not None:
            held[name] = (new.spec.attacher, self._volume(new))
        else:
            held.pop(name, None)
        self._frame.attached[node] = frozenset(held.values())
        if not held:
            del self._held[node], self._frame.attached[node]
        if new is None:
            self._changed()

    def _volume(self, found: storage_v1.VolumeAttachment) -> str:
        """Name the volume as pods' needs do, by its claim; by its own name where it has none."""
        name = found.spec.source.persistentVolumeName or ""
        volume = self._volumes.get("", name)
        ref = volume.spec.claimRef if volume is not None else None
        return f"{ref.namespace}/{ref.name}" if ref is not None else name


def _limits(found: storage_v1.CSINode) -> Mapping[str, int]:
    return {
        driver.name: driver.allocatable.count for driver in found.spec.drivers
        if driver.allocatable is not None and driver.allocatable.count is not None
    }
