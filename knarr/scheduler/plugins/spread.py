"""Spread like pods over domains (zones, nodes): refuse what would be too uneven, prefer what is more even.

`Hard` and `Soft` hold the counts [domain] of one group of identical pods and are told of each one placed.
Source: kube scheduler plugins/podtopologyspread: filtering.go, scoring.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from knarr.scheduler.arrays import SCORE_MAX, Bools, Floats, Ints
from knarr.scheduler.frame import Frame
from knarr.scheduler.needs import Needs, Spread
from knarr.scheduler.plugins import nodeaffinity, taints
from knarr.scheduler.verdict import Reason

RULE = "PodTopologySpread"
UNEVEN = Reason("node(s) didn't match pod topology spread constraints", RULE, curable=True)
UNLABELLED = Reason("node(s) didn't match pod topology spread constraints (missing required label)", RULE)
WEIGHT = 2
HOSTNAME = "kubernetes.io/hostname"


@dataclass(slots=True)
class Domains:
    """One constraint over the nodes. codes: (node,) domain of each, -1 none. counted: (node,). pods: (domain,)."""

    spread: Spread
    codes: Ints
    counted: Bools
    pods: Ints
    like_itself: bool

    def at(self, rows: Ints | slice = slice(None)) -> Ints:
        """Return (node,) like pods in each node's domain; 0 where it has none."""
        return np.append(self.pods, 0)[self.codes[rows]]

    def place(self, row: int) -> None:
        """Note that a pod of the group went to `row`."""
        if self.like_itself and self.counted[row]:
            self.pods[self.codes[row]] += 1


class Hard:
    """Constraints with whenUnsatisfiable: DoNotSchedule."""

    def __init__(self, needs: Needs, frame: Frame) -> None:
        labelled = _labelled(needs.spread_hard, frame)
        self.domains = [_domains(one, needs, frame, eligible=labelled) for one in needs.spread_hard]

    def refuse(self) -> Iterator[tuple[Reason, Bools]]:
        """Yield reasons with (node,) masks, in the order of the constraints."""
        for one in self.domains:
            yield UNLABELLED, one.codes < 0
            present = np.unique(one.codes[one.counted])  # (domain,) with at least one node that counts
            if present.size == 0:
                continue
            fewest = 0 if present.size < one.spread.min_domains else int(one.pods[present].min())
            yield UNEVEN, one.at() + int(one.like_itself) - fewest > one.spread.max_skew

    def place(self, row: int) -> None:
        """Note that a pod of the group went to `row`."""
        for one in self.domains:
            one.place(row)


class Soft:
    """Constraints with whenUnsatisfiable: ScheduleAnyway, and the defaults for pods that say nothing."""

    def __init__(self, needs: Needs, frame: Frame) -> None:
        strict = not needs.spread_by_default
        everywhere = np.ones(frame.rows_max, np.bool_)
        self.eligible = _labelled(needs.spread_soft, frame) if strict else everywhere  # (node,)
        self.domains = [_domains(one, needs, frame, eligible=self.eligible) for one in needs.spread_soft]

    def score(self, feasible: Bools) -> Ints:
        """Return (node,): SCORE_MAX the emptiest domain; nodes outside all domains get 0."""
        scored = feasible & self.eligible  # (node,)
        rows = np.flatnonzero(scored)
        result = np.zeros(len(feasible), np.int64)
        if rows.size == 0:
            return result
        total: Floats = np.zeros(rows.size)  # (scored,)
        for one in self.domains:
            total += self._part(one, rows)
        cost = np.floor(total + 0.5).astype(np.int64)
        highest, lowest = int(cost.max()), int(cost.min())
        result[rows] = SCORE_MAX if highest == 0 else SCORE_MAX * (highest + lowest - cost) // highest
        return result

    def place(self, row: int) -> None:
        """Note that a pod of the group went to `row`."""
        for one in self.domains:
            one.place(row)

    def _part(self, one: Domains, rows: Ints) -> Floats:
        codes = one.codes[rows]
        by_node = one.spread.topology_key == HOSTNAME
        # Rare label values weigh more: with many domains each holds few pods.
        domains = rows.size if by_node else int(np.unique(codes[codes >= 0]).size)
        part: Floats = one.at(rows) * np.log(domains + 2) + (one.spread.max_skew - 1)
        return np.where(codes >= 0, part, 0.0)


def _labelled(spreads: tuple[Spread, ...], frame: Frame) -> Bools:
    """Return (node,) True where the node has every constraint's label."""
    found = frame.live.copy()
    for one in spreads:
        found &= frame.label(one.topology_key).codes >= 0
    return found


def _domains(spread: Spread, needs: Needs, frame: Frame, *, eligible: Bools) -> Domains:
    column = frame.label(spread.topology_key)
    counted = eligible & frame.live & (column.codes >= 0)
    if spread.honor_affinity:
        counted = counted & ~nodeaffinity.refuse(needs, frame)
    if spread.honor_taints:
        counted = counted & ~taints.refuse(needs, frame)
    per_node = frame.census.count((spread.pods,), terminating=False)
    pods = np.bincount(column.codes[counted], weights=per_node[counted], minlength=len(column.values)).astype(np.int64)
    like_itself = spread.pods.matches(needs.namespace, needs.labels, {})
    return Domains(spread, column.codes, counted, pods, like_itself)
