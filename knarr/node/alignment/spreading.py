"""Choose logical processors in equal shares of the fewest NUMA nodes that have so many. Pure.

Source: kube kubelet/cm/cpumanager/cpu_assignment.go (takeByTopologyNUMADistributed).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil
from statistics import pstdev

from knarr.node.alignment.packing import nodes_in_order, pack
from knarr.node.alignment.topology import Topology


@dataclass(frozen=True, slots=True)
class Shares:
    """What each of some nodes gives, count; extra: which of them give one group more, in turn.

    balance: how unequal the machine's nodes are left, in processors; less is better.
    """

    nodes: tuple[int, ...]
    each: int
    extra: tuple[int, ...]
    balance: float


def spread(topology: Topology, available: frozenset[int], count: int, group: int) -> frozenset[int]:
    """Return so many of these, in equal shares; packed where they cannot be equal. Raises NotEnough.

    group: how many stay together, count: the threads of a core.
    """
    best = None
    if count and count % group == 0 and count <= len(available):
        best = _best(topology, available, count, group)
    if best is None:
        return pack(topology, available, count)
    taken: frozenset[int] = frozenset()
    for node, some in [*((node, best.each) for node in best.nodes), *((node, group) for node in best.extra)]:
        taken |= pack(topology, (available - taken) & topology.on([node]), some)
    assert len(taken) == count, f"expected {count} processors (got {len(taken)})"
    return taken


def _best(topology: Topology, available: frozenset[int], count: int, group: int) -> Shares | None:
    """Return the best shares of the fewest nodes."""
    free = {node: len(available & topology.on([node])) for node in nodes_in_order(topology, available)}
    known, groups = len({cpu.node for cpu in topology.cpus.values()}), count // group
    per_node = ceil(ceil(len(topology.cpus) / group) / known)
    for size in range(ceil(groups / per_node), min(groups, len(free)) + 1):
        found = [shares for nodes in combinations(free, size) for shares in _shares(free, nodes, count, group)]
        if found:
            return min(found, key=lambda shares: shares.balance)
    return None


def _shares(free: Mapping[int, int], nodes: tuple[int, ...], count: int, group: int) -> Iterator[Shares]:
    """Yield in which ways these nodes can give so many; those that ask the most of them for more first."""
    each = count // len(nodes) // group * group
    rest = (count - each * len(nodes)) // group
    if any(free[node] < each for node in nodes):
        return
    left = {node: size - each * (node in nodes) for node, size in free.items()}
    if not rest:
        yield Shares(nodes, each, (), _balance(left))
    able = [node for node in nodes if left[node] >= group]
    for size in range(len(able) if rest else 0, 0, -1):
        for some in combinations(able, size):
            extra = _in_turn({node: left[node] // group for node in some}, rest)
            if len(extra) == rest:
                yield Shares(nodes, each, extra, _balance(
                    {node: size - group * extra.count(node) for node, size in left.items()}))


def _in_turn(groups: Mapping[int, int], count: int) -> tuple[int, ...]:
    """Return who gives a group, one after the other, as long as they have some."""
    turns: Sequence[int] = [node for turn in range(max(groups.values())) for node, has in groups.items() if has > turn]
    return tuple(turns[:count])


def _balance(left: Mapping[int, int]) -> float:
    return round(pstdev(left.values()), 3)
