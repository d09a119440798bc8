"""Agree on NUMA nodes for a container: each of several providers offers sets of nodes, the policy judges. Pure.

Source: kube kubelet/cm/topologymanager/policy.go (HintMerger, mergePermutation), policy_*.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from statistics import fmean
from typing import Final, Literal, TypeAlias

Policy: TypeAlias = Literal["none", "best-effort", "restricted", "single-numa-node"]
POLICIES: Final = ("none", "best-effort", "restricted", "single-numa-node")
SCOPES: Final = ("container", "pod")
NODES_MAX: Final = 8        # sets of nodes double with each. Source: topology_manager.go, defaultMaxAllowableNUMANodes
CLOSEST, ALLOWED = "prefer-closest-numa-nodes", "max-allowable-numa-nodes"
BETA: Final = (ALLOWED,)           # as of Kubernetes 1.33
OPTIONS: Final = (CLOSEST, *BETA)

Distances: TypeAlias = Mapping[int, Mapping[int, int]]      # NUMA node -> NUMA node -> how far; empty: it is no matter
ANY_DISTANCE: Final[Distances] = {}


@dataclass(frozen=True, slots=True)
class Hint:
    """One set of NUMA nodes that would do. nodes: None: any. preferred: no smaller set could ever do."""

    nodes: frozenset[int] | None
    preferred: bool


Offer: TypeAlias = Sequence[Hint] | None      # None: it does not matter; empty: nothing does
ANYWHERE: Final = Hint(None, True)
NOWHERE: Final = Hint(None, False)
UNASKED: Final = NOWHERE        # nobody was asked: what lies where does not matter


def subsets(nodes: Iterable[int]) -> Iterator[frozenset[int]]:
    """Yield all sets of nodes but the empty one, the smallest first, then by number."""
    known = sorted(nodes)
    for size in range(1, len(known) + 1):
        yield from (frozenset(some) for some in combinations(known, size))


def agree(policy: Policy, nodes: frozenset[int], offers: Iterable[Mapping[str, Offer]],
          distances: Distances = ANY_DISTANCE) -> tuple[Hint, bool]:
    """Return the best hint that all offers allow, and whether the policy takes the container with it.

    distances: of sets of equally many nodes, those that lie closer together are better.
    """
    if policy == "none":
        return UNASKED, True
    lists = list(_lists(offers))
    if policy == "single-numa-node":
        lists = [[hint for hint in hints if _is_single(hint)] for hints in lists]
    best = _best(nodes, lists, distances)
    if policy == "single-numa-node" and best.nodes == nodes:
        best = Hint(None, best.preferred)
    return best, best.preferred or policy == "best-effort"


def _lists(offers: Iterable[Mapping[str, Offer]]) -> Iterator[Sequence[Hint]]:
    for by_resource in offers:
        if not by_resource:
            yield [ANYWHERE]
        for hints in by_resource.values():
            yield [ANYWHERE] if hints is None else list(hints) or [NOWHERE]


def _is_single(hint: Hint) -> bool:
    return hint.preferred and (hint.nodes is None or len(hint.nodes) == 1)


def _best(nodes: frozenset[int], lists: Sequence[Sequence[Hint]], distances: Distances) -> Hint:
    smallest = [min((len(hint.nodes) for hint in hints if hint.nodes), default=0) for hints in lists]
    aim = max(smallest, default=0)
    best: Hint | None = None
    for several in product(*lists):
        merged = _merged(nodes, several)
        if merged.nodes and (best is None or _is_better(merged, best, aim, distances)):
            best = merged
    return best or Hint(nodes, preferred=False)


def _merged(nodes: frozenset[int], several: Sequence[Hint]) -> Hint:
    """Return what several hints have in common; preferred only where all are, and say the same."""
    said = [hint.nodes for hint in several if hint.nodes is not None]
    same = all(one == said[0] for one in said)
    return Hint(nodes.intersection(*said), same and all(hint.preferred for hint in several))


def _is_better(one: Hint, other: Hint, aim: int, distances: Distances) -> bool:
    """Tell whether one goes before the other.

    Preferred ones first, of these the narrowest; of the rest what comes closest to so many nodes, rather fewer than
    more.
    """
    if one.preferred != other.preferred:
        return one.preferred
    mine, its = _width(one, distances), _width(other, distances)
    if one.preferred or its[0] > aim:
        return mine < its
    if mine[0] > aim:
        return False
    return mine < its if mine[0] == its[0] else mine[0] > its[0]


def _width(hint: Hint, distances: Distances) -> tuple[int, float, int]:
    """Return how narrow a hint is: by how many nodes it has, then how far they lie apart, then by their numbers."""
    assert hint.nodes is not None, "merged hints name their nodes"
    apart = fmean(distances[one][other] for one, other in product(hint.nodes, repeat=2)) if distances else 0.0
    return len(hint.nodes), apart, sum(1 << node for node in hint.nodes)
