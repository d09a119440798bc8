"""Hold what the machine's owner says of its resources: reserves, bounds, thresholds, policies. Pure data.

The words are those of kubelet's configuration file; `kubeletfile` reads it.
Source: kube kubelet/config/v1beta1/types.go (KubeletConfiguration), apis/config/v1beta1/defaults.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from knarr.node.alignment.hints import NODES_MAX, Policy

Swap: TypeAlias = Literal["NoSwap", "LimitedSwap"]
HOLD_S: Final = 300.0      # how long a condition outlives its cause. Source: evictionPressureTransitionPeriod
IMAGE_HIGH, IMAGE_LOW = 85, 80     # per cent. Source: imageGCHighThresholdPercent, imageGCLowThresholdPercent
PIDS_PER_POD: Final = 4096     # kubelet's own default is no bound, and then one pod's forks can end every other's


@dataclass(frozen=True, slots=True)
class Threshold:
    """Less than this is short. least: a quantity or `10%`; grace_s: how long it may last before pods must go.

    reclaim: how much above `least` there must be for it to be over. soft: pods are given time to end.
    """

    signal: str
    least: str
    grace_s: float = 0.0
    reclaim: str = ""
    soft: bool = False


RESOURCES: Final = {
    "memory.available": "memory", "nodefs.available": "ephemeral-storage", "imagefs.available": "ephemeral-storage",
    "nodefs.inodesFree": "inodes", "imagefs.inodesFree": "inodes", "pid.available": "pids",
}
HARD: Final = (
    Threshold("memory.available", "100Mi"), Threshold("nodefs.available", "10%"), Threshold("nodefs.inodesFree", "5%"),
    Threshold("imagefs.available", "15%"), Threshold("imagefs.inodesFree", "5%"),
)


@dataclass(frozen=True, slots=True)
class Band:
    """How long pods of this priority, and those above it up to the next band, may take to end before a shutdown."""

    priority: int
    grace_s: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """Who has processors and memory for itself, and how close to each other. cpus_kept: those nobody has alone, count.

    reserved_cpus: which those are, where they are named. reserved_memory: NUMA node -> resource -> bytes.
    closest: of equally many NUMA nodes, those closest to each other. nodes_max: more are not supported, count.
    """

    cpus: Literal["none", "static"] = "none"
    cpu_options: frozenset[str] = frozenset()
    cpus_kept: int = 0
    reserved_cpus: frozenset[int] = frozenset()
    memory: Literal["None", "Static"] = "None"
    reserved_memory: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    policy: Policy = "none"
    scope: Literal["container", "pod"] = "container"
    closest: bool = False
    nodes_max: int = NODES_MAX

    @property
    def pins(self) -> bool:
        """Tell whether containers may be bound to some of the machine."""
        return self.cpus == "static" or self.memory == "Static"


@dataclass(frozen=True, slots=True)
class Images:
    """How images come and go. high, low: of the disk in use, per cent: above the one, unused images go until the other.

    least_s, most_s: how long an image is unused before it may go, and before it must (0: never must). at_once: pulls;
    0: the node's own number.
    """

    high: int = IMAGE_HIGH
    low: int = IMAGE_LOW
    least_s: float = 120.0
    most_s: float = 0.0
    at_once: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """One node's rules. Reserves: resource name -> cpu in milli, memory and storage in bytes, pid as a count.

    pids_per_pod: 0 is no bound. enforced: whose bounds are written (`pods`, `kube-reserved`, `system-reserved`).
    """

    kube_reserved: Mapping[str, int] = field(default_factory=dict)
    system_reserved: Mapping[str, int] = field(default_factory=dict)
    kube_reserved_group: str = ""
    system_reserved_group: str = ""
    enforced: frozenset[str] = frozenset({"pods"})
    pids_per_pod: int = PIDS_PER_POD
    pods_max: int = 0                   # 0: the node's own
    swap: Swap = "NoSwap"
    fail_on_swap: bool = False
    thresholds: tuple[Threshold, ...] = HARD
    pressure_hold_s: float = HOLD_S
    soft_grace_max_s: float = 0.0       # what soft evictions leave a pod to end, at most
    shutdown: tuple[Band, ...] = ()     # lowest priority first; none: pods are not ended before a shutdown
    crash_loop_max_s: float = 300.0     # the longest wait between two runs of a container that keeps failing
    log_bytes_max: int = 10 << 20       # of a container's current log
    log_files_max: int = 5              # of one run of a container, the current one included
    ids_per_pod: int = 1 << 16          # of a pod with a user namespace of its own, count
    alignment: Alignment = field(default_factory=Alignment)
    images: Images = Images()
    seccomp_default: bool = False       # RuntimeDefault confines who asks for no profile; else nothing does
    unsafe_sysctls: tuple[str, ...] = ()    # what pods may set beyond the safe ones; names or `prefix*`

    def reserved(self, name: str) -> int:
        """Return what of a resource is kept from pods, thresholds not counted."""
        return self.kube_reserved.get(name, 0) + self.system_reserved.get(name, 0)
