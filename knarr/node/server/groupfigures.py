"""Read what a control group has used and may use, in version 1 and 2. What the kernel does not count is 0 or absent.

Source: linux cgroup-v1/{memory,blkio-controller}.rst, cgroup-v2.rst, accounting/psi.rst; what counts as working set,
cache and rss: cadvisor container/libcontainer/handler.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

UNLIMITED: Final = 1 << 62  # bytes; a version 1 limit beyond is none. Source: cadvisor container/common/helpers.go
SHARES_SPAN, WEIGHT_SPAN = 262_142, 9_999  # Source: KEP-2254, weights from shares
READ, WRITE = "read", "write"
PRESSED: Final = ("cpu", "memory", "io")


@dataclass(frozen=True, slots=True)
class Pressure:
    """How long tasks have waited for a resource, since the group was made, in microseconds.

    averages: per cent of the last 10, 60 and 300 seconds, of `some` and `full`.
    """

    some_us: int
    full_us: int
    some: tuple[float, ...] = ()
    full: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """One group's figures, those below it included. Limits: 0 is none.

    moved: (device as `major:minor`, read or write) -> (bytes, operations).
    """

    cpu_ns: int = 0
    cpu_user_ns: int = 0
    cpu_system_ns: int = 0
    periods: int = 0
    throttled_periods: int = 0
    throttled_ns: int = 0
    memory_bytes: int = 0
    memory_max_bytes: int = 0
    working_set_bytes: int = 0
    cache_bytes: int = 0
    rss_bytes: int = 0
    mapped_bytes: int = 0
    swap_bytes: int = 0
    limit_hits: int = 0
    page_faults: int = 0
    major_faults: int = 0
    oom_kills: int = 0
    processes: int = 0
    tasks: int = 0
    tasks_max: int = 0
    cpu_shares: int = 0
    cpu_quota_us: int = 0
    cpu_period_us: int = 0
    memory_limit_bytes: int = 0
    swap_limit_bytes: int = 0
    moved: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    pressure: Mapping[str, Pressure] = field(default_factory=dict)


def read(group: str, root: Path) -> Group | None:
    """Return a group's figures, None where it does not exist. root: where the hierarchies are mounted."""
    unified = (root / "cgroup.controllers").exists()
    home = (root if unified else root / "memory") / group.lstrip("/")
    if not home.is_dir():
        return None
    return _second(home) if unified else _first(group, root)


def first_pid(group: str, root: Path) -> int:
    """Return a process of a group, 0 where it has none."""
    home = root if (root / "cgroup.controllers").exists() else root / "memory"
    words = _text(home / group.lstrip("/") / "cgroup.procs").split()
    return int(words[0]) if words else 0


def pressures(files: Mapping[str, Path]) -> dict[str, Pressure]:
    """Read files of stalls, by resource; a kernel without them says nothing."""
    found = {}
    for resource, path in files.items():
        rows = {words[0]: dict(word.split("=") for word in words[1:])
                for words in map(str.split, _text(path).splitlines()) if words}
        if "some" in rows:
            some, full = rows["some"], rows.get("full", {})
            found[resource] = Pressure(int(some["total"]), int(full.get("total", 0)), _averages(some), _averages(full))
    return found


def _averages(row: Mapping[str, str]) -> tuple[float, ...]:
    return tuple(float(row.get(name, 0)) for name in ("avg10", "avg60", "avg300"))


def _second(home: Path) -> Group:
    cpu, memory, events = (_table(home / name) for name in ("cpu.stat", "memory.stat", "memory.events"))
    used, (quota, period) = _number(home / "memory.current"), _quota(home)
    weight = _number(home / "cpu.weight")
    return Group(
        cpu_ns=cpu.get("usage_usec", 0) * 1000, cpu_user_ns=cpu.get("user_usec", 0) * 1000,
        cpu_system_ns=cpu.get("system_usec", 0) * 1000, periods=cpu.get("nr_periods", 0),
        throttled_periods=cpu.get("nr_throttled", 0), throttled_ns=cpu.get("throttled_usec", 0) * 1000,
        memory_bytes=used, memory_max_bytes=_number(home / "memory.peak"),
        working_set_bytes=max(0, used - memory.get("inactive_file", 0)), cache_bytes=memory.get("file", 0),
        rss_bytes=memory.get("anon", 0), mapped_bytes=memory.get("file_mapped", 0),
        swap_bytes=_number(home / "memory.swap.current"), limit_hits=events.get("max", 0),
        page_faults=memory.get("pgfault", 0), major_faults=memory.get("pgmajfault", 0),
        oom_kills=events.get("oom_kill", 0), processes=len(_text(home / "cgroup.procs").split()),
        tasks=_number(home / "pids.current"), tasks_max=_number(home / "pids.max"),
        cpu_shares=2 + (weight - 1) * SHARES_SPAN // WEIGHT_SPAN if weight else 0,
        cpu_quota_us=quota, cpu_period_us=period, memory_limit_bytes=_number(home / "memory.max"),
        swap_limit_bytes=_number(home / "memory.swap.max"), moved=_io_stat(_text(home / "io.stat")),
        pressure=pressures({name: home / f"{name}.pressure" for name in PRESSED}),
    )


