"""Place waiting pods. Pure: what it decides it also writes into the frame, so that the next pod sees it.

Pods that are the same to every rule form a group. A group is filtered and scored once over all nodes; then each pod
takes the best row, and only the row that got a pod is scored again; for many pods the rows stand in a heap: O(N + k
log N) for k pods on N nodes. Terms
that couple rows (spreading, affinity between pods) are counts by domain; such a group looks at all rows for each pod, a
few passes over (node,) arrays.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from knarr.scheduler import explain, preempt
from knarr.scheduler.arrays import Bools, Ints
from knarr.scheduler.frame import Frame, Placed
from knarr.scheduler.group import Group
from knarr.scheduler.needs import Needs
from knarr.scheduler.plugins import volumes

HEAP_FROM = 100  # pods in a group from which building a heap of 5,000 rows costs less than a pass for each pod


@dataclass(frozen=True, slots=True)
class Waiting:
    """A pod without a node. key: equal for pods that no rule can tell apart. turned_away: why it is not tried.

    nominated: the node from which pods were evicted for it, if any.
    """

    uid: str
    namespace: str
    name: str
    key: bytes
    needs: Needs
    turned_away: str = ""
    nominated: str = ""


@dataclass(frozen=True, slots=True)
class Bind:
    """Give the pod to `node`. volumes: volume by claim to bind first, "" where one is to be made."""

    pod: Waiting
    node: str
    volumes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refuse:
    """No node for the pod now. rules: the plugins that refused nodes, which say what events may help it.

    victims: pods to evict so that it fits on `nominated`.
    """

    pod: Waiting
    message: str
    rules: frozenset[str]
    victims: tuple[Placed, ...] = ()
    nominated: str = ""


def plan(
    frame: Frame, waiting: Sequence[Waiting], *, ranks: Ints, budgets: preempt.Budgets = (),
) -> list[Bind | Refuse]:
    """Decide each pod in the order given. ranks: (node,) settles ties, lowest first."""
    decisions: list[Bind | Refuse] = []
    for _, same in groupby(waiting, key=lambda pod: (pod.key, pod.turned_away)):
        decisions += _place_all(frame, list(same), ranks=ranks, budgets=budgets)
    return decisions


def _place_all(
    frame: Frame, pods: list[Waiting], *, ranks: Ints, budgets: preempt.Budgets,
) -> Iterator[Bind | Refuse]:
    if pods[0].turned_away:
        in_use = pods[0].turned_away == volumes.IN_USE.text
        message = explain.turned_away(frame, pods[0].turned_away, everywhere=in_use)
        rules = frozenset({volumes.IN_USE.rule if in_use else volumes.RULE})
        yield from (Refuse(pod, message, rules) for pod in pods)
        return
    group = Group(pods[0].needs, frame)
    rows = _rows(group, ranks, pods=len(pods))
    for index, pod in enumerate(pods):
        row = next(rows, -1)
        if row < 0:
            yield from _refuse_all(group, pods[index:], budgets)
            return
        yield _bind(group, pod, row)


def _rows(group: Group, ranks: Ints, *, pods: int) -> Iterator[int]:
    if group.wide:
        return _rows_wide(group, ranks)
    return _rows_many(group, ranks) if pods >= HEAP_FROM else _rows_few(group, ranks)


def _rows_wide(group: Group, ranks: Ints) -> Iterator[int]:
    """Yield the best row for one pod after another; terms couple the rows, so each pod looks at all of them."""
    own = group.score_rows()
    verdict = group.verdict()
    while True:
        feasible = verdict.open
        if not feasible.any():
            return
        row = _best(group.score(feasible, own), feasible, ranks)
        yield row
        here = slice(row, row + 1)
        own[here] = group.score_rows(here)
        verdict = group.verdict()


def _rows_few(group: Group, ranks: Ints) -> Iterator[int]:
    """Yield the best row for one pod after another, by a pass over the totals: a placement changes its own row only."""
    feasible, own = group.verdict().open, group.score_rows()
    while feasible.any():
        total = group.score(feasible, own)
        again = True
        while again:
            row = _best(total, feasible, ranks)
            yield row
            here = slice(row, row + 1)
            fresh = group.score_rows(here)
            total[here] += fresh - own[here]
            own[here] = fresh
            if not group.fits_again(row):
                feasible[row] = False
                again = bool(feasible.any()) and not _was_measure(group, feasible, row)


def _rows_many(group: Group, ranks: Ints) -> Iterator[int]:
    """Yield the best row for one pod after another, from a heap: a placement changes its own row only.

    Unless the row that filled up was the measure for the others: then all are scored anew.
    """
    feasible = group.verdict().open
    while feasible.any():
        total = group.score(feasible, group.score_rows())
        heap = [(-score, rank, row) for score, rank, row in zip(
            total[feasible].tolist(), ranks[feasible].tolist(), np.flatnonzero(feasible).tolist(), strict=True)]
        heapq.heapify(heap)
        fixed = total - group.score_rows()  # (node,) the part that a placement leaves alone
        while heap:
            _, rank, row = heap[0]
            yield row
            if group.fits_again(row):
                score = int(fixed[row] + group.score_rows(slice(row, row + 1))[0])
                heapq.heapreplace(heap, (-score, rank, row))
                continue
            heapq.heappop(heap)
            feasible[row] = False
            if _was_measure(group, feasible, row):
                break
        else:
            return


def _was_measure(group: Group, feasible: Bools, row: int) -> bool:
    """Tell whether `row`, no longer feasible, held a raw score that no feasible row reaches: all are scaled by it."""
    return any(raw[row] > raw[feasible].max(initial=0) for raw in (group.disliked, group.preferred))


def _best(total: Ints, feasible: Bools, ranks: Ints) -> int:
    """Return the feasible row with the highest score; of equals the lowest rank."""
    rows = np.flatnonzero(feasible)
    scores = total[rows]
    ties = rows[scores == scores.max()]
    return int(ties[ranks[ties].argmin()])


def _bind(group: Group, pod: Waiting, row: int) -> Bind:
    frame = group.frame
    node, name = frame.nodes[row], frame.names[row]
    assert node is not None, "a row that was chosen has a node"
    frame.add_pod(name, Placed(pod.uid, pod.namespace, pod.name, pod.needs))
    group.place(row)
    return Bind(pod, name, volumes.choose(pod.needs, name, node.metadata.labels))


def _refuse_all(group: Group, pods: list[Waiting], budgets: preempt.Budgets) -> Iterator[Refuse]:
    """Refuse the rest of a group. Only the first may evict others: the next ones are judged when it has its place."""
    frame, needs = group.frame, group.needs
    verdict = group.verdict()
    rules = frozenset(reason.rule for reason, _ in verdict.tally())
    outcome: preempt.Outcome | None = None
    for pod in pods:
        if preempt.waits_for_victims(frame, needs, pod.nominated):
            yield Refuse(pod, explain.refusal(needs, frame, verdict, preemption=explain.LEAVING), rules)
            continue
        outcome = outcome.without_victims() if outcome else preempt.plan(frame, needs, verdict, budgets=budgets)
        message = explain.refusal(needs, frame, verdict, preemption=outcome.message)
        yield Refuse(pod, message, rules, outcome.victims, outcome.node)
