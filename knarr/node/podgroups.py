"""Bound every pod as a whole, and share processors fairly between the classes of service.

    <parent>                 Guaranteed pods directly below; all that pods may use where something is reserved
    <parent>/burstable       cpu by what its pods ask for, all together
    <parent>/besteffort      the least share
    …/pod<uid>               cpu by the pod's requests; quota and memory where every container has a limit; tasks, and
                             huge pages, of which none is what none asks for

The runtime makes the containers' groups inside, and whatever else of the tree is missing. Where the kernel has no
control groups to offer (`root` is empty), nothing is done.
Source: kube cm/helpers_linux.go (ResourceConfigForPod), cm/qos_container_manager_linux.go,
cm/node_container_manager_linux.go (enforceNodeAllocatableCgroups); cgroup v2 weights: KEP-2254.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import msgspec

from knarr.api import podresources
from knarr.api.types.core_v1 import Pod
from knarr.node.cgroups import QOS_DIRS, ROOT, pod_parent
from knarr.node.containerlimits import QUOTA_MIN_US, QUOTA_PERIOD_US, SHARES_MIN, SHARES_PER_CPU
from knarr.node.hugepages import hugepage_name, page_size
from knarr.node.rules import Rules

SHARES_MAX: Final = 262_144      # Source: linux kernel/sched/core.c, MAX_SHARES
WEIGHT_MAX: Final = 10_000       # Source: linux cgroup-v2.rst, cpu.weight
CONTROLLERS: Final = ("cpu", "memory", "pids", "hugetlb")
BOUND_ALWAYS: Final = frozenset({"pids", "hugetlb"})


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a group may use. 0: no bound (shares: the least). hugepages: size of one -> most of that size, bytes."""

    cpu_shares: int = SHARES_MIN
    cpu_quota_us: int = 0
    memory_bytes: int = 0
    tasks: int = 0
    hugepages: Mapping[int, int] = field(default_factory=dict)


class NoSuchGroup(OSError):
    """A group that is to be bounded does not exist; the text says which, and which setting names it."""


@dataclass(frozen=True, slots=True)
class PodGroups:
    """The groups below one parent. root: where the hierarchies are mounted. hugepages: sizes that are bounded."""

    parent: str
    root: Path = ROOT
    rules: Rules = field(default_factory=Rules)
    hugepages: tuple[int, ...] = ()

    def prepare(self, capacity: Mapping[str, int] | None = None) -> None:
        """Make the classes' groups; bound all pods, and the system, by what is reserved. Raises OSError.

        capacity: of the machine, in the units of `allocatable.capacity`, and tasks as `pid`.
        """
        self.bound(f"{self.parent}{QOS_DIRS['BestEffort']}", Bounds())
        self.bound(f"{self.parent}{QOS_DIRS['Burstable']}", Bounds())
        rules = self.rules
        if "pods" in rules.enforced and (rules.kube_reserved or rules.system_reserved):
            left = {name: most - rules.reserved(name) for name, most in (capacity or {}).items()}
            self.bound(self.parent, reserve_bounds(left, rules.reserved("pid") > 0))
        for name, group, kept in (("kube-reserved", rules.kube_reserved_group, rules.kube_reserved),
                                  ("system-reserved", rules.system_reserved_group, rules.system_reserved)):
            if name in rules.enforced:
                self._enforce(name, group, kept)

    def _enforce(self, name: str, group: str, kept: Mapping[str, int]) -> None:
        """Bound a group that is not ours. Raises NoSuchGroup."""
        tops = [top for top in (self.root, self.root / "memory") if (top / group.lstrip("/")).is_dir()]
        if not tops:
            raise NoSuchGroup(f"enforceNodeAllocatable: {name}: the control group {group} does not exist")
        self.bound(group, reserve_bounds(kept, "pid" in kept))

    def share(self, pods: Iterable[Pod]) -> None:
        """Give the burstable class what its pods ask for, all together. Raises OSError."""
        asked = sum(bounds(pod).cpu_shares for pod in pods if pod.status.qosClass == "Burstable")
        self.bound(f"{self.parent}{QOS_DIRS['Burstable']}", Bounds(min(max(asked, SHARES_MIN), SHARES_MAX)))

    def place(self, pod: Pod, *, widen: bool = False) -> None:
        """Make or change a pod's group. widen: only upwards, before its containers grow. Raises OSError.

        What asks for nothing needs no bounds of its own but that on tasks: its class has the least share already.
        """
        qos = pod.status.qosClass or "BestEffort"
        most = replace(bounds(pod, self.hugepages), tasks=self.rules.pids_per_pod)
        only = BOUND_ALWAYS if qos == "BestEffort" else frozenset()
        self.bound(pod_parent(self.parent, qos, pod.metadata.uid or ""), most, widen=widen, only=only)

    def bound(self, group: str, most: Bounds, *, widen: bool = False, only: frozenset[str] = frozenset()) -> None:
        """Write a group's bounds, making it first. only: these controllers; none named: all. Raises OSError."""
        unified = (self.root / "cgroup.controllers").exists()
        if unified:
            enable(self.root, group)
        for controller, name, text in (unified_files if unified else split_files)(most):
            top = self.root if unified else self.root / controller
            if not top.is_dir() or (only and controller not in only):
                continue
            file = top / group.lstrip("/") / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if not widen or not tighter(text, file.read_text()):
                file.write_text(text)


def reserve_bounds(amounts: Mapping[str, int], tasks: bool) -> Bounds:
    """Return the bounds of a whole part of the machine. Pure. tasks: whether their number is bounded, too."""
    shares = amounts.get("cpu", 0) * SHARES_PER_CPU // 1000
    return Bounds(
        cpu_shares=min(max(SHARES_MIN, shares), SHARES_MAX), memory_bytes=amounts.get("memory", 0),
        tasks=amounts.get("pid", 0) if tasks else 0)


def bounds(pod: Pod, hugepages: Iterable[int] = ()) -> Bounds:
    """Return a pod's bounds, but for its tasks. Pure.

    A limit holds for the pod only where every container, or the pod itself, has one.
    """
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
        hugepages={size: limits[name].value if (name := hugepage_name(size)) in limits else 0 for size in hugepages},
    )


def split_files(most: Bounds) -> Iterator[tuple[str, str, str]]:
    """Yield controller, file and text as version 1 has them. Pure."""
    yield "cpu", "cpu.shares", str(most.cpu_shares)
    yield "cpu", "cpu.cfs_quota_us", str(most.cpu_quota_us or -1)
    yield "memory", "memory.limit_in_bytes", str(most.memory_bytes or -1)
    if most.tasks:
        yield "pids", "pids.max", str(most.tasks)
    for size, amount_bytes in most.hugepages.items():
        yield "hugetlb", f"hugetlb.{page_size(size)}.limit_in_bytes", str(amount_bytes)


def unified_files(most: Bounds) -> Iterator[tuple[str, str, str]]:
    """Yield controller, file and text as version 2 has them. Pure."""
    weight = 1 + (most.cpu_shares - SHARES_MIN) * (WEIGHT_MAX - 1) // (SHARES_MAX - SHARES_MIN)
    yield "cpu", "cpu.weight", str(weight)
    yield "cpu", "cpu.max", f"{most.cpu_quota_us or 'max'} {QUOTA_PERIOD_US}"
    yield "memory", "memory.max", str(most.memory_bytes or "max")
    if most.tasks:
        yield "pids", "pids.max", str(most.tasks)
    for size, amount_bytes in most.hugepages.items():
        yield "hugetlb", f"hugetlb.{page_size(size)}.max", str(amount_bytes)


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
