"""Choose logical processors for containers that have them for themselves. Pure.

A container of a Guaranteed pod that asks for whole processors gets them alone; all others share the rest.
Source: kube kubelet/cm/cpumanager/policy_static.go, policy_options.go.
"""

from __future__ import annotations

from typing import Final

from knarr.api import quantity
from knarr.api.types.core_v1 import Container, Pod
from knarr.node.alignment.hints import Hint, subsets
from knarr.node.alignment.packing import ACROSS_CORES, BY_CACHE, NO_OPTIONS, pack
from knarr.node.alignment.spreading import spread
from knarr.node.alignment.topology import Topology

FULL_CORES, STRICT_RESERVATION = "full-pcpus-only", "strict-cpu-reservation"
ACROSS_NODES, BY_SOCKET = "distribute-cpus-across-numa", "align-by-socket"
ALPHA: Final = (BY_SOCKET, ACROSS_CORES, BY_CACHE)      # as of Kubernetes 1.33
BETA: Final = (STRICT_RESERVATION, ACROSS_NODES)
OPTIONS: Final = (FULL_CORES, *BETA, *ALPHA)
APART: Final = ((FULL_CORES, ACROSS_CORES), (ACROSS_NODES, ACROSS_CORES), (BY_CACHE, ACROSS_CORES),
                (BY_CACHE, ACROSS_NODES))               # which cannot be followed together
MILLI: Final = 1000


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


def offers(topology: Topology, available: frozenset[int], again: frozenset[int], count: int,
           options: frozenset[str] = NO_OPTIONS) -> list[Hint]:
    """Return the sets of NUMA nodes that have so many. again: what the pod may use again, which it then must.

    A set is preferred if no smaller one of this machine has so many processors at all; aligned by socket, also if it
    lies in no more sockets than those.
    """
    fitting = [nodes for nodes in subsets(topology.nodes) if len(topology.on(nodes)) >= count]
    least = min((len(nodes) for nodes in fitting), default=len(topology.nodes))
    bound = {topology.cpus[number].node for number in again}
    return [Hint(nodes, len(nodes) == least or (BY_SOCKET in options and _in_few_sockets(topology, nodes, least)))
            for nodes in fitting if bound <= nodes and len((available | again) & topology.on(nodes)) >= count]


def chosen(topology: Topology, available: frozenset[int], count: int, near: frozenset[int] | None,
           options: frozenset[str] = NO_OPTIONS) -> frozenset[int]:
    """Return so many, of these NUMA nodes, or their sockets, as far as they have them. Raises NotEnough."""
    if near is None:
        return take(topology, available, count, options)
    close = available & (topology.in_sockets(topology.sockets(near)) if BY_SOCKET in options else topology.on(near))
    first = take(topology, close, min(count, len(close)), options)
    return first | take(topology, available - first, count - len(first), options)


def take(topology: Topology, available: frozenset[int], count: int,
         options: frozenset[str] = NO_OPTIONS) -> frozenset[int]:
    """Return so many of these, packed or spread as the options say. Raises NotEnough."""
    if ACROSS_NODES in options:
        return spread(topology, available, count, topology.threads_per_core if FULL_CORES in options else 1)
    return pack(topology, available, count, options)


def _in_few_sockets(topology: Topology, nodes: frozenset[int], least: int) -> bool:
    """Tell whether nodes lie in no more sockets than so many nodes need."""
    per_socket = len(topology.nodes) // len(topology.sockets(topology.nodes))
    return per_socket > 0 and len(topology.sockets(nodes)) == -(-least // per_socket)
