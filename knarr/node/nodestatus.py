"""Describe this machine as a Node: what it has, what it is, and how it fares.

Source: kube kubelet/nodestatus/setters.go, kubelet_node_status.go.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from knarr.api.types.core_v1 import Node, NodeSpec
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.base.times import rfc3339
from knarr.node import allocatable
from knarr.node.containerlimits import Ground
from knarr.node.cri.face import Features, ImageLine, RuntimeVersion
from knarr.node.devices.face import Amounts
from knarr.node.oci import architecture
from knarr.node.settings import Settings

IMAGES_MAX = 50                    # shown. Source: kubelet's nodeStatusMaxImages
HUGEPAGE_SIZES = (1 << 30, 2 << 20)           # shown also where there are none, bytes
HUGEPAGES = Path("/sys/kernel/mm/hugepages")  # one folder for each size that this kernel knows
VOLUMES_DIR = "knarr.dev/volumes-dir"         # annotation: where the local-path provisioner places this node's volumes


NO_AMOUNTS = Amounts()


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """What this machine is and has; it does not change while the agent runs."""

    cpus: int
    memory_bytes: int
    storage_bytes: int
    machine_id: str
    system_uuid: str
    boot_id: str
    kernel: str
    os_image: str
    architecture: str
    hostname: str
    hugepages: Mapping[int, int] = field(default_factory=dict)      # size of one -> all of that size, bytes
    swap_bytes: int = 0
    apparmor: bool = False          # its profiles can be enforced


@dataclass(frozen=True, slots=True)
class Health:
    """How the machine fares now. fault: why pods cannot run, empty when they can."""

    fault: str = ""
    pressures: frozenset[str] = frozenset()      # names of conditions: MemoryPressure, DiskPressure, PIDPressure


@dataclass(frozen=True, slots=True)
class Changing:
    """What a look at the node may find different. pressures: as in Health; devices: of plugins.

    trouble: why the node takes no pods, empty where it does.
    """

    pressures: frozenset[str] = frozenset()
    devices: Amounts = NO_AMOUNTS
    trouble: str = ""


def machine_facts(data_dir: Path) -> MachineFacts:
    """Read what this machine is."""
    return MachineFacts(
        cpus=len(os.sched_getaffinity(0)),
        memory_bytes=meminfo()["MemTotal"],
        storage_bytes=shutil.disk_usage(data_dir).total,
        machine_id=first_line("/etc/machine-id"),
        system_uuid=first_line("/sys/class/dmi/id/product_uuid") or first_line("/etc/machine-id"),
        boot_id=first_line("/proc/sys/kernel/random/boot_id"),
        kernel=platform.release(),
        os_image=os_release(),
        architecture=architecture(),
        hostname=platform.node(),
        hugepages=hugepages(HUGEPAGES),
        swap_bytes=meminfo()["SwapTotal"],
        apparmor=first_line("/sys/module/apparmor/parameters/enabled") == "Y",
    )


def node_object(settings: Settings, facts: MachineFacts) -> Node:
    """Return the Node to register, without its status."""
    return Node(
        metadata=ObjectMeta(name=settings.node_name, labels=node_labels(settings, facts),
                            annotations={VOLUMES_DIR: str(settings.volumes_dir)}),
        spec=NodeSpec(podCIDR=settings.pod_cidr, podCIDRs=(settings.pod_cidr,)),
    )


def node_labels(settings: Settings, facts: MachineFacts) -> dict[str, str]:
    """Return the labels every node has, and this one's own."""
    return {
        "kubernetes.io/hostname": settings.node_name,
        "kubernetes.io/arch": facts.architecture,
        "kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": facts.architecture,
        "beta.kubernetes.io/os": "linux",
        **settings.labels,
    }


def node_status(settings: Settings, facts: MachineFacts, *, runtime: RuntimeVersion, images: Iterable[ImageLine],
                conditions: list[dict[str, Any]], devices: Amounts = NO_AMOUNTS) -> dict[str, Any]:
    """Return the whole status."""
    return {
        "addresses": [{"type": "InternalIP", "address": settings.node_ip},
                      {"type": "Hostname", "address": settings.node_name}],
        "capacity": {**capacity(settings, facts), **counted(devices.capacity)},
        "allocatable": {**allocatable_shown(settings, facts), **counted(devices.allocatable)},
        "conditions": conditions,
        "daemonEndpoints": {"kubeletEndpoint": {"Port": settings.serving_port}},
        "nodeInfo": {
            "machineID": facts.machine_id, "systemUUID": facts.system_uuid, "bootID": facts.boot_id,
            "kernelVersion": facts.kernel, "osImage": facts.os_image, "architecture": facts.architecture,
            "operatingSystem": "linux", "containerRuntimeVersion": f"{runtime.name}://{runtime.version}",
            "kubeletVersion": settings.version, "kubeProxyVersion": "",
            **({"swap": {"capacity": facts.swap_bytes}} if facts.swap_bytes else {}),
        },
        "images": shown_images(images),
        "features": {"supplementalGroupsPolicy": runtime.features.only_these_groups},
        **({"runtimeHandlers": runtime_handlers(runtime.features)} if runtime.features.handlers else {}),
    }


