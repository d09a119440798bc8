"""Look at everything this node runs at once: each pod's and container's groups, networks, files, and the machine.

One look answers every request of the next seconds; nothing is read while nobody asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from knarr.api.types.core_v1 import Pod
from knarr.base.clock import Clock
from knarr.base.times import seconds
from knarr.node import podcontainers
from knarr.node.cri.face import Runtime, Usage
from knarr.node.eviction import signals
from knarr.node.faces import Lookup
from knarr.node.server import groupfigures, hostusage, machinefigures
from knarr.node.server.groupfigures import Group
from knarr.node.server.hostusage import HostUsage
from knarr.node.server.machinefigures import Interface, Machine
from knarr.node.settings import Settings

KEPT_S: Final = 1.0  # for who asks in the same moment; a pod that has just come is seen by the next one


@dataclass(frozen=True, slots=True)
class ContainerFigures:
    """One running container, or a sandbox (name empty). path: of its group."""

    name: str
    id: str
    image: str
    path: str
    group: Group
    started_s: float
    usage: Usage | None = None
    log_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PodFigures:
    """One pod. group: None where it has none (any more). interfaces: none of one on the machine's own network."""

    pod: Pod
    path: str
    group: Group | None
    sandbox: ContainerFigures | None
    containers: tuple[ContainerFigures, ...]
    interfaces: tuple[Interface, ...]
    volume_bytes: Mapping[str, int]
    started_s: float


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen. at_s: when, wall seconds. root: the machine's own group; parent: that of all pods."""

    at_s: float
    host: HostUsage
    machine: Machine
    root: Group
    parent: Group
    pods: tuple[PodFigures, ...]
    usages: tuple[Usage, ...]


class Looker:
    """Looks where the last look is too old; who asks meanwhile gets the same one."""

    def __init__(self, settings: Settings, runtime: Runtime, lookup: Lookup, *, clock: Clock) -> None:
        self._settings, self._runtime, self._lookup, self._clock = settings, runtime, lookup, clock
        self._last: tuple[float, Look] | None = None
        self._looking = asyncio.Lock()

    async def look(self) -> Look:
        """Return a look at most `KEPT_S` old. Raises RuntimeFault, OSError."""
        async with self._looking:
            now_s = self._clock.monotonic_s()
            if self._last is None or now_s - self._last[0] > KEPT_S:
                usages = await self._runtime.usage()
                places = [_place(self._settings, self._lookup, pod) for pod in self._lookup.pods()]
                self._last = now_s, await asyncio.to_thread(
                    _read, self._settings, places, usages, at_s=self._clock.now_s())
            return self._last[1]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where to read a pod. containers: (name, id, image, since)."""

    pod: Pod
    path: str
    sandbox_id: str
    containers: tuple[tuple[str, str, str, float], ...]


def _place(settings: Settings, lookup: Lookup, pod: Pod) -> _Place:
    """Say where a pod's groups are. Asks the agent, so it runs on its loop."""
    meta, found = pod.metadata, []
    for row in podcontainers.statuses(pod):
        since = row.state.running.startedAt if row.state and row.state.running else None
        run = lookup.container(meta.namespace or "", meta.name or "", row.name)
        if since and run is not None and run.running:
            found.append((row.name, run.container_id, row.image or "", seconds(since)))
    return _Place(pod, settings.group_of(pod), lookup.sandbox_id(meta.namespace or "", meta.name or ""), tuple(found))


def _read(settings: Settings, places: Iterable[_Place], usages: tuple[Usage, ...], *, at_s: float) -> Look:
    """Read all files. Blocks."""
    root = settings.cgroup_root
    by_id = {usage.container_id: usage for usage in usages}
    host, machine = hostusage.read(), machinefigures.read(settings.data_dir)
    whole = replace(  # version 2 counts no memory of the whole
        groupfigures.read("/", root) or Group(), cpu_ns=host.cpu_ns, working_set_bytes=host.memory_working_set_bytes,
        memory_bytes=machine.memory_bytes - machine.memory_free_bytes)
    return Look(
        at_s, host, machine, whole, groupfigures.read(settings.cgroup_parent, root) or Group(),
        tuple(_pod(settings, place, by_id) for place in places), usages)


def _pod(settings: Settings, place: _Place, usages: Mapping[str, Usage]) -> PodFigures:
    pod, root = place.pod, settings.cgroup_root
    since = pod.status.startTime or pod.metadata.creationTimestamp
    started_s = seconds(since) if since else 0.0
    logs, containers = signals.log_bytes(settings, pod), []
    for name, container_id, image, running_s in place.containers:
        path = f"{place.path}/{container_id}"
        group = groupfigures.read(path, root)
        if group is not None:
            containers.append(ContainerFigures(
                name, container_id, image, path, group, running_s, usages.get(container_id), logs.get(name, 0)))
    path = f"{place.path}/{place.sandbox_id}"
    group = groupfigures.read(path, root) if place.sandbox_id else None
    sandbox = ContainerFigures(
        "", place.sandbox_id, settings.sandbox_image, path, group, started_s) if group is not None else None
    pid = groupfigures.first_pid(path, root) if sandbox and not pod.spec.hostNetwork else 0
    return PodFigures(
        pod, place.path, groupfigures.read(place.path, root), sandbox, tuple(containers),
        machinefigures.interfaces_of(pid) if pid else (), signals.volume_bytes(settings, pod), started_s)
