"""Choose logical processors for containers that have them for themselves. Pure.

A container of a Guaranteed pod that asks for whole processors gets them alone; all others share the rest.
Source: kube kubelet/cm/cpumanager/policy_static.go, cpu_assignment.go (takeByTopologyNUMAPacked).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from knarr.api import quantity
from knarr.api.types.core_v1 import Container, Pod
from knarr.node.alignment.hints import Hint, subsets
from knarr.node.alignment.topology import Cpu, Topology

FULL_CORES, STRICT_RESERVATION = "full-pcpus-only", "strict-cpu-reservation"
OPTIONS: Final = (FULL_CORES, STRICT_RESERVATION)
MILLI: Final = 1000


class NotEnough(Exception):
    """There are too few; the text is kubelet's."""


class Misaligned(Exception):
    """Whole cores are to be given, and part of one was asked for; the text is kubelet's."""


def check_whole(count: int, threads_per_core: int) -> None:
    """Refuse parts of cores. Raises Misaligned."""
    if count % threads_per_core:
        raise Misaligned(f"SMT Alignment Error: requested {count} cpus not multiple cpus per core = {threads_per_core}")


def asked(pod: Pod, container: Container) -> int:
    """Return how many processors a container is to have for itself; 0: it shares."""
    if pod.status.qosClass != "Guaranteed" or container.resources is None:
        return 0
    text = container.resources.requests.get("cpu") or container.resources.limits.get("cpu")
    milli = quantity.milli(text) if text else 0
    return milli // MILLI if milli % MILLI == 0 else 0


def offers(topology: Topology, available: frozenset[int], again: frozenset[int], count: int) -> list[Hint]:
    """Return the sets of NUMA nodes that have so many. again: what the pod may use again, which it then must.

    A set is preferred if no smaller one of this machine has so many processors at all.
    """
    fitting = [nodes for nodes in subsets(topology.nodes) if len(topology.on(nodes)) >= count]
    least = min((len(nodes) for nodes in fitting), default=len(topology.nodes))
    bound = {topology.cpus[number].node for number in again}
    return [Hint(nodes, len(nodes) == least) for nodes in fitting
            if bound <= nodes and len((available | again) & topology.on(nodes)) >= count]


def chosen(topology: Topology, available: frozenset[int], count: int, near: frozenset[int] | None) -> frozenset[int]:
    """Return so many, of these NUMA nodes as far as they have them. Raises NotEnough."""
    if near is None:
        return take(topology, available, count)
    close = available & topology.on(near)
    first = take(topology, close, min(count, len(close)))
    return first | take(topology, available - first, count - len(first))


def take(topology: Topology, available: frozenset[int], count: int) -> frozenset[int]:
    """Return so many of these: whole NUMA nodes and sockets first, then whole cores, then single ones.

    Of alike ones, those where the least is left go first, so that whole ones stay whole. Raises NotEnough.
    """
    if count > len(available):
        raise NotEnough(f"not enough cpus available to satisfy request: requested={count}, available={len(available)}")
    taken: frozenset[int] = frozenset()
    for part in sorted((_node, _socket), key=lambda part: len({part(cpu) for cpu in topology.cpus.values()})):
        taken |= _whole(topology, available - taken, count - len(taken), part)
    taken |= _whole(topology, available - taken, count - len(taken), _core)
    return taken | frozenset(_in_order(topology, available - taken)[:count - len(taken)])


def _node(cpu: Cpu) -> int:
    return cpu.node


def _socket(cpu: Cpu) -> int:
    return cpu.socket


def _core(cpu: Cpu) -> int:
    return cpu.core


def _whole(topology: Topology, available: frozenset[int], count: int, part: Callable[[Cpu], int]) -> frozenset[int]:
    """Return the whole parts of the machine that are free and not too large."""
    taken: frozenset[int] = frozenset()
    for members in _parts(topology, available, part):
        if members <= available and len(members) <= count - len(taken):
            taken |= members
    return taken


def _parts(topology: Topology, available: frozenset[int], part: Callable[[Cpu], int]) -> Iterator[frozenset[int]]:
    members: dict[int, set[int]] = {}
    for cpu in topology.cpus.values():
        members.setdefault(part(cpu), set()).add(cpu.number)
    ordered = dict.fromkeys(part(topology.cpus[number]) for number in _in_order(topology, available))
    yield from (frozenset(members[name]) for name in ordered)


def _in_order(topology: Topology, available: frozenset[int]) -> list[int]:
    """Return the available ones, those of the fullest NUMA node, socket and core first."""
    left: dict[tuple[Callable[[Cpu], int], int], int] = {}
    for number in available:
        for part in (_node, _socket, _core):
            key = (part, part(topology.cpus[number]))
            left[key] = left.get(key, 0) + 1

    def rank(number: int) -> tuple[int, ...]:
        cpu = topology.cpus[number]
        parts = ((part, part(cpu)) for part in (_node, _socket, _core))
        return (*(side for key in parts for side in (left[key], key[1])), number)

    return sorted(available, key=rank)
