"""Know which processors and how much memory lie on which NUMA node.

Source: linux Documentation/ABI/testing/sysfs-devices-system-cpu, sysfs-devices-node.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from knarr.node.hugepages import hugepage_name

KIB: Final = 1024
PRIVATE_LEVELS: Final = 2       # of caches: these are one core's own
NODE: Final = re.compile(r"node(\d+)")
TOTAL: Final = re.compile(r"MemTotal:\s*(\d+) kB")


@dataclass(frozen=True, slots=True)
class Cpu:
    """One logical processor. core: number of its physical core, alone on the whole machine.

    cache: the lowest number of those that share its outermost cache.
    """

    number: int
    core: int
    socket: int
    node: int
    cache: int = 0


@dataclass(frozen=True, slots=True)
class Topology:
    """One machine. memory: NUMA node -> resource (`memory`, `hugepages-2Mi`) -> bytes.

    distances: NUMA node -> NUMA node -> how far its memory is, 10 for its own.
    """

    cpus: Mapping[int, Cpu] = field(default_factory=dict)
    memory: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    distances: Mapping[int, Mapping[int, int]] = field(default_factory=dict)

    @property
    def nodes(self) -> frozenset[int]:
        """Return the NUMA nodes."""
        return frozenset(self.memory) | {cpu.node for cpu in self.cpus.values()}

    @property
    def numbers(self) -> frozenset[int]:
        """Return all logical processors."""
        return frozenset(self.cpus)

    @property
    def threads_per_core(self) -> int:
        """Return how many logical processors one physical core has."""
        cores = len({cpu.core for cpu in self.cpus.values()})
        return len(self.cpus) // cores if cores else 1

    def on(self, nodes: Iterable[int]) -> frozenset[int]:
        """Return the logical processors of these NUMA nodes."""
        wanted = frozenset(nodes)
        return frozenset(cpu.number for cpu in self.cpus.values() if cpu.node in wanted)

    def sockets(self, nodes: Iterable[int]) -> frozenset[int]:
        """Return the sockets in which these NUMA nodes lie."""
        return frozenset(self.cpus[number].socket for number in self.on(nodes))

    def in_sockets(self, sockets: Iterable[int]) -> frozenset[int]:
        """Return the logical processors of these sockets."""
        wanted = frozenset(sockets)
        return frozenset(cpu.number for cpu in self.cpus.values() if cpu.socket in wanted)


def parse(text: str) -> frozenset[int]:
    """Read the kernel's way to list numbers. Raises ValueError.

    >>> sorted(parse("0-2,8"))
    [0, 1, 2, 8]
    """
    found: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, dash, last = part.partition("-")
        found.update(range(int(first), int(last if dash else first) + 1))
    return frozenset(found)


def listed(numbers: Iterable[int]) -> str:
    """Write numbers as the kernel does.

    >>> listed({0, 1, 2, 8})
    '0-2,8'
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def read(root: Path = Path("/sys/devices/system")) -> Topology:
    """Ask the kernel. A machine that tells of no NUMA nodes is one. Raises OSError."""
    folders = {int(found[1]): path for path in root.glob("node/node*") if (found := NODE.fullmatch(path.name))}
    node_of = {number: node for node, path in folders.items() for number in parse((path / "cpulist").read_text())}
    online = parse((root / "cpu/online").read_text())
    cores: dict[tuple[int, int], int] = {}
    firsts: dict[int, int] = {}     # socket -> its lowest number
    cpus = {}
    for number in sorted(online):
        about = root / f"cpu/cpu{number}"
        socket, core = _number(about / "topology/physical_package_id"), _number(about / "topology/core_id")
        cache = _shares_cache(about, online) or frozenset({firsts.setdefault(socket, number)})
        cpus[number] = Cpu(number, cores.setdefault((socket, core), len(cores)), socket, node_of.get(number, 0),
                           min(cache))
    return Topology(cpus, {node: _memory(path) for node, path in sorted(folders.items())}, _distances(folders))


def _shares_cache(cpu: Path, online: frozenset[int]) -> frozenset[int]:
    """Return who shares a processor's cache beyond the second level; nobody where it has none.

    Source: google cadvisor utils/sysinfo/sysinfo.go (addCacheInfo).
    """
    for about in sorted(cpu.glob("cache/index*")):
        if _number(about / "level") > PRIVATE_LEVELS:
            return parse((about / "shared_cpu_list").read_text()) & online
    return frozenset()


def _distances(folders: Mapping[int, Path]) -> dict[int, dict[int, int]]:
    """Return how far NUMA nodes are from each other; the kernel lists them in the order of their numbers."""
    rows = {node: path / "distance" for node, path in sorted(folders.items())}
    return {node: dict(zip(rows, map(int, row.read_text().split()), strict=False))
            for node, row in rows.items() if row.exists()}


def _number(path: Path) -> int:
    """Read one number; machines that have none to tell (some virtual ones) say -1 or nothing, which counts as 0."""
    try:
        return max(0, int(path.read_text()))
    except FileNotFoundError:
        return 0


def _memory(folder: Path) -> dict[str, int]:
    total = TOTAL.search((folder / "meminfo").read_text())
    found = {"memory": int(total[1]) * KIB if total else 0}
    for pages in folder.glob("hugepages/hugepages-*kB"):
        size = int(pages.name.removeprefix("hugepages-").removesuffix("kB")) * KIB
        found[hugepage_name(size)] = size * _number(pages / "nr_hugepages")
    return found
