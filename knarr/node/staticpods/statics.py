"""Run static pods: start what the files ask for, end what they no longer do, and keep their mirrors in the API.

A changed file is another pod: the old one ends first, with its own grace, then the new one begins. None of this waits
for the API; only the mirrors do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NoReturn

import structlog

from knarr.api.errors import ApiError, NotFound
from knarr.api.types.core_v1 import Pod
from knarr.base.backoff import Backoff
from knarr.base.clock import Clock
from knarr.base.inotify import DirectoryWatch
from knarr.client.client import Client
from knarr.node.adopt import NOTHING, Remains
from knarr.node.podmachine.machine import grace_s
from knarr.node.podmachine.state import PodChanged, PodGone
from knarr.node.settings import Settings
from knarr.node.staticpods import mirrors
from knarr.node.staticpods.folder import Folder
from knarr.node.staticpods.manifest import is_mirror
from knarr.node.status import OVER, TERMINAL
from knarr.node.worker import PodWorker

LOOK_S: Final = 20.0          # safety net beside inotify. Source: kubelet's fileCheckFrequency
RETRY: Final = Backoff(first_s=0.2, factor=2, cap_s=10)
Ref = tuple[str, str]

log = structlog.get_logger()


class StaticWorker(PodWorker):
    """A static pod's worker. Its status is written to the mirror, while there is one."""

    mirror: Pod | None = None

    @property
    def shown(self) -> Pod | None:
        """Return the object whose status tells of this pod."""
        return self.mirror

    def see(self, pod: Pod) -> None:
        """Take a newer state of the mirror; of its words only the status counts."""
        if self.mirror is not None and pod.metadata.uid == self.mirror.metadata.uid and version(pod) <= version(
                self.mirror):
            return
        self.mirror = pod
        self.post(PodChanged(mirrors.as_shown(self.machine.pod, pod)))


def step_of(worker: StaticWorker | None, shown: Pod | None) -> mirrors.Step:
    """Return what the API needs; a mirror that shows an end of long ago is made anew: none goes back from there."""
    step = mirrors.step(worker.machine.pod if worker is not None else None, shown)
    lives = worker is not None and worker.machine.refusal is None and worker.machine.phase not in OVER
    stale = step == "" and lives and shown is not None and is_mirror(shown) and shown.status.phase in TERMINAL
    return "delete" if stale else step


def version(pod: Pod) -> int:
    """Return a pod's resourceVersion as a number."""
    return int(pod.metadata.resourceVersion or 0)


class StaticPods:
    """All static pods of this node, by namespace and name."""

    def __init__(self, settings: Settings, client: Client, clock: Clock, *,
                 start: Callable[[Pod, Remains], Awaitable[StaticWorker]], tell: Callable[[str, str], None],
                 shown: Callable[[], Mapping[Ref, Pod]]) -> None:
        """start: have a worker for a pod, which may run already. tell: record a warning about the node.

        shown: the API's pods of this node.
        """
        self._folder = Folder(settings.manifests_dir, settings.node_name)
        self._client = client
        self._clock = clock
        self._start = start
        self._tell = tell
        self._shown = shown
        self._told: dict[str, str] = {}
        self._wake = asyncio.Event()            # a worker is gone
        self._news = asyncio.Event()            # a mirror may have to change
        self.workers: dict[Ref, StaticWorker] = {}

    def pod(self, namespace: str, name: str) -> Pod | None:
        """Return a static pod by name."""
        worker = self.workers.get((namespace, name))
        return worker.machine.pod if worker is not None else None

    async def look(self, left: Mapping[str, Remains]) -> None:
        """Read the files; start and end what has changed. left: what the runtime holds, by uid."""
        try:
            pods = await asyncio.to_thread(self._folder.read)
        except OSError as error:
            log.warning("manifests.unread", error=str(error))
            return
        self._tell_faults()
        wanted = {(pod.metadata.namespace or "", pod.metadata.name or ""): pod for pod in pods}
        for ref, worker in self.workers.items():
            pod = wanted.get(ref)
            if (pod is None or pod.metadata.uid != worker.uid) and not worker.machine.gone:
                worker.post(PodGone(grace_s(worker.machine.pod)))
        for ref, pod in wanted.items():
            if ref not in self.workers:         # else the one before it still ends
                self.workers[ref] = await self._start(pod, left.get(pod.metadata.uid or "", NOTHING))
        self._news.set()

    def _tell_faults(self) -> None:
        for name, why in self._folder.faults.items():
            if self._told.get(name) != why:
                log.warning("manifest.bad", file=name, error=why)
                self._tell("InvalidManifest", f"{self._folder.path / name}: {why}")
        self._told = dict(self._folder.faults)

    async def run(self) -> None:
        """Follow the files and the mirrors until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_files())
            group.create_task(self._heed())
            group.create_task(self._keep_mirrors())

    async def _follow_files(self) -> NoReturn:
        """Wake at every change of the directory, by the kernel or by the clock."""
        while True:
            try:
                with DirectoryWatch(self._folder.path) as watch:
                    while True:
                        await watch.changes(LOOK_S)
                        self._wake.set()
            except OSError as error:            # no more watches to be had, or the directory is gone
                log.warning("manifests.unwatched", error=str(error))
                await self._clock.sleep(LOOK_S)
                self._wake.set()

    async def _heed(self) -> NoReturn:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.look({})

    def see(self, old: Pod | None, new: Pod | None) -> bool:
        """Take a change of a mirror; False where it is none."""
        pod = new or old
        if pod is None or not is_mirror(pod):
            return False
        worker = self.workers.get((pod.metadata.namespace or "", pod.metadata.name or ""))
        if worker is not None:
            if new is None:
                worker.mirror = None
            elif step_of(worker, new) == "" and is_mirror(new):
                worker.see(new)
        self._news.set()
        return True

    def ended(self, worker: PodWorker) -> None:
        """A worker is gone: its successor may start, its mirror goes."""
        meta = worker.machine.pod.metadata
        if self.workers.get((meta.namespace or "", meta.name or "")) is worker:
            del self.workers[meta.namespace or "", meta.name or ""]
            self._wake.set()
            self._news.set()

    async def _keep_mirrors(self) -> NoReturn:
        """Bring the API in line after every change; what it refuses is tried again."""
        failures = 0
        while True:
            await self._news.wait()
            self._news.clear()
            if await self._reconcile():
                failures = 0
                continue
            await self._client.reach.pause(RETRY.delay_s(failures), self._clock)
            failures += 1
            self._news.set()

    async def _reconcile(self) -> bool:
        """Take one step for every pod that needs one; tell whether none failed."""
        shown, well = dict(self._shown()), True
        mirrored = {ref for ref, pod in shown.items() if is_mirror(pod)}
        for ref in sorted(self.workers.keys() | mirrored):
            worker, there = self.workers.get(ref), shown.get(ref)
            static = worker.machine.pod if worker is not None else None
            step = step_of(worker, there)
            if worker is not None and there is not None and step == "" and is_mirror(there):
                worker.see(there)
            try:
                if step == "create" and static is not None:
                    await mirrors.create(self._client, static)
                elif step == "delete" and there is not None:
                    await mirrors.delete(self._client, there)
            except NotFound as fault:           # it is gone, or the namespace or the Node is not there yet
                well = well and step == "delete"
                log.info("mirror.retry", pod=ref, error=str(fault))
            except (ApiError, OSError) as fault:
                well = False
                log.warning("mirror.retry", pod=ref, error=str(fault))
        return well
