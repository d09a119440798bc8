"""Choose the NUMA nodes that containers have their memory from. Pure.

What a container of a Guaranteed pod asks for is counted on NUMA nodes, each of which has what is not reserved. A node
that shares one container's memory with others serves only containers that share it with the same ones.
Source: kube kubelet/cm/memorymanager/policy_static.go (calculateHints, Allocate).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from knarr.api import quantity
from knarr.api.types.core_v1 import Container, Pod
from knarr.node.alignment.hints import Hint, subsets

Amounts: TypeAlias = Mapping[str, int]              # resource -> bytes
OnNodes: TypeAlias = Mapping[int, Amounts]          # NUMA node -> resource -> bytes
HUGE: Final = "hugepages-"


class NoMemory(Exception):
    """No nodes have so much; the text is kubelet's."""


def asked(pod: Pod, container: Container) -> dict[str, int]:
    """Return what a container is to have, by resource; empty: its memory may lie anywhere."""
    if pod.status.qosClass != "Guaranteed" or container.resources is None:
        return {}
    said = {**container.resources.limits, **container.resources.requests}
    return {name: amount for name, text in said.items() if name == "memory" or name.startswith(HUGE)
            if (amount := quantity.value(text))}


def free(whole: OnNodes, given: Iterable[OnNodes]) -> dict[int, dict[str, int]]:
    """Return what is left on each node."""
    left = {node: dict(amounts) for node, amounts in whole.items()}
    for one in given:
        for node, amounts in one.items():
            for name, size in amounts.items():
                left[node][name] = left[node].get(name, 0) - size
    return left


def groups(given: Iterable[OnNodes]) -> dict[int, frozenset[int]]:
    """Return with which others each node shares containers' memory, itself included."""
    return {node: frozenset(one) for one in given for node in one}


def offers(whole: OnNodes, given: Iterable[OnNodes], wanted: Amounts) -> dict[str, list[Hint]]:
    """Return the sets of nodes that have what is wanted, by resource; the smallest that ever could are preferred."""
    known = list(given)
    possible = [nodes for nodes in subsets(whole) if _has(whole, nodes, wanted)]
    least = min((len(nodes) for nodes in possible), default=len(whole))
    left, shared = free(whole, known), groups(known)
    hints = [Hint(nodes, len(nodes) == least) for nodes in possible
             if _may_share(nodes, shared) and _has(left, nodes, wanted)]
    return dict.fromkeys(wanted, hints)


def chosen(whole: OnNodes, given: Iterable[OnNodes], wanted: Amounts, near: Hint) -> dict[int, dict[str, int]]:
    """Return what is given on which node, on those of the hint if it has enough, or on more. Raises NoMemory."""
    known = list(given)
    hints = next(iter(offers(whole, known, wanted).values()))
    fitting = [hint for hint in hints if near.nodes is None or near.nodes <= (hint.nodes or frozenset())]
    best = min(fitting, key=_rank, default=None)
    if best is None or (near.nodes is None and near.preferred and not best.preferred):
        raise NoMemory("[memorymanager] failed to find the default preferred hint" if near.nodes is None else
                       "[memorymanager] failed to find NUMA nodes to extend the current topology hint")
    assert best.nodes is not None, "our own hints name their nodes"
    return _split(free(whole, known), best.nodes, wanted)


def _rank(hint: Hint) -> tuple[bool, int, list[int]]:
    nodes = sorted(hint.nodes or ())
    return not hint.preferred, len(nodes), nodes


def _split(left: OnNodes, nodes: frozenset[int], wanted: Amounts) -> dict[int, dict[str, int]]:
    """Take what is wanted from the nodes in order. A node that gives nothing is part of the group all the same."""
    given: dict[int, dict[str, int]] = {node: {} for node in sorted(nodes)}
    for name, size in wanted.items():
        for node, taken in _shares(left, sorted(nodes), name, size):
            given[node][name] = taken
    return given


def _shares(left: OnNodes, nodes: Iterable[int], name: str, size: int) -> Iterator[tuple[int, int]]:
    rest = size
    for node in nodes:
        taken = min(rest, left[node].get(name, 0))
        if taken > 0:
            yield node, taken
        rest -= taken


def _has(amounts: OnNodes, nodes: frozenset[int], wanted: Amounts) -> bool:
    return all(sum(max(0, amounts[node].get(name, 0)) for node in nodes) >= size for name, size in wanted.items())


def _may_share(nodes: frozenset[int], shared: Mapping[int, frozenset[int]]) -> bool:
    return all(shared.get(node, nodes) == nodes for node in nodes)
