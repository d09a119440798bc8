"""Read the machine's figures beside processor time and memory: network, disks, tasks, swap, stalls, when it started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from knarr.node.nodestatus import meminfo, tasks_max
from knarr.node.server.groupfigures import PRESSED, Pressure, pressures


@dataclass(frozen=True, slots=True)
class Interface:
    """What went through a network interface since it was made."""

    name: str
    rx_bytes: int
    rx_packets: int
    rx_errors: int
    rx_dropped: int
    tx_bytes: int
    tx_packets: int
    tx_errors: int
    tx_dropped: int


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system. available_bytes: what unprivileged users may still take."""

    available_bytes: int
    capacity_bytes: int
    used_bytes: int
    inodes: int
    inodes_free: int


@dataclass(frozen=True, slots=True)
class Machine:
    """One look at the machine. started_s: wall seconds. default_interface: where the rest of the world is."""

    started_s: float
    cpus: int
    memory_bytes: int
    memory_free_bytes: int
    swap_bytes: int
    swap_free_bytes: int
    tasks: int
    tasks_max: int
    disk: Disk
    interfaces: tuple[Interface, ...]
    default_interface: str
    pressure: Mapping[str, Pressure]


def read(data_dir: Path) -> Machine:
    """Look now. data_dir: where pods and images lie. Raises OSError where the kernel does not answer."""
    memory, stat = meminfo(), Path("/proc/stat").read_text()
    return Machine(
        started_s=next(float(line.split()[1]) for line in stat.splitlines() if line.startswith("btime ")),
        cpus=os.cpu_count() or 1, memory_bytes=memory["MemTotal"], memory_free_bytes=memory["MemFree"],
        swap_bytes=memory["SwapTotal"], swap_free_bytes=memory["SwapFree"],
        tasks=int(Path("/proc/loadavg").read_text().split()[3].split("/")[1]), tasks_max=tasks_max(),
        disk=disk(data_dir), interfaces=interfaces(Path("/proc/self/net/dev").read_text()),
        default_interface=default_interface(Path("/proc/self/net/route").read_text()),
        pressure=pressures({name: Path("/proc/pressure") / name for name in PRESSED}),
    )


def disk(folder: Path) -> Disk:
    """Return the figures of the file system that a folder is on. Raises OSError."""
    found = os.statvfs(folder)
    size = found.f_frsize
    return Disk(found.f_bavail * size, found.f_blocks * size, (found.f_blocks - found.f_bfree) * size,
                found.f_files, found.f_ffree)


def interfaces_of(pid: int) -> tuple[Interface, ...]:
    """Return the interfaces of a process's network; none of one that has just gone."""
    try:
        return interfaces(Path(f"/proc/{pid}/net/dev").read_text())
    except OSError:
        return ()


def interfaces(text: str) -> tuple[Interface, ...]:
    """Understand /proc/net/dev; the loopback is of no interest. Pure. Source: proc(5)."""
    found = []
    for line in text.splitlines()[2:]:
        name, _, rest = line.partition(":")
        words = [int(word) for word in rest.split()]
        if name.strip() != "lo":
            found.append(Interface(name.strip(), *words[0:4], *words[8:12]))
    return tuple(found)


def default_interface(text: str) -> str:
    """Return which interface /proc/net/route sends to where nothing else leads, empty for none. Pure."""
    rows = [line.split() for line in text.splitlines()[1:]]
    return next((row[0] for row in rows if row[1] == row[7] == "00000000"), "")


def device_name(number: str) -> str:
    """Return a block device's path, or `major:minor` as it came where the kernel has no name for it."""
    link = Path("/sys/dev/block") / number
    return f"/dev/{link.resolve().name}" if link.exists() else number
