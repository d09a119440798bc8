"""Work out the Linux limits of one container: shares, quota, memory, huge pages, swap, who is killed first. Pure.

Source: kube kuberuntime_container_linux.go (generateLinuxContainerResources, configureContainerSwapResources,
GetHugepageLimitsFromResources), qos/policy.go; pod-level resources: KEP-2837.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from knarr.api import podresources, quantity
from knarr.api.types.core_v1 import Container, Pod
from knarr.node.cri.face import Resources
from knarr.node.hugepages import hugepage_name
from knarr.node.rules import Swap

SHARES_MIN, SHARES_PER_CPU = 2, 1024       # Source: linux cgroup v1 cpu.shares; kube cm/helpers_linux.go
QUOTA_PERIOD_US, QUOTA_MIN_US = 100_000, 1_000
OOM_GUARANTEED, OOM_BEST_EFFORT, OOM_SANDBOX = -997, 1000, -998   # Source: kube qos/policy.go
CRITICAL_PRIORITY = 2_000_000_000          # Source: kube scheduling/types.go, SystemCriticalPriority
SWAP_FILE: Final = "memory.swap.max"       # Source: linux cgroup-v2.rst


@dataclass(frozen=True, slots=True)
class Ground:
    """What of the machine a container's limits depend on.

    hugepages: sizes whose use the kernel bounds by group, bytes. swap_bounded: whether it bounds swap by group
    (version 2 alone). swap_bytes: of the machine; 0 where it has none.
    """

    memory_bytes: int = 0
    hugepages: tuple[int, ...] = ()
    swap_bounded: bool = False
    swap_bytes: int = 0
    swap: Swap = "NoSwap"


NO_GROUND: Final = Ground()


def resources(pod: Pod, container: Container, ground: Ground) -> Resources:
    """Return the container's limits; where it has none of its own the whole pod's hold for it, too."""
    limits, requests = own(container, "limits"), own(container, "requests")
    whole = pod.spec.resources.limits if pod.spec.resources else {}
    cpu_limit = limits.get("cpu") or whole.get("cpu")
    cpu_limit_milli = quantity.milli(cpu_limit) if cpu_limit else 0
    cpu_milli = quantity.milli(requests["cpu"]) if "cpu" in requests else cpu_limit_milli
    memory_limit = limits.get("memory") or whole.get("memory")
    quota_us = max(QUOTA_MIN_US, cpu_limit_milli * QUOTA_PERIOD_US // 1000) if cpu_limit_milli else 0
    return Resources(
        cpu_shares=max(SHARES_MIN, cpu_milli * SHARES_PER_CPU // 1000),
        cpu_quota_us=quota_us, cpu_period_us=QUOTA_PERIOD_US,
        memory_limit_bytes=quantity.value(memory_limit) if memory_limit else 0,
        oom_score_adj=oom_score(pod, requested_bytes(pod, container), ground.memory_bytes),
        hugepages={size: hugepage_limit(limits, size) for size in ground.hugepages},
        unified={SWAP_FILE: str(swap_bytes(pod, container, ground))} if ground.swap_bounded else {},
    )


def of_sandbox(pod: Pod) -> Resources:
    """Return what a pod's containers may use, all together. Source: kube kuberuntime_sandbox_linux.go."""
    spec = {**msgspec.to_builtins(pod.spec), "overhead": {}}
    asked, limits = podresources.total(spec, "requests"), podresources.total(spec, "limits")
    return whole_limits(asked if "cpu" in asked else limits, limits)


def overhead(pod: Pod) -> Resources | None:
    """Return what a pod's sandbox itself may use, which is all there for it; None where nothing is said."""
    said = podresources.amounts(pod.spec.overhead)
    return whole_limits(said, said) if said else None


def whole_limits(asked: podresources.Amounts, limits: podresources.Amounts) -> Resources:
    """Return the limits of what is no container, and of whose end at the kernel's hands nothing is said."""
    cpu_milli, limit_milli = (each["cpu"].milli if "cpu" in each else 0 for each in (asked, limits))
    return Resources(
        cpu_shares=max(SHARES_MIN, cpu_milli * SHARES_PER_CPU // 1000),
        cpu_quota_us=max(QUOTA_MIN_US, limit_milli * QUOTA_PERIOD_US // 1000) if limit_milli else 0,
        cpu_period_us=QUOTA_PERIOD_US, memory_limit_bytes=limits["memory"].value if "memory" in limits else 0,
        oom_score_adj=0)


def own(container: Container, side: str) -> Mapping[str, str]:
    """Return what the container itself says. side: `limits` or `requests`."""
    if container.resources is None:
        return {}
    return container.resources.limits if side == "limits" else container.resources.requests


def hugepage_limit(limits: Mapping[str, str], size: int) -> int:
    """Return how much of one size of huge pages a container may use; none that it does not ask for."""
    asked = limits.get(hugepage_name(size))
    return quantity.value(asked) if asked else 0


def requested_bytes(pod: Pod, container: Container) -> int:
    """Return the memory that a container asks for, and its part of what only the pod as a whole asks for."""
    asked = memory_request(container)
    whole = pod.spec.resources.requests.get("memory") if pod.spec.resources else None
    if not whole:
        return asked
    rest = quantity.value(whole) - sum(memory_request(each) for each in pod.spec.containers)
    return asked + max(0, rest) // max(1, len(pod.spec.containers))


def memory_request(container: Container) -> int:
    """Return the memory that a container itself asks for, bytes."""
    requests = own(container, "requests")
    return quantity.value(requests["memory"]) if "memory" in requests else 0


def swap_bytes(pod: Pod, container: Container, ground: Ground) -> int:
    """Return how much a container may swap: a burstable one's part of the machine's swap, if any is allowed.

    Who asks for no memory, or for exactly its limit, swaps nothing.
    """
    asked, limit = memory_request(container), own(container, "limits").get("memory")
    fixed = limit is not None and quantity.value(limit) == asked
    critical = (pod.spec.priority or 0) >= CRITICAL_PRIORITY
    if ground.swap == "NoSwap" or critical or pod.status.qosClass != "Burstable" or not asked or fixed:
        return 0
    return asked * ground.swap_bytes // ground.memory_bytes if ground.memory_bytes else 0


def oom_score(pod: Pod, request_bytes: int, capacity_bytes: int) -> int:
    """Return how willingly the kernel kills the container, -997 .. 1000."""
    if (pod.spec.priority or 0) >= CRITICAL_PRIORITY or pod.status.qosClass == "Guaranteed":
        return OOM_GUARANTEED
    if pod.status.qosClass == "BestEffort":
        return OOM_BEST_EFFORT
    share = 1000 - 1000 * request_bytes // capacity_bytes if capacity_bytes else OOM_BEST_EFFORT - 1
    return min(max(share, 1000 + OOM_GUARANTEED), OOM_BEST_EFFORT - 1)
