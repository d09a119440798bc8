"""Count pods on nodes by what selectors say of them. Pure; part of the frame.

Two tables, both kept up to date one pod at a time:
- counts: for a term that somebody asked about, how many pods it means on each node, (node,);
- bearers: for a term that placed pods carry themselves, how many of them stand on each node, (node,).
Pods with equal namespace, labels and fate form a class, so a selector is tried once for a class, not for each pod.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from knarr.scheduler.arrays import Ints
from knarr.scheduler.needs import Needs
from knarr.scheduler.terms import AffinityTerm, PodTerm

# Terms whose counts are kept; the oldest is dropped and counted anew if asked for again. 1,000 terms on 5,000 nodes
# are 40 MB.
COUNTS_MAX = 1_000

Bond = Literal["anti", "affinity", "preferred"]


@dataclass(frozen=True, slots=True)
class Census:
    """How many pods, of which sort, stand where. `rows_max`: rows that the frame has room for."""

    namespaces: Mapping[str, Mapping[str, str]]  # labels by namespace name; the frame's own dict, kept by reference
    size: list[int] = field(default_factory=lambda: [64])
    classes: dict[tuple[object, ...], PodClass] = field(default_factory=dict)
    counts: dict[tuple[object, ...], Count] = field(default_factory=dict)
    bearers: dict[tuple[object, ...], Bearers] = field(default_factory=dict)

    def add(self, row: int, needs: Needs, *, terminating: bool, sign: int = 1) -> None:
        """Count one pod on `row`; sign -1 takes it away again."""
        key = (needs.namespace, tuple(sorted(needs.labels.items())), terminating)
        found = self.classes.get(key)
        if found is None:
            found = self.classes[key] = self._new_class(needs, terminating=terminating)
        found.rows[row] = found.rows.get(row, 0) + sign
        for count in found.counted_by:
            count.per_node[row] += sign
        if found.rows[row] == 0:
            del found.rows[row]
            if not found.rows:
                del self.classes[key]
        for bond, weight, term in bonds(needs):
            self._bear(row, bond, weight=weight, term=term, sign=sign)

    def count(self, terms: tuple[PodTerm, ...], *, terminating: bool) -> Ints:
        """Return (node,) how many pods all the terms mean. terminating: whether pods on their way out count too."""
        key = (terms, terminating)
        found = self.counts.get(key)
        if found is None:
            while len(self.counts) >= COUNTS_MAX:
                self._forget(next(iter(self.counts)))
            found = self.counts[key] = Count(terms, terminating, np.zeros(self.size[0], np.int64))
            for one in self.classes.values():
                self._introduce(one, found)
        return found.per_node

    def bearers_of(self, bond: Bond, needs: Needs) -> Iterator[Bearers]:
        """Find the terms carried by placed pods that mean the pod `needs`."""
        labels = self.namespaces.get(needs.namespace, {})
        for found in self.bearers.values():
            if found.bond == bond and found.term.pods.matches(needs.namespace, needs.labels, labels):
                yield found

    def grow(self, rows_max: int) -> None:
        """Make room for more rows."""
        tables: list[Count | Bearers] = [*self.counts.values(), *self.bearers.values()]
        for found in tables:
            found.per_node = np.concatenate([found.per_node, np.zeros(rows_max - self.size[0], np.int64)])
        self.size[0] = rows_max

    def forget_counts(self) -> None:
        """Drop all counts: namespaces have changed their labels, so selectors over them must be tried again."""
        for key in list(self.counts):
            self._forget(key)

    def _new_class(self, needs: Needs, *, terminating: bool) -> PodClass:
        made = PodClass(needs.namespace, needs.labels, terminating)
        for count in self.counts.values():
            self._introduce(made, count)
        return made

    def _introduce(self, one: PodClass, count: Count) -> None:
        labels = self.namespaces.get(one.namespace, {})
        if one.terminating and not count.terminating:
            return
        if all(term.matches(one.namespace, one.labels, labels) for term in count.terms):
            one.counted_by.append(count)
            for row, pods in one.rows.items():
                count.per_node[row] += pods

    def _forget(self, key: tuple[object, ...]) -> None:
        gone = self.counts.pop(key)
        for one in self.classes.values():
            one.counted_by = [count for count in one.counted_by if count is not gone]

    def _bear(self, row: int, bond: Bond, *, weight: int, term: AffinityTerm, sign: int) -> None:
        key = (bond, weight, term)
        found = self.bearers.get(key)
        if found is None:
            found = self.bearers[key] = Bearers(bond, weight, term, np.zeros(self.size[0], np.int64))
        found.per_node[row] += sign
        found.total += sign
        if found.total == 0:
            del self.bearers[key]


@dataclass(slots=True)
class PodClass:
    """Pods that no selector can tell apart. rows: pods by row."""

    namespace: str
    labels: Mapping[str, str]
    terminating: bool
    rows: dict[int, int] = field(default_factory=dict)
    counted_by: list[Count] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Count:
    """Pods that all `terms` mean, (node,)."""

    terms: tuple[PodTerm, ...]
    terminating: bool
    per_node: Ints


@dataclass(slots=True, eq=False)
class Bearers:
    """Placed pods that carry `term`, (node,). weight: of a preferred term, below zero: rather not."""

    bond: Bond
    weight: int
    term: AffinityTerm
    per_node: Ints
    total: int = 0


def bonds(needs: Needs) -> Iterator[tuple[Bond, int, AffinityTerm]]:
    """List the terms that a pod carries and that its later neighbours must heed."""
    for term in needs.anti_required:
        yield "anti", 1, term
    for term in needs.affinity_required:
        yield "affinity", 1, term
    for weight, term in needs.preferred:
        yield "preferred", weight, term