def runtime_handlers(features: Features) -> list[dict[str, Any]]:
    """Return the runtime's handlers as the status lists them."""
    return [{"name": name, "features": {"recursiveReadOnlyMounts": each.read_only_below,
                                        "userNamespaces": each.user_namespaces}}
            for name, each in sorted(features.handlers.items())]


def counted(devices: Mapping[str, int]) -> dict[str, str]:
    """Return numbers of devices as the status has them."""
    return {name: str(count) for name, count in devices.items()}


def capacity(settings: Settings, facts: MachineFacts) -> dict[str, str]:
    """Return what the machine has."""
    return {**allocatable.spelled(allocatable.capacity(machine(settings, facts))),
            "ephemeral-storage": f"{facts.storage_bytes // 1024}Ki"}


def allocatable_shown(settings: Settings, facts: MachineFacts) -> dict[str, str]:
    """Return what of it pods may use."""
    return allocatable.spelled(allocatable_amounts(settings, facts))


def allocatable_amounts(settings: Settings, facts: MachineFacts) -> dict[str, int]:
    """Return what of it pods may use, in the units of `allocatable.capacity`."""
    return allocatable.allocatable(machine(settings, facts), settings.rules)


def whole_capacity(settings: Settings, facts: MachineFacts) -> dict[str, int]:
    """Return what the machine has, in the units of `allocatable.capacity`, and how many tasks, as `pid`."""
    return {**allocatable.capacity(machine(settings, facts)), "pid": tasks_max()}


def tasks_max() -> int:
    """Return how many tasks this kernel lets live at once."""
    return min(int(Path(f"/proc/sys/kernel/{name}").read_text()) for name in ("pid_max", "threads-max"))


def machine(settings: Settings, facts: MachineFacts) -> allocatable.Machine:
    """Return what there is to share out."""
    return allocatable.Machine(
        facts.cpus, facts.memory_bytes, facts.storage_bytes, settings.rules.pods_max or settings.max_pods,
        {**dict.fromkeys(HUGEPAGE_SIZES, 0), **facts.hugepages})


def ground(settings: Settings, facts: MachineFacts) -> Ground:
    """Return what containers' limits depend on. The kernel counts swap and huge pages only where it has their files."""
    root = settings.cgroup_root
    unified = (root / "cgroup.controllers").exists()
    counted = "hugetlb" in (root / "cgroup.controllers").read_text().split() if unified else (root / "hugetlb").is_dir()
    return Ground(
        facts.memory_bytes, hugepages=tuple(facts.hugepages) if counted else (),
        swap_bounded=unified and any(root.glob("*/memory.swap.max")), swap_bytes=facts.swap_bytes,
        swap=settings.rules.swap)


def hugepages(folder: Path) -> dict[int, int]:
    """Return the machine's huge pages: size of one -> all of that size, bytes. A kernel without them has none."""
    found = {}
    for each in folder.glob("hugepages-*kB"):
        size = int(each.name.removeprefix("hugepages-").removesuffix("kB")) * 1024
        found[size] = size * int((each / "nr_hugepages").read_text())
    return found


def node_conditions(now: Health, before: Mapping[str, Any], now_s: float) -> list[dict[str, Any]]:
    """Return the conditions. before: condition type -> the NodeCondition that the API has."""
    memory, disk, pids = (kind in now.pressures for kind in ("MemoryPressure", "DiskPressure", "PIDPressure"))
    judged = [
        ("MemoryPressure", memory, "KubeletHasInsufficientMemory" if memory else "KubeletHasSufficientMemory",
         f"kubelet has {'in' * memory}sufficient memory available"),
        ("DiskPressure", disk, "KubeletHasDiskPressure" if disk else "KubeletHasNoDiskPressure",
         "kubelet has disk pressure" if disk else "kubelet has no disk pressure"),
        ("PIDPressure", pids, "KubeletHasInsufficientPID" if pids else "KubeletHasSufficientPID",
         f"kubelet has {'in' * pids}sufficient PID available"),
        ("Ready", not now.fault, "KubeletNotReady" if now.fault else "KubeletReady",
         now.fault or "kubelet is posting ready status"),
    ]
    shown = []
    for kind, truth, reason, message in judged:
        old = before.get(kind)
        status = "True" if truth else "False"
        since = old.lastTransitionTime if old is not None and old.status == status else None
        shown.append({"type": kind, "status": status, "reason": reason, "message": message,
                      "lastHeartbeatTime": rfc3339(now_s), "lastTransitionTime": since or rfc3339(now_s)})
    return shown


def shown_images(images: Iterable[ImageLine]) -> list[dict[str, Any]]:
    """Return the largest images, as the status lists them."""
    largest = sorted(images, key=lambda image: (-image.size_bytes, image.id))[:IMAGES_MAX]
    return [{"names": [*image.digests, *image.tags][:5], "sizeBytes": image.size_bytes}
            for image in largest if image.digests or image.tags]


def meminfo() -> dict[str, int]:
    """Return /proc/meminfo in bytes."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith("kB")}


def first_line(path: str) -> str:
    """Return a file's first line, empty where it cannot be read."""
    try:
        return Path(path).read_text().split("\n", 1)[0].strip()
    except OSError:
        return ""


def os_release() -> str:
    """Return the operating system's own name of itself."""
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return "Linux"
    named = [line.partition("=")[2].strip('"') for line in lines if line.startswith("PRETTY_NAME=")]
    return named[0] if named else "Linux"
