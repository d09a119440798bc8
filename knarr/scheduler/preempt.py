"""Find lower-priority pods whose leaving lets a pod in. Pure: the frame is changed to try, and put back.

On each node that refuses the pod for a curable reason all lower-priority pods are taken away; if that helps, as many as
possible are put back, the important ones first. The node whose victims matter least is chosen.
Source: kube scheduler plugins/defaultpreemption, framework/preemption/preemption.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from knarr.scheduler import explain
from knarr.scheduler.frame import Frame, Placed
from knarr.scheduler.group import Group, judge
from knarr.scheduler.needs import Needs
from knarr.scheduler.plugins import resources
from knarr.scheduler.terms import Selector, holds
from knarr.scheduler.verdict import Verdict

# Nodes on which eviction is tried. Source: kube DefaultPreemptionArgs, minCandidateNodesAbsolute.
CANDIDATES_MAX = 100


@dataclass(frozen=True, slots=True)
class Budget:
    """A PodDisruptionBudget. allowed: pods that may be evicted now, count."""

    namespace: str
    selector: Selector
    allowed: int


Budgets: TypeAlias = Sequence[Budget]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: victims on `node`, or why there are none."""

    message: str = ""
    victims: tuple[Placed, ...] = ()
    node: str = ""

    def without_victims(self) -> Outcome:
        """Return the same for a pod that must wait until the victims are gone."""
        return replace(self, victims=(), node="")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Pods to evict from `row`, most important first. violations: evictions that a budget does not allow."""

    row: int
    victims: tuple[Placed, ...]
    violations: int


def plan(frame: Frame, needs: Needs, verdict: Verdict, *, budgets: Budgets = ()) -> Outcome:
    """Choose the node and the victims, or say why there are none. verdict: of all nodes, none open."""
    if not needs.preempts:
        return Outcome(explain.NEVER)
    curable = [rows for reason, _ in verdict.tally() if reason.curable for rows in verdict.rows(reason).tolist()]
    without_victims, vain = 0, Counter[str]()
    found: list[Candidate] = []
    group = Group(needs, frame)
    # Of such a pod more than room may be in the way; then all rules are asked again.
    wide = group.wide or bool(needs.ports or needs.attached) or group.bonds.unwanted is not None
    for row in sorted(curable):
        lower = [pod for pod in frame.standing[row].values() if pod.needs.priority < needs.priority]
        if not lower:
            without_victims += 1
        elif len(found) < CANDIDATES_MAX:
            tried = _try(frame, needs, row, lower=lower, budgets=budgets, wide=wide)
            if isinstance(tried, Candidate):
                found.append(tried)
            else:
                vain += tried
    if found:
        best = min(found, key=_harm)
        return Outcome(victims=best.victims, node=frame.names[best.row])
    return Outcome(explain.no_preemption(frame, verdict, without_victims=without_victims, found=vain))


def waits_for_victims(frame: Frame, needs: Needs, nominated: str) -> bool:
    """Tell whether lesser pods are on their way out of the node nominated for this pod: it must not evict more."""
    row = frame.rows.get(nominated)
    if row is None:
        return False
    return any(pod.terminating and pod.needs.priority < needs.priority for pod in frame.standing[row].values())


def importance(pod: Placed) -> tuple[int, str]:
    """Sort key, most important first: by priority, then by how long it has run."""
    return (-pod.needs.priority, pod.started or "~")


def _try(
    frame: Frame, needs: Needs, row: int, *, lower: list[Placed], budgets: Budgets, wide: bool,
) -> Candidate | Counter[str]:
    """Return the fewest victims on `row`, or the reasons that stand even without all of them."""
    name = frame.names[row]
    for pod in lower:
        frame.remove_pod(name, pod.uid)
    try:
        if not _fits(frame, needs, row, wide=wide):
            return _still_refused(frame, needs, row)
        violating, harmless = _split(sorted(lower, key=importance), budgets)
        kept, victims = [], []
        for pod in (*violating, *harmless):
            frame.add_pod(name, pod)
            if _fits(frame, needs, row, wide=wide):
                kept.append(pod.uid)
            else:
                frame.remove_pod(name, pod.uid)
                victims.append(pod)
        violations = sum(pod.uid not in kept for pod in violating)
        return Candidate(row, tuple(sorted(victims, key=importance)), violations)
    finally:
        for pod in lower:
            if pod.uid not in frame.standing[row]:
                frame.add_pod(name, pod)


def _fits(frame: Frame, needs: Needs, row: int, *, wide: bool) -> bool:
    if wide:
        return bool(judge(needs, frame).codes[row] == 0)
    here = slice(row, row + 1)
    return not resources.refuse(needs, frame, here)[0]


def _still_refused(frame: Frame, needs: Needs, row: int) -> Counter[str]:
    verdict = judge(needs, frame)
    alone = np.full_like(verdict.codes, -1)
    alone[row] = verdict.codes[row]
    return explain.tally(needs, frame, Verdict(alone, verdict.reasons))


def _split(pods: list[Placed], budgets: Budgets) -> tuple[list[Placed], list[Placed]]:
    """Split into those whose eviction would break a budget and those that may go; each eviction uses a budget up."""
    left = {index: budget.allowed for index, budget in enumerate(budgets)}
    violating: list[Placed] = []
    harmless: list[Placed] = []
    for pod in pods:
        touched = [
            index for index, budget in enumerate(budgets)
            if budget.namespace == pod.namespace and budget.selector and holds(budget.selector, pod.needs.labels)
        ]
        for index in touched:
            left[index] -= 1
        (violating if any(left[index] < 0 for index in touched) else harmless).append(pod)
    return violating, harmless


# Added to each priority so that all count as positive and fewer victims are less harm. Source: kube pickOneNode….
PRIORITY_OFFSET = 2**31


def _harm(found: Candidate) -> tuple[int, int, int, int, tuple[int, ...]]:
    """Order candidates, least harm first; of equals the one whose most important victim started last."""
    priorities = [pod.needs.priority for pod in found.victims]
    highest = max(priorities)
    earliest = min(pod.started or "~" for pod in found.victims if pod.needs.priority == highest)
    return (
        found.violations, highest, sum(one + PRIORITY_OFFSET for one in priorities), len(priorities),
        tuple(-ord(letter) for letter in earliest),
    )
