"""Look every ten seconds what is short; show it as a condition; let pods go until it is not. One pod at a time.

Pods that exceed their own limits of local storage go at once, whatever the machine has. When the disk is short, images
that nobody uses go first. Source: kube kubelet/eviction/eviction_manager.go (synchronize).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn

import structlog

from knarr.api.types.core_v1 import Pod
from knarr.base.clock import Clock
from knarr.node import cgroups
from knarr.node.cri.face import Runtime, RuntimeFault, Usage
from knarr.node.eviction import limits, rank, signals, thresholds
from knarr.node.eviction.imagegc import ImageCollector, Stuck
from knarr.node.eviction.rank import Used
from knarr.node.eviction.thresholds import Level
from knarr.node.podmachine.state import Evict
from knarr.node.rules import RESOURCES, Threshold
from knarr.node.settings import Settings
from knarr.node.staticpods.manifest import is_static
from knarr.node.worker import PodWorker

PERIOD_S: Final = 10.0         # Source: kube kubelet.go, evictionMonitoringPeriod
STUCK_EVERY_S: Final = 300.0   # Source: kube kubelet.go, ImageGCPeriod
HARD_GRACE_S: Final = 1.0      # Source: kube eviction_manager.go, immediateEvictionGracePeriodSeconds
DISK: Final = frozenset({"ephemeral-storage", "inodes"})

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Doors:
    """What the evictor reaches through. tell: records a warning about the node; levels: reads the machine."""

    workers: Callable[[], Iterable[PodWorker]]
    tell: Callable[[str, str], None]
    images: ImageCollector
    levels: Callable[[], Mapping[str, Level]]


@dataclass(slots=True)
class Evictor:
    """One node's keeper of the peace. `pressures` is what its conditions show."""

    settings: Settings
    runtime: Runtime
    clock: Clock
    doors: Doors
    _met_since: dict[Threshold, float] = field(default_factory=dict)
    _last_met: dict[str, float] = field(default_factory=dict)
    _stuck_s: float = float("-inf")     # when it was said last that images could not help

    @property
    def pressures(self) -> frozenset[str]:
        """Return the conditions that hold, or held a short while ago."""
        now_s, hold_s = self.clock.monotonic_s(), self.settings.rules.pressure_hold_s
        return frozenset(kind for kind, at_s in self._last_met.items() if now_s - at_s < hold_s)

    async def run(self) -> NoReturn:
        """Look for ever."""
        while True:
            await self.clock.sleep(PERIOD_S)
            try:
                await self.look()
            except (RuntimeFault, OSError) as fault:
                log.warning("eviction.look", error=str(fault))

    async def look(self) -> None:
        """Look once. Raises RuntimeFault and OSError where something cannot be read."""
        levels = self.doors.levels()
        await self._collect(levels["imagefs.available"])
        due = self._due(levels)
        living = [worker for worker in self.doors.workers() if worker.machine.ending is None and not worker.gone
                  and worker.machine.pod.status.phase not in ("Succeeded", "Failed")
                  and not is_static(worker.machine.pod)]      # nothing would bring it back
        limited = [worker for worker in living if limits.is_limited(worker.machine.pod)]
        if not due and not limited:
            return
        usages = await self.runtime.usage()
        for worker in limited:
            pod = worker.machine.pod
            used, volumes = await asyncio.to_thread(used_of, self.settings, pod, usages)
            why = limits.excess(pod, used, volumes)
            if why:
                worker.post(Evict(why, HARD_GRACE_S))
        if due:
            await self._relieve(due[0], levels[due[0].signal], living=living, usages=usages)

    async def _collect(self, disk: Level) -> None:
        """Let unused images go; where that does not help, an event of the node says so now and then."""
        try:
            await self.doors.images.collect(disk)
        except Stuck as fault:
            now_s = self.clock.monotonic_s()
            if now_s - self._stuck_s >= STUCK_EVERY_S:
                self._stuck_s = now_s
                self.doors.tell("FreeDiskSpaceFailed", str(fault))

    def _due(self, levels: Mapping[str, Level]) -> list[Threshold]:
        """Return the thresholds that have been crossed for long enough; note which conditions hold."""
        now_s = self.clock.monotonic_s()
        crossed = thresholds.met(self.settings.rules.thresholds, levels, self._met_since)
        self._met_since = {each: self._met_since.get(each, now_s) for each in crossed}
        for each in crossed:
            self._last_met[thresholds.condition(each)] = now_s
        return [each for each in crossed if now_s - self._met_since[each] >= each.grace_s]

    async def _relieve(self, threshold: Threshold, level: Level, *, living: list[PodWorker],
                       usages: tuple[Usage, ...]) -> None:
        resource = RESOURCES[threshold.signal]
        self.doors.tell("EvictionThresholdMet", f"Attempting to reclaim {resource}")
        log.warning("eviction.threshold", signal=threshold.signal, available=level.available)
        if resource in DISK and await self.doors.images.free():
            again = self.doors.levels()
            if threshold not in thresholds.met((threshold,), again, self._met_since):
                return
        going = any(worker.machine.ending is not None and worker.machine.ending.why == "evicted"
                    and not worker.machine.calm for worker in self.doors.workers())
        if going:
            return          # what it frees is not seen yet
        pods = {worker.uid: worker for worker in living if worker.machine.ending is None}
        used = {uid: (await asyncio.to_thread(used_of, self.settings, worker.machine.pod, usages))[0]
                for uid, worker in pods.items()}
        for pod in rank.victims([worker.machine.pod for worker in pods.values()], used, resource)[:1]:
            uid = pod.metadata.uid or ""
            pods[uid].post(Evict(rank.message(pod, threshold, level, used[uid]), self._grace_s(threshold, pod)))

    def _grace_s(self, threshold: Threshold, pod: Pod) -> float:
        """Return how long a pod has to end: its own grace where only a soft threshold is crossed, up to the bound."""
        if not threshold.soft:
            return HARD_GRACE_S
        own_s = pod.spec.terminationGracePeriodSeconds
        return max(HARD_GRACE_S, min(self.settings.rules.soft_grace_max_s, 30.0 if own_s is None else float(own_s)))


def used_of(settings: Settings, pod: Pod, usages: Iterable[Usage]) -> tuple[Used, dict[str, int]]:
    """Read what a pod uses: memory from the runtime, storage from its layers, logs and emptyDirs. Blocks."""
    logs, volumes = signals.log_bytes(settings, pod), signals.volume_bytes(settings, pod)
    rows: dict[str, dict[str, int]] = {name: {limits.STORAGE: size} for name, size in logs.items()}
    for each in usages:
        if each.pod_uid == pod.metadata.uid:
            row = rows.setdefault(each.name, {})
            row["memory"] = each.memory_working_set_bytes
            row[limits.STORAGE] = row.get(limits.STORAGE, 0) + each.layer_bytes
            row["inodes"] = each.layer_inodes
    on_disk = sum(size for name, size in volumes.items() if not in_memory(pod, name))
    total = {resource: sum(row.get(resource, 0) for row in rows.values())
             for resource in ("memory", limits.STORAGE, "inodes")}
    total[limits.STORAGE] += on_disk
    total["pids"] = cgroups.tasks(settings.group_of(pod), settings.cgroup_root)
    return Used(total, rows), volumes


def in_memory(pod: Pod, name: str) -> bool:
    """Tell whether an emptyDir lies in memory."""
    return any(each.name == name and each.emptyDir is not None and bool(each.emptyDir.medium)
               for each in pod.spec.volumes)