def _first(group: str, root: Path) -> Group:
    cpu, accounts, memory, blocks, pids = (
        root / name / group.lstrip("/") for name in ("cpu", "cpuacct", "memory", "blkio", "pids"))
    shared, held, killed = (
        _table(path) for path in (cpu / "cpu.stat", memory / "memory.stat", memory / "memory.oom_control"))
    used, quota = _number(memory / "memory.usage_in_bytes"), _number(cpu / "cpu.cfs_quota_us")
    return Group(
        cpu_ns=_number(accounts / "cpuacct.usage"), cpu_user_ns=_number(accounts / "cpuacct.usage_user"),
        cpu_system_ns=_number(accounts / "cpuacct.usage_sys"), periods=shared.get("nr_periods", 0),
        throttled_periods=shared.get("nr_throttled", 0), throttled_ns=shared.get("throttled_time", 0),
        memory_bytes=used, memory_max_bytes=_number(memory / "memory.max_usage_in_bytes"),
        working_set_bytes=max(0, used - held.get("total_inactive_file", 0)), cache_bytes=held.get("total_cache", 0),
        rss_bytes=held.get("total_rss", 0), mapped_bytes=held.get("total_mapped_file", 0),
        swap_bytes=held.get("total_swap", 0), limit_hits=_number(memory / "memory.failcnt"),
        page_faults=held.get("total_pgfault", 0), major_faults=held.get("total_pgmajfault", 0),
        oom_kills=killed.get("oom_kill", 0), processes=len(_text(memory / "cgroup.procs").split()),
        tasks=_number(pids / "pids.current"), tasks_max=_number(pids / "pids.max"),
        cpu_shares=_number(cpu / "cpu.shares"), cpu_quota_us=max(0, quota),
        cpu_period_us=_number(cpu / "cpu.cfs_period_us"), memory_limit_bytes=_limit(memory / "memory.limit_in_bytes"),
        swap_limit_bytes=_limit(memory / "memory.memsw.limit_in_bytes"),
        moved=_blkio(_text(blocks / "blkio.throttle.io_service_bytes_recursive"),
                     _text(blocks / "blkio.throttle.io_serviced_recursive")),
    )


def _io_stat(text: str) -> dict[tuple[str, str], tuple[int, int]]:
    found = {}
    for device, *words in map(str.split, text.splitlines()):
        row = {key: int(value) for key, _, value in (word.partition("=") for word in words) if value.isdigit()}
        found[device, READ] = row.get("rbytes", 0), row.get("rios", 0)
        found[device, WRITE] = row.get("wbytes", 0), row.get("wios", 0)
    return found


def _blkio(sizes: str, counts: str) -> dict[tuple[str, str], tuple[int, int]]:
    bytes_of, count_of = _blkio_rows(sizes), _blkio_rows(counts)
    return {key: (size, count_of.get(key, 0)) for key, size in bytes_of.items()}


def _blkio_rows(text: str) -> dict[tuple[str, str], int]:
    rows = [line.split() for line in text.splitlines()]
    return {(row[0], row[1].lower()): int(row[2]) for row in rows if len(row) == 3 and row[1] in ("Read", "Write")}


def _quota(home: Path) -> tuple[int, int]:
    words = _text(home / "cpu.max").split()
    return (0 if words[0] == "max" else int(words[0]), int(words[1])) if len(words) == 2 else (0, 0)


def _limit(path: Path) -> int:
    found = _number(path)
    return 0 if found > UNLIMITED else found


def _table(path: Path) -> dict[str, int]:
    rows = [line.split() for line in _text(path).splitlines()]
    return {row[0]: int(row[1]) for row in rows if len(row) == 2}


def _number(path: Path) -> int:
    word = _text(path).strip()
    return int(word) if word.lstrip("-").isdigit() else 0  # `max` is no limit


def _text(path: Path) -> str:
    """Return a file, empty where it is not: the controller is off, or the group has just gone."""
    try:
        return path.read_text()
    except OSError:
        return ""
