"""Choose logical processors so that they lie close together and leave whole what is whole. Pure.

Source: kube kubelet/cm/cpumanager/cpu_assignment.go (takeByTopologyNUMAPacked).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from knarr.node.alignment.topology import Cpu, Topology

ACROSS_CORES, BY_CACHE = "distribute-cpus-across-cores", "prefer-align-cpus-by-uncorecache"
NO_OPTIONS: Final[frozenset[str]] = frozenset()

Part: TypeAlias = Callable[[Cpu], int]      # which part of the machine a processor lies in


class NotEnough(Exception):
    """There are too few; the text is kubelet's."""


def pack(topology: Topology, available: frozenset[int], count: int,
         options: frozenset[str] = NO_OPTIONS) -> frozenset[int]:
    """Return so many of these: whole sockets and NUMA nodes first, then whole cores, then single ones.

    Of alike ones, those where the least is left go first, so that whole ones stay whole. Raises NotEnough.
    """
    if count > len(available):
        raise NotEnough(f"not enough cpus available to satisfy request: requested={count}, available={len(available)}")
    taken: frozenset[int] = frozenset()
    levels = _levels(topology)
    for part in levels:
        taken |= _whole(topology, available - taken, count - len(taken), (*levels[:levels.index(part)], part))
    if BY_CACHE in options:
        taken |= _by_cache(topology, available - taken, count - len(taken))
    if ACROSS_CORES in options:     # by their numbers: those of a core's second threads come after all first ones
        order = _in_order(topology, available - taken, levels[:levels.index(_socket) + 1])
    else:
        taken |= _whole(topology, available - taken, count - len(taken), (*levels, _core))
        order = _in_order(topology, available - taken, (*levels, _core))
    return taken | frozenset(order[:count - len(taken)])


def nodes_in_order(topology: Topology, available: frozenset[int]) -> list[int]:
    """Return the NUMA nodes of the available ones, the fullest first."""
    levels = _levels(topology)
    order = _in_order(topology, available, levels[:levels.index(_node) + 1])
    return list(dict.fromkeys(topology.cpus[number].node for number in order))


def _node(cpu: Cpu) -> int:
    return cpu.node


def _socket(cpu: Cpu) -> int:
    return cpu.socket


def _core(cpu: Cpu) -> int:
    return cpu.core


def _cache(cpu: Cpu) -> int:
    return cpu.cache


def _levels(topology: Topology) -> tuple[Part, ...]:
    """Return sockets and NUMA nodes, the larger ones first; NUMA nodes where each is a socket."""
    return tuple(sorted((_node, _socket), key=lambda part: len({part(cpu) for cpu in topology.cpus.values()})))


def _whole(topology: Topology, available: frozenset[int], count: int, levels: tuple[Part, ...]) -> frozenset[int]:
    """Return the whole parts of the machine, of the last level, that are free and not too large."""
    taken: frozenset[int] = frozenset()
    for members in _parts(topology, available, levels):
        if members <= available and len(members) <= count - len(taken):
            taken |= members
    return taken


def _by_cache(topology: Topology, available: frozenset[int], count: int) -> frozenset[int]:
    """Return whole groups that share a cache, and the rest of one group; nothing of the rest if none has so much."""
    levels = _levels(topology)
    levels = (*levels[:levels.index(_node) + 1], _cache)
    taken = _whole(topology, available, count, levels)
    missing = count - len(taken)
    for members in _parts(topology, available, levels):
        some = _first_cores(topology, members & available - taken, missing)
        if len(some) == missing:
            return taken | some
    return taken


def _first_cores(topology: Topology, available: frozenset[int], count: int) -> frozenset[int]:
    """Return what is free of the first cores, as many as this count needs; of an odd one's last core but a part."""
    threads = topology.threads_per_core
    cores = sorted({topology.cpus[number].core for number in available})[:-(-count // threads)]
    found = sorted(number for number in available if topology.cpus[number].core in cores)
    return frozenset(found[:-1] if count % 2 and threads > 1 and len(found) > count else found)


def _parts(topology: Topology, available: frozenset[int], levels: tuple[Part, ...]) -> Iterator[frozenset[int]]:
    """Yield all members of each part, of the last level, where some are available."""
    part = levels[-1]
    members: dict[int, set[int]] = {}
    for cpu in topology.cpus.values():
        members.setdefault(part(cpu), set()).add(cpu.number)
    ordered = dict.fromkeys(part(topology.cpus[number]) for number in _in_order(topology, available, levels))
    yield from (frozenset(members[name]) for name in ordered)


def _in_order(topology: Topology, available: frozenset[int], levels: tuple[Part, ...]) -> list[int]:
    """Return the available ones, those of the fullest parts first, level by level."""
    left: dict[tuple[Part, int], int] = {}
    for number in available:
        for part in levels:
            key = (part, part(topology.cpus[number]))
            left[key] = left.get(key, 0) + 1

    def rank(number: int) -> tuple[int, ...]:
        cpu = topology.cpus[number]
        parts = ((part, part(cpu)) for part in levels)
        return (*(side for key in parts for side in (left[key], key[1])), number)

    return sorted(available, key=rank)
