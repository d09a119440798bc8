"""Remove the directories of local-path volumes that are given up, then let the volume go.

A volume that is being deleted keeps a finalizer until its directory is gone; which directory that is, and whether it is
this node's, one shared rule says (`api.volumes.directory_to_remove`). A crash in between only means doing it again.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import NoReturn

import structlog

from knarr.api import volumes
from knarr.api.errors import ApiError, NotFound
from knarr.api.types.core_v1 import PersistentVolume
from knarr.base.backoff import Backoff
from knarr.base.clock import Clock
from knarr.base.rng import Rng
from knarr.client.client import Client
from knarr.client.informer import Informer
from knarr.node.settings import Settings

RETRY = Backoff(first_s=1, factor=2, cap_s=60)

log = structlog.get_logger()


class Reclaim:
    """This node's part in deleting volumes."""

    def __init__(self, settings: Settings, client: Client, *, clock: Clock, rng: Rng) -> None:
        self._hostname = settings.labels.get(volumes.HOSTNAME, settings.node_name)
        self._client = client
        self._clock = clock
        self._informer = Informer(client, PersistentVolume, clock=clock, rng=rng)
        self._waiting: dict[str, PersistentVolume] = {}       # by name, the newest seen
        self._woken = asyncio.Event()

    async def run(self) -> NoReturn:
        """Follow the volumes and remove what is to be removed, until cancelled."""
        self._informer.on_change(self._see)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._informer.run())
            group.create_task(self._work())
        raise AssertionError("both tasks run for ever")

    def _see(self, _old: PersistentVolume | None, new: PersistentVolume | None) -> None:
        if new is not None and volumes.directory_to_remove(new, self._hostname):
            self._waiting[new.metadata.name or ""] = new
            self._woken.set()

    async def _work(self) -> NoReturn:
        failures = 0
        while True:
            await self._woken.wait()
            self._woken.clear()
            for name, volume in list(self._waiting.items()):
                if await self._removed(volume) and self._waiting.get(name) is volume:
                    del self._waiting[name]
            failures = failures + 1 if self._waiting else 0
            if self._waiting:
                await self._clock.sleep(RETRY.delay_s(failures - 1))
                self._woken.set()

    async def _removed(self, volume: PersistentVolume) -> bool:
        """Remove one directory and take the finalizer off; tell whether that is done."""
        meta = volume.metadata
        directory = Path(volumes.directory_to_remove(volume, self._hostname))
        kept = [one for one in meta.finalizers if one != volumes.LOCAL_PATH]
        try:
            await asyncio.to_thread(_remove, directory)
            await self._client.patch(PersistentVolume, "", meta.name or "", patch={
                "metadata": {"finalizers": kept, "resourceVersion": meta.resourceVersion}})
        except NotFound:
            return True
        except (ApiError, OSError) as error:
            log.warning("volume.reclaim", volume=meta.name, directory=str(directory), error=str(error))
            return False
        log.info("volume.reclaimed", volume=meta.name, directory=str(directory))
        return True


def _remove(directory: Path) -> None:
    """Remove a directory and all in it; links in it are removed, not followed. Gone already is fine."""
    try:
        shutil.rmtree(directory)
    except FileNotFoundError:
        return
