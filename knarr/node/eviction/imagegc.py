"""Drop images that nobody uses when the disk fills: the longest unused first.

Source: kube kubelet/images/image_gc_manager.go (thresholds 85 and 80 per cent, minimum age two minutes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import structlog

from knarr.api.types.core_v1 import Pod
from knarr.base.clock import Clock
from knarr.node import podcontainers
from knarr.node.cri.face import ImageLine, Runtime, RuntimeFault
from knarr.node.eviction.thresholds import Level
from knarr.node.images import ImageFault, normalize

HIGH, LOW = 0.85, 0.80      # of the disk in use: above the one, images go until it is below the other
AGE_MIN_S: Final = 120.0    # an image just pulled is about to be used

log = structlog.get_logger()


@dataclass(slots=True)
class ImageCollector:
    """Drops unused images of one runtime. pods: of this node; keep: the sandbox image."""

    runtime: Runtime
    clock: Clock
    pods: Callable[[], Iterable[Pod]]
    keep: str
    _used_s: dict[str, float] = field(default_factory=dict)     # image id -> when last seen in use, or first seen

    async def collect(self, disk: Level) -> int:
        """Drop what is needed to come below the low mark, once the disk is above the high one; return how many."""
        in_use = disk.capacity - disk.available
        if disk.capacity <= 0 or in_use < HIGH * disk.capacity:
            return 0
        return await self.free(int(in_use - LOW * disk.capacity))

    async def free(self, wanted_bytes: int | None = None) -> int:
        """Drop unused images until this much is free (None: all of them); return how many went."""
        dropped, freed = 0, 0
        for image in await self._unused():
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
        return dropped

    async def _unused(self) -> list[ImageLine]:
        now_s, images = self.clock.monotonic_s(), await self.runtime.list_images()
        wanted = named(self.pods()) | {self.keep}
        self._used_s = {image.id: self._used_s.get(image.id, now_s) for image in images}
        for image in images:
            if wanted & {image.id, *image.tags, *image.digests}:
                self._used_s[image.id] = now_s
        unused = [image for image in images if now_s - self._used_s[image.id] >= AGE_MIN_S]
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
