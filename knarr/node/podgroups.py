"""Bound every pod as a whole, and share processors fairly between the classes of service.

    <parent>                 Guaranteed pods directly below
    <parent>/burstable       cpu by what its pods ask for, all together
    <parent>/besteffort      the least share
    …/pod<uid>               cpu by the pod's requests; quota and memory where every container has a limit

The runtime makes the containers' groups inside, and whatever else of the tree is missing. Where the kernel has no
control groups to offer (`root` is empty), nothing is done.
Source: kube cm/helpers_linux.go (ResourceConfigForPod), cm/qos_container_manager_linux.go; cgroup v2 weights: KEP-2254.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from knarr.api import podresources
from knarr.api.types.core_v1 import Pod
from knarr.node.cgroups import QOS_DIRS, ROOT, pod_parent
from knarr.node.specs import QUOTA_MIN_US, QUOTA_PERIOD_US, SHARES_MIN, SHARES_PER_CPU

SHARES_MAX: Final = 262_144      # Source: linux kernel/sched/core.c, MAX_SHARES
WEIGHT_MAX: Final = 10_000       # Source: linux cgroup-v2.rst, cpu.weight
CONTROLLERS: Final = ("cpu", "memory")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a group may use. 0: no bound (shares: the least)."""

    cpu_shares: int = SHARES_MIN
    cpu_quota_us: int = 0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PodGroups:
    """The groups below one parent. root: where the hierarchies are mounted."""

    parent: str
    root: Path = ROOT

    def prepare(self) -> None:
        """Make the classes' groups. Raises OSError."""
        self.bound(f"{self.parent}{QOS_DIRS['BestEffort']}", Bounds())
        self.bound(f"{self.parent}{QOS_DIRS['Burstable']}", Bounds())

    def share(self, pods: Iterable[Pod]) -> None:
        """Give the burstable class what its pods ask for, all together. Raises OSError."""
        asked = sum(bounds(pod).cpu_shares for pod in pods if pod.status.qosClass == "Burstable")
        self.bound(f"{self.parent}{QOS_DIRS['Burstable']}", Bounds(min(max(asked, SHARES_MIN), SHARES_MAX)))

    def place(self, pod: Pod, *, widen: bool = False) -> None:
        """Make or change a pod's group. widen: only upwards, before its containers grow. Raises OSError.

        What asks for nothing needs no bounds of its own: its class has the least share already.
        """
        qos = pod.status.qosClass or "BestEffort"
        if qos != "BestEffort":
            self.bound(pod_parent(self.parent, qos, pod.metadata.uid or ""), bounds(pod), widen=widen)

    def bound(self, group: str, most: Bounds, *, widen: bool = False) -> None:
        """Write a group's bounds, making it first. Raises OSError."""
        unified = (self.root / "cgroup.controllers").exists()
        for controller in CONTROLLERS:
            top = self.root if unified else self.root / controller
            if not top.is_dir():
                continue
            folder = top / group.lstrip("/")
            if unified:
                enable(top, group)
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in (unified_files if unified else split_files)(controller, most):
                if not widen or not tighter(text, (folder / name).read_text()):
                    (folder / name).write_text(text)


def bounds(pod: Pod) -> Bounds:
    """Return a pod's bounds. Pure. A limit holds for the pod only where every container, or the pod itself, has one."""
    spec = msgspec.to_builtins(pod.spec)
    requests, limits = podresources.total(spec, "requests"), podresources.total(spec, "limits")
    every = [one.resources.limits if one.resources else {} for one in (*pod.spec.containers, *pod.spec.initContainers)]
    whole = pod.spec.resources.limits if pod.spec.resources else {}
    held = {name for name in ("cpu", "memory") if name in whole or all(name in one for one in every)}
    cpu_milli = requests["cpu"].milli if "cpu" in requests else limits["cpu"].milli if "cpu" in limits else 0
    quota_us = limits["cpu"].milli * QUOTA_PERIOD_US // 1000 if "cpu" in held else 0
    return Bounds(
        cpu_shares=min(max(SHARES_MIN, cpu_milli * SHARES_PER_CPU // 1000), SHARES_MAX),
        cpu_quota_us=max(QUOTA_MIN_US, quota_us) if quota_us else 0,
        memory_bytes=limits["memory"].value if "memory" in held else 0,
    )


def split_files(controller: str, most: Bounds) -> Iterator[tuple[str, str]]:
    """Yield file and text as version 1 has them. Pure."""
    if controller == "memory":
        yield "memory.limit_in_bytes", str(most.memory_bytes or -1)
        return
    yield "cpu.shares", str(most.cpu_shares)
    yield "cpu.cfs_quota_us", str(most.cpu_quota_us or -1)


def unified_files(controller: str, most: Bounds) -> Iterator[tuple[str, str]]:
    """Yield file and text as version 2 has them. Pure."""
    if controller == "memory":
        yield "memory.max", str(most.memory_bytes or "max")
        return
    yield "cpu.weight", str(1 + (most.cpu_shares - SHARES_MIN) * (WEIGHT_MAX - 1) // (SHARES_MAX - SHARES_MIN))
    yield "cpu.max", f"{most.cpu_quota_us or 'max'} {QUOTA_PERIOD_US}"


def tighter(new: str, old: str) -> bool:
    """Tell whether a bound allows less than another. Pure."""
    return amount(new) < amount(old)


def amount(text: str) -> float:
    """Read a bound: `max` and -1 are none."""
    word = (text.split() or ["max"])[0]
    return float("inf") if word in ("max", "-1") else float(word)


def enable(top: Path, group: str) -> None:
    """Let the controllers act in all groups on the way to a group of version 2, each made first."""
    folder = top
    for part in group.strip("/").split("/"):
        folder.mkdir(exist_ok=True)
        there = (folder / "cgroup.controllers").read_text().split()
        (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in CONTROLLERS if name in there))
        folder = folder / part
