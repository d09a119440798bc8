"""Read what the machine as a whole uses: processor time and memory, from the kernel's own counters."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

IDLE: Final = (3, 4)  # fields of /proc/stat's first line that are no work: idle, iowait. Source: proc(5)
ADDED_TWICE: Final = 8  # guest times begin here: they stand in the user times already


@dataclass(frozen=True, slots=True)
class HostUsage:
    """What the machine has used. cpu_ns: since its start, over all processors."""

    cpu_ns: int
    memory_working_set_bytes: int
    memory_available_bytes: int


def read() -> HostUsage:
    """Read the counters now."""
    return parse(Path("/proc/stat").read_text(), Path("/proc/meminfo").read_text(), os.sysconf("SC_CLK_TCK"))


def parse(stat: str, meminfo: str, ticks_per_s: int) -> HostUsage:
    """Understand /proc/stat and /proc/meminfo. Pure."""
    fields = [int(word) for word in stat.splitlines()[0].split()[1 : ADDED_TWICE + 1]]
    busy = sum(ticks for number, ticks in enumerate(fields) if number not in IDLE)
    sizes = {line.partition(":")[0]: int(line.split()[1]) << 10 for line in meminfo.splitlines() if line.endswith("kB")}
    available = sizes.get("MemAvailable", 0)
    return HostUsage(busy * 1_000_000_000 // ticks_per_s, sizes.get("MemTotal", 0) - available, available)
