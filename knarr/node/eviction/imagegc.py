"""Drop images that nobody uses when the disk fills: the longest unused first.

Those unused for longer than the machine's owner wants go in any case.
Source: kube kubelet/images/image_gc_manager.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from knarr.api.types.core_v1 import Pod
from knarr.base.clock import Clock
from knarr.node import podcontainers
from knarr.node.cri.face import ImageLine, Runtime, RuntimeFault
from knarr.node.eviction.thresholds import Level
from knarr.node.images import ImageFault, normalize
from knarr.node.rules import Images as Rules

log = structlog.get_logger()


class Stuck(Exception):
    """The disk is too full, and images could not help; the text is kubelet's."""


@dataclass(slots=True)
class ImageCollector:
    """Drops unused images of one runtime. pods: of this node; keep: the sandbox image."""

    runtime: Runtime
    clock: Clock
    pods: Callable[[], Iterable[Pod]]
    keep: str
    rules: Rules = field(default_factory=Rules)
    _used_s: dict[str, float] = field(default_factory=dict)     # image id -> when last seen in use, or first seen

    async def collect(self, disk: Level) -> int:
        """Drop what is too old, and what is needed to come below the low mark, once the disk is above the high one.

        Returns how many went. Raises Stuck where not enough could go.
        """
        old = 0
        if self.rules.most_s:
            old, _ = await self._drop(await self._unused(self.rules.most_s), None)
        in_use = disk.capacity - disk.available
        if disk.capacity <= 0 or 100 * in_use < self.rules.high * disk.capacity:
            return old
        wanted = in_use - disk.capacity * self.rules.low // 100
        count, freed = await self._drop(await self._unused(self.rules.least_s), wanted)
        if freed < wanted:
            raise Stuck(f"Failed to garbage collect required amount of images. Attempted to free {wanted} bytes, "
                        f"but only found {freed} bytes eligible to free.")
        return old + count

    async def free(self) -> int:
        """Drop all unused images; return how many went."""
        count, _ = await self._drop(await self._unused(self.rules.least_s), None)
        return count

    async def _drop(self, images: Iterable[ImageLine], wanted_bytes: int | None) -> tuple[int, int]:
        """Drop images until this much is free (None: all of them); return how many went, and what they held."""
        dropped, freed = 0, 0
        for image in images:
            if wanted_bytes is not None and freed >= wanted_bytes:
                break
            try:
                await self.runtime.remove_image(image.id)
            except RuntimeFault as fault:
                log.info("image.kept", image=image.id, error=str(fault))
                continue
            log.info("image.dropped", image=image.id, tags=image.tags, size_bytes=image.size_bytes)
            self._used_s.pop(image.id, None)
            dropped, freed = dropped + 1, freed + image.size_bytes
        return dropped, freed

    async def _unused(self, least_s: float) -> list[ImageLine]:
        """Return the images that nobody has used for so long, the longest unused first; pinned ones are always used."""
        now_s, images = self.clock.monotonic_s(), await self.runtime.list_images()
        wanted = named(self.pods()) | {self.keep}
        self._used_s = {image.id: self._used_s.get(image.id, now_s) for image in images}
        for image in images:
            if image.pinned or wanted & {image.id, *image.tags, *image.digests}:
                self._used_s[image.id] = now_s
        unused = [image for image in images if now_s - self._used_s[image.id] >= least_s]
        return sorted(unused, key=lambda image: self._used_s[image.id])


def named(pods: Iterable[Pod]) -> set[str]:
    """Return every name by which pods know images: what their specs ask for and what their statuses say they got."""
    names: set[str] = set()
    for pod in pods:
        shown = [volume.image.reference or "" for volume in pod.spec.volumes if volume.image is not None]
        for image in (*(container.image or "" for container in podcontainers.every(pod)), *shown):
            try:
                names.add(normalize(image))
            except ImageFault:
                continue        # nobody can have pulled it
        names |= {row.imageID for row in (*pod.status.containerStatuses, *pod.status.initContainerStatuses)}
    return names
