"""Set up, refresh and tear down the volumes of this node's pods.

    <pod dir>/volumes/<plugin>/<volume>              what containers see; of secrets a link (`inmemory`)
    <pod dir>/volume-subpaths/<volume>/<container>/<n>   binds for subPath

Contents made of API objects are written at once (`atomic`) and again when an object changes or a token nears its end:
woken by events and one timer, never by polling. Nothing here needs to be remembered across a restart of the agent: the
directories and mounts are the memory; `set_up` of a running pod finds them right and begins to refresh them again.
Source: kube kubelet/volumemanager.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from knarr.api.types.core_v1 import ConfigMap, Container, Pod, Secret, Volume
from knarr.api.volumes import claim_name
from knarr.base.clock import Clock
from knarr.base.rng import Rng
from knarr.client.client import Client
from knarr.node.faces import ConfigError, Device, Layers, Mount, MountError, NodeFacts, References
from knarr.node.settings import Settings
from knarr.node.volumes import atomic, disks, inmemory, mounts, subpath, tokens
from knarr.node.volumes.csi.contents import Source, of_inline
from knarr.node.volumes.csi.grow import Growth
from knarr.node.volumes.csi.registry import Registry
from knarr.node.volumes.csi.volumes import CsiVolumes
from knarr.node.volumes.hostpath import HostPathError
from knarr.node.volumes.mountlist import is_api_content, mount_of, mounted_names, sub_path_of
from knarr.node.volumes.nfs import Export
from knarr.node.volumes.payload import ContentError, Sources, TokenKey, files_of, needs
from knarr.node.volumes.reclaim import Reclaim
from knarr.node.volumes.sources import APPEAR_S, NotSynced, Watched, env_references

RETRY_S: Final = 10.0         # a refresh that failed: the API is away, or the object is incomplete for now
TIMER_S_MAX: Final = 3600.0
SUB_PATHS: Final = "volume-subpaths"

log = structlog.get_logger()


class Volumes:
    """All volumes on this node. `run` must be running for references to be read and contents refreshed.

    facts: what downwardAPI files may read of the node.
    """

    def __init__(self, settings: Settings, client: Client, clock: Clock, *, facts: NodeFacts | None = None) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._facts = facts if facts is not None else machine_facts(settings)
        rng = Rng.from_machine().child("volumes")
        self._watched = Watched(client, clock=clock, rng=rng, on_change=self._touch)
        self._reclaim = Reclaim(settings, client, clock=clock, rng=rng.child("reclaim"))
        self._drivers = Registry(settings.plugins_dir, settings.node_name, client, clock=clock)
        self._csi = CsiVolumes(settings, client, clock, self._drivers)
        self._growth = Growth(settings, client, clock, self._drivers)
        self._pods: dict[str, Pod] = {}                                  # those set up and not torn down
        self._tokens: dict[str, dict[TokenKey, tokens.Token]] = {}       # by pod uid
        self._claims: dict[str, dict[str, disks.Behind]] = {}          # by pod uid and volume
        self._locks: dict[str, asyncio.Lock] = {}
        self._dirty: dict[str, float] = {}                               # pod uid -> not before, monotonic
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Follow what pods name, refresh what was made of it, remove what volumes leave behind, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._reclaim.run(), name="volume reclaim")
            group.create_task(self._watched.run(), name="volume sources")
            group.create_task(self._refresh(), name="volume refresh")
            group.create_task(self._drivers.run(), name="CSI drivers")
            group.create_task(self._csi.run(), name="CSI volumes")
            group.create_task(self._growth.run(), name="CSI growth")

    async def references(self, pod: Pod) -> References:
        """Read the config maps and secrets that the pod's environment names. Raises ConfigError."""
        try:
            return await env_references(self._watched, pod)
        except NotSynced as error:
            raise ConfigError(str(error)) from error

    async def set_up(self, pod: Pod) -> None:
        """Make every volume that a container mounts. Raises MountError.

        Idempotent; a newer pod refreshes its downwardAPI files. After a restart of the agent call it once for every
        pod that runs, so that its contents are followed again.
        """
        uid = pod.metadata.uid or ""
        async with self._locks.setdefault(uid, asyncio.Lock()):
            used = mounted_names(pod)
            volumes = [volume for volume in pod.spec.volumes if volume.name in used]
            if volumes:
                self._settings.pod_dir(uid).mkdir(parents=True, exist_ok=True, mode=0o750)
                await self._write_contents(pod, volumes)
            for volume in volumes:
                await self._set_up_disk(pod, volume)
            self._pods[uid] = pod

    async def show(self, pod: Pod, volume: str, layers: Layers) -> None:
        """Let an image volume show its image. Idempotent. Raises OSError."""
        async with self._locks.setdefault(pod.metadata.uid or "", asyncio.Lock()):
            where = next(self.place(pod, each) for each in pod.spec.volumes if each.name == volume)
            if where not in mounts.below(where):
                mounts.image(layers, where)

    def see(self, pod: Pod) -> None:
        """Take a newer object of a pod whose volumes stand: files that tell of it are written again if it changed."""
        uid = pod.metadata.uid or ""
        old = self._pods.get(uid)
        if old is None:
            return
        self._pods[uid] = pod
        if any(map(tells_of_the_pod, pod.spec.volumes)) and told(old) != told(pod):
            self._touch([uid])

    async def mounts(self, pod: Pod, container: Container, *, env: Mapping[str, str]) -> tuple[Mount, ...]:
        """Return what a container mounts, after `set_up`. env: for subPathExpr. Raises ConfigError."""
        found: list[Mount] = []
        by_name = {volume.name: volume for volume in pod.spec.volumes}
        for number, wanted in enumerate(container.volumeMounts):
            volume = by_name.get(wanted.name)
            if volume is None:
                raise ConfigError(f'cannot find volume "{wanted.name}" to mount into container "{container.name}"')
            try:
                source = await self._place(pod, volume)
                inside = sub_path_of(wanted, env)
                if inside:
                    where = self._sub_path_dir(pod) / volume.name / container.name / str(number)
                    subpath.bind(source, inside, where)
                    source = where
            except (ContentError, disks.ClaimError, subpath.SubPathError, OSError) as error:
                log.warning("volume.subpath", pod=pod.metadata.name, volume=volume.name, error=str(error))
                raise ConfigError(f'failed to prepare subPath for volumeMount "{wanted.name}" of container '
                                  f'"{container.name}"') from error
            try:
                found.append(mount_of(wanted, volume, source))
            except ContentError as error:
                raise ConfigError(str(error)) from error
        return tuple(found)

    async def devices(self, pod: Pod, container: Container) -> tuple[Device, ...]:
        """Return the raw devices that a container uses, after `set_up`. Raises ConfigError."""
        by_name = {volume.name: volume for volume in pod.spec.volumes}
        try:
            return tuple([Device(wanted.devicePath, str(await self._place(pod, by_name[wanted.name])))
                          for wanted in container.volumeDevices])
        except (disks.ClaimError, KeyError) as error:
            raise ConfigError(f'cannot find the devices of container "{container.name}": {error}') from error

    async def tear_down(self, pod_uid: str) -> None:
        """Unmount and remove everything of a pod. Idempotent. Raises MountError where a mount stays."""
        async with self._locks.setdefault(pod_uid, asyncio.Lock()):
            self._watched.release(pod_uid)
            self._pods.pop(pod_uid, None)
            self._tokens.pop(pod_uid, None)
            self._claims.pop(pod_uid, None)
            self._dirty.pop(pod_uid, None)
            try:
                await asyncio.to_thread(mounts.unmount_below, self._settings.pod_dir(pod_uid) / SUB_PATHS)
                await self._csi.tear_down(pod_uid)
                await asyncio.to_thread(self._remove, pod_uid)
            except OSError as error:
                raise MountError(f"UnmountVolume.TearDown failed for pod {pod_uid} : {error}") from error
        self._locks.pop(pod_uid, None)

    def _remove(self, uid: str) -> None:
        inmemory.remove(self._settings, uid)     # first: the pod's own directory tells that something is left
        remove(self._settings.pod_dir(uid))

    def known(self) -> tuple[str, ...]:
        """Return the uids that have a directory, whether their pod is known or not."""
        try:
            return tuple(sorted(os.listdir(self._settings.pods_dir)))
        except FileNotFoundError:
            return ()

    def place(self, pod: Pod, volume: Volume) -> Path:
        """Return where a volume of the pod's own directory stands."""
        plugin = disks.plugin_name(volume)
        return self._settings.pod_dir(pod.metadata.uid or "") / "volumes" / plugin / volume.name

    def _sub_path_dir(self, pod: Pod) -> Path:
        return self._settings.pod_dir(pod.metadata.uid or "") / SUB_PATHS

    async def _place(self, pod: Pod, volume: Volume) -> Path:
        """Return the directory (or file) behind a volume, wherever it is."""
        if volume.hostPath is not None:
            return Path(volume.hostPath.path)
        if volume.csi is not None:
            return self._csi.place(pod, of_inline(pod, volume))
        if claim_name(pod, volume):
            claimed = await self._claimed(pod, volume)
            if isinstance(claimed, Source):
                return self._csi.place(pod, claimed)
            return claimed.path if isinstance(claimed, disks.Claimed) else self.place(pod, volume)
        where = self.place(pod, volume)
        return where.resolve() if disks.is_sensitive(volume) else where

    async def _claimed(self, pod: Pod, volume: Volume) -> disks.Behind:
        """Return what a claim led to when it was first followed: containers must restart while the API is away."""
        kept = self._claims.setdefault(pod.metadata.uid or "", {})
        if volume.name not in kept:
            kept[volume.name] = await disks.claimed(self._client, pod, volume)
        return kept[volume.name]

    async def _set_up_disk(self, pod: Pod, volume: Volume) -> None:
        try:
            claimed = await self._claimed(pod, volume) if claim_name(pod, volume) else None
            if volume.csi is not None:
                claimed = of_inline(pod, volume)
            elif volume.nfs is not None:
                claimed = Export(volume.nfs.server, volume.nfs.path, bool(volume.nfs.readOnly))
            if isinstance(claimed, Source):
                name = claim_name(pod, volume)
                await self._csi.set_up(pod, claimed, claim=f"{pod.metadata.namespace}/{name}" if name else "")
                return
            await disks.set_up(pod, volume, where=self.place(pod, volume), claimed=claimed)
        except (disks.ClaimError, HostPathError, ContentError, OSError) as error:
            raise MountError(disks.failure(volume, error)) from error

    async def _write_contents(self, pod: Pod, volumes: Iterable[Volume]) -> None:
        """Write the files of every volume that is made of API objects. Raises MountError."""
        made = [volume for volume in volumes if is_api_content(volume)]
        if not made:
            return
        uid, group = pod.metadata.uid or "", disks.fs_group(pod)
        for volume in made:
            try:
                files = files_of(pod, volume, await self._sources(pod, volume))
                assert files is not None, f"{volume.name} is made of API objects"
                where = self.place(pod, volume)
                self._make_content_dir(volume, where, uid)
                atomic.write(where, files, now_s=self._clock.now_s(), group=group)
            except (ContentError, NotSynced, ValueError, OSError) as error:
                raise MountError(disks.failure(volume, error)) from error
        self._arm(uid)

    def _make_content_dir(self, volume: Volume, where: Path, uid: str) -> None:
        if disks.is_sensitive(volume):
            inmemory.make(self._settings, where, uid)
        else:
            where.mkdir(parents=True, exist_ok=True)
            os.chmod(where, 0o777)

    async def _sources(self, pod: Pod, volume: Volume) -> Sources:
        """Read what a volume is made of; what is named for the first time in a new namespace is waited for."""
        wanted = needs((volume,))
        appear_s = 0.0 if (pod.metadata.uid or "") in self._pods else APPEAR_S
        maps = {name: await self._watched.get(ConfigMap, pod, name, appear_s=appear_s) for name in wanted.config_maps}
        secrets = {name: await self._watched.get(Secret, pod, name, appear_s=appear_s) for name in wanted.secrets}
        texts = {key: await self._token(pod, volume, key) for key in wanted.tokens}
        return Sources(maps, secrets, texts, self._facts)

    async def _token(self, pod: Pod, volume: Volume, key: TokenKey) -> str:
        """Return a token that still has time: the one in memory, the one in the file, or a new one."""
        kept = self._tokens.setdefault(pod.metadata.uid or "", {})
        token = kept.get(key) or disks.token_in_file(self.place(pod, volume), volume, key)
        if token is None or token.renew_s <= self._clock.now_s():
            try:
                token = await tokens.request(self._client, pod, key)
            except ContentError:
                if token is None:
                    raise
                log.warning("volume.token", pod=pod.metadata.name, kept_until_s=token.renew_s)
                return token.text        # old, but not yet over; `_refresh` tries again
        kept[key] = token
        return token.text

    def _touch(self, uids: Iterable[str]) -> None:
        """Note pods to refresh, now."""
        now_s = self._clock.monotonic_s()
        for uid in uids:
            if uid in self._pods:
                self._dirty[uid] = now_s
        self._woken.set()

    def _arm(self, uid: str) -> None:
        """Note when the pod's first token must be renewed."""
        held = self._tokens.get(uid)
        if held:
            wait_s = max(RETRY_S, min(token.renew_s for token in held.values()) - self._clock.now_s())
            self._dirty[uid] = self._clock.monotonic_s() + wait_s
            self._woken.set()

    async def _refresh(self) -> None:
        while True:
            self._woken.clear()
            now_s = self._clock.monotonic_s()
            for uid in [uid for uid, due_s in self._dirty.items() if due_s <= now_s]:
                del self._dirty[uid]
                await self._refresh_pod(uid)
            now_s = self._clock.monotonic_s()
            wait_s = min((due_s - now_s for due_s in self._dirty.values()), default=TIMER_S_MAX)
            try:
                async with asyncio.timeout(max(0.0, min(wait_s, TIMER_S_MAX))):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _refresh_pod(self, uid: str) -> None:
        pod, lock = self._pods.get(uid), self._locks.get(uid)
        if pod is None or lock is None:
            return
        async with lock:
            if uid not in self._pods:
                return                   # torn down while we waited
            used = mounted_names(pod)
            try:
                await self._write_contents(pod, [volume for volume in pod.spec.volumes if volume.name in used])
            except MountError as error:
                log.warning("volume.refresh", pod=pod.metadata.name, error=str(error))
                self._dirty[uid] = self._clock.monotonic_s() + RETRY_S


def tells_of_the_pod(volume: Volume) -> bool:
    """Tell whether a volume holds files about its own pod."""
    sources = volume.projected.sources if volume.projected is not None else ()
    return volume.downwardAPI is not None or any(one.downwardAPI is not None for one in sources)


def told(pod: Pod) -> tuple[Any, ...]:
    """Return what files may tell of a pod and what may change while it runs."""
    resources = [one.resources for one in (*pod.spec.initContainers, *pod.spec.containers)]
    return pod.metadata.labels, pod.metadata.annotations, resources


def remove(directory: Path) -> None:
    """Unmount what is mounted below a directory, then remove it. Never removes through a mount."""
    if not directory.exists():
        return
    mounts.unmount_below(directory)
    shutil.rmtree(directory)


def machine_facts(settings: Settings) -> NodeFacts:
    """Return the whole machine as what the node can give."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return NodeFacts(settings.node_name, settings.node_ip, (os.cpu_count() or 1) * 1000, memory_bytes)
