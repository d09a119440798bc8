"""Keep pods together or apart, by required and preferred terms, of the pod itself and of those already placed.

`Bonds` holds, for one group of identical pods, the counts [domain] of every term, and is told of each one placed.
Source: kube scheduler plugins/interpodaffinity: filtering.go, scoring.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from knarr.scheduler.arrays import SCORE_MAX, Bools, Ints
from knarr.scheduler.frame import Frame
from knarr.scheduler.needs import Needs
from knarr.scheduler.terms import AffinityTerm
from knarr.scheduler.verdict import Reason

RULE = "InterPodAffinity"
LONELY = Reason("node(s) didn't match pod affinity rules", RULE)
CROWDED = Reason("node(s) didn't match pod anti-affinity rules", RULE, curable=True)
UNWANTED = Reason("node(s) didn't satisfy existing pods anti-affinity rules", RULE, curable=True)
WEIGHT = 2
HARD_WEIGHT = 1  # what a placed pod's required term adds to the score. Source: kube hardPodAffinityWeight default.


@dataclass(slots=True)
class Tally:
    """Pods meant by a term. codes: (node,) domain of each node, -1 none. pods: (domain,)."""

    codes: Ints
    pods: Ints
    like_itself: bool

    def at(self) -> Ints:
        """Return (node,) the pods in each node's domain; 0 where it has none."""
        return np.append(self.pods, 0)[self.codes]

    def add(self, row: int, amount: int) -> None:
        """Add to the domain of `row`, if it has one."""
        if self.codes[row] >= 0:
            self.pods[self.codes[row]] += amount


class Bonds:
    """All terms that bear on one group of identical pods."""

    def __init__(self, needs: Needs, frame: Frame) -> None:
        self.frame = frame
        self.needs, self.labels = needs, frame.namespaces.get(needs.namespace, {})
        # A pod counts for affinity only if all terms mean it. Source: kube podMatchesAllAffinityTerms.
        together = tuple(term.pods for term in needs.affinity_required)
        self.all_like_itself = all(self._means_itself(term) for term in needs.affinity_required)
        self.affinity = [self._tally(term, frame.census.count(together, terminating=True))
                         for term in needs.affinity_required]
        self.anti = [self._tally(term, frame.census.count((term.pods,), terminating=True))
                     for term in needs.anti_required]
        self.unwanted = self._unwanted(needs)  # (node,)
        self.wishes = self._wishes(needs)

    @property
    def scored(self) -> bool:
        """Tell whether any term can tell one node from another."""
        return bool(self.wishes)

    def refuse(self) -> Iterator[tuple[Reason, Bools]]:
        """Yield reasons with (node,) masks."""
        if self.affinity:
            yield LONELY, self._lonely()
        for one in self.anti:
            yield CROWDED, one.at() > 0
        if self.unwanted is not None:
            yield UNWANTED, self.unwanted

    def score(self, feasible: Bools) -> Ints:
        """Return (node,): 0 the least wished-for feasible node .. SCORE_MAX the most."""
        raw = np.zeros(len(feasible), np.int64)
        for _, one in self.wishes:
            raw += one.at()
        among = raw[feasible]
        if among.size == 0 or among.max() == among.min():
            return np.zeros(len(feasible), np.int64)
        lowest, highest = int(among.min()), int(among.max())
        return SCORE_MAX * (raw - lowest) // (highest - lowest)

    def place(self, row: int) -> None:
        """Note that a pod of the group went to `row`."""
        for one in self.affinity:
            if self.all_like_itself:
                one.add(row, 1)
        for one in self.anti:
            if one.like_itself:
                one.add(row, 1)
        for own_weight, one in self.wishes:
            if one.like_itself:
                one.add(row, own_weight)

    def _means_itself(self, term: AffinityTerm) -> bool:
        return term.pods.matches(self.needs.namespace, self.needs.labels, self.labels)

    def _lonely(self) -> Bools:
        labelled = np.ones(self.frame.rows_max, np.bool_)  # (node,)
        for one in self.affinity:
            labelled &= one.codes >= 0
        if self.all_like_itself and not any(one.pods.any() for one in self.affinity):
            return ~labelled  # the first of its kind may stand anywhere
        for one in self.affinity:
            labelled &= one.at() > 0
        return ~labelled

    def _unwanted(self, needs: Needs) -> Bools | None:
        found: Bools | None = None
        for bearers in self.frame.census.bearers_of("anti", needs):
            blocked = self._tally(bearers.term, bearers.per_node).at() > 0
            found = blocked if found is None else found | blocked
        return found

    def _wishes(self, needs: Needs) -> list[tuple[int, Tally]]:
        """List weighted tallies, each with what one more pod of the group adds to its own domain."""
        found: list[tuple[int, Tally]] = []
        for weight, term in needs.preferred:
            count = self.frame.census.count((term.pods,), terminating=True)
            # Twice: the newcomer wishes for the placed one, and the placed one for the newcomer.
            found.append((2 * weight, self._tally(term, count * weight)))
        for term in needs.affinity_required:
            found.append((HARD_WEIGHT, self._tally(term, np.zeros(self.frame.rows_max, np.int64))))
        for bearers in self.frame.census.bearers_of("affinity", needs):
            found.append((0, self._tally(bearers.term, bearers.per_node * HARD_WEIGHT)))
        for bearers in self.frame.census.bearers_of("preferred", needs):
            found.append((0, self._tally(bearers.term, bearers.per_node * bearers.weight)))
        return found

    def _tally(self, term: AffinityTerm, per_node: Ints) -> Tally:
        column = self.frame.label(term.topology_key)
        inside = column.codes >= 0
        pods = np.bincount(column.codes[inside], weights=per_node[inside], minlength=len(column.values))
        return Tally(column.codes, pods.astype(np.int64), self._means_itself(term))
