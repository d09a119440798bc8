"""Bring a container's image about as its pull policy asks, and tell the pod's events how.

Source of reasons and texts: kube images/image_manager.go.
"""

from __future__ import annotations

import asyncio
from functools import partial

from knarr.api.types.core_v1 import Container
from knarr.node.cri.face import ImageLine, RuntimeFault
from knarr.node.images import ImageFault
from knarr.node.registries import progress
from knarr.node.tools import Teller, Tools
from knarr.node.worker import PodWorker


class Obtain:
    """Brings images about, for several containers at once."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def image(self, worker: PodWorker, container: Container) -> ImageLine:
        """Find a container's image or pull it. Raises ImageFault with the container's waiting reason."""
        return await self._obtain(worker, container.name, container.image or "", container.imagePullPolicy)

    async def shown(self, worker: PodWorker, container: Container) -> dict[str, ImageLine]:
        """Find or pull the images that a container sees as volumes; return them by volume. Raises ImageFault."""
        mounted = {each.name for each in container.volumeMounts}
        return {volume.name: await self._obtain(
                    worker, container.name, volume.image.reference or "", volume.image.pullPolicy)
                for volume in worker.machine.pod.spec.volumes if volume.image is not None and volume.name in mounted}

    async def _obtain(self, worker: PodWorker, container: str, name: str, policy: str | None) -> ImageLine:
        pod, tell = worker.machine.pod, self._tools.teller(worker.machine.pod, container)
        found = await self._find(name, tell)
        if found is not None and policy != "Always" and await self._tools.registry.usable(pod, name, found):
            tell("Pulled", f'Container image "{name}" already present on machine and can be accessed by the pod')
            return found
        if policy == "Never":   # the same where it is here for others only: that it is here is not for everybody's ears
            message = f'Container image "{name}" is not present with pull policy of Never'
            tell("ErrImageNeverPull", message, "Warning")
            tell("Failed", "Error: ErrImageNeverPull", "Warning")
            raise ImageFault("ErrImageNeverPull", message)
        return await self._pull(worker, container, name)

    async def _find(self, name: str, tell: Teller) -> ImageLine | None:
        try:
            return await self._tools.images.find(name)
        except ImageFault as fault:
            tell("InspectFailed", str(fault), "Warning")
            tell("Failed", f"Error: {fault.reason}", "Warning")
            raise
        except RuntimeFault as fault:
            raise ImageFault("ImageInspectError", f'Failed to inspect image "{name}": {fault.details}') from fault

    async def _pull(self, worker: PodWorker, container: str, image: str) -> ImageLine:
        tell, clock = self._tools.teller(worker.machine.pod, container), self._tools.clock
        began_s = clock.monotonic_s()
        tell("Pulling", f'Pulling image "{image}"')
        worker.cancellable.add(container)
        try:
            async with progress.told(self._tools.runtime, image, clock=clock, say=partial(tell, "PullProgress")):
                fetched = await self._tools.registry.pull(worker.machine.pod, image)
        except ImageFault as fault:
            tell("Failed", f'Failed to pull image "{image}": {fault}', "Warning")
            tell("Failed", f"Error: {fault.reason}", "Warning")
            raise
        except asyncio.CancelledError:
            if container in worker.cancellable:       # the agent stops; else the pod no longer wants it
                raise
            raise ImageFault("ErrImagePull", "pull canceled") from None
        finally:
            worker.cancellable.discard(container)
        waited_s = clock.monotonic_s() - began_s
        tell("Pulled", f'Successfully pulled image "{image}" in {fetched.took_s:.3f}s '
                       f"({waited_s:.3f}s including waiting). Image size: {fetched.image.size_bytes} bytes.")
        return fetched.image
