"""Filter and score all nodes for one group of identical pods, by all rules in Kubernetes' order. Pure."""

from __future__ import annotations

from knarr.scheduler.arrays import Bools, Ints, normalize
from knarr.scheduler.frame import Frame
from knarr.scheduler.needs import Needs
from knarr.scheduler.plugins import (
    images,
    interpod,
    limits,
    nodeaffinity,
    nodestate,
    ports,
    resources,
    spread,
    taints,
    volumes,
)
from knarr.scheduler.verdict import Verdict


def judge(needs: Needs, frame: Frame) -> Verdict:
    """Filter all nodes for one pod, in Kubernetes' order, so that each node's first reason is the same as there."""
    return Group(needs, frame).verdict()


class Group:
    """One group of identical pods against all nodes."""

    def __init__(self, needs: Needs, frame: Frame) -> None:
        self.needs, self.frame = needs, frame
        self.before = _fixed_first(needs, frame)
        self.volumes = list(volumes.refuse(needs, frame))
        self.hard = spread.Hard(needs, frame)
        self.soft = spread.Soft(needs, frame)
        self.bonds = interpod.Bonds(needs, frame)
        together = needs.affinity_required or needs.anti_required or self.bonds.scored
        self.wide = bool(needs.spread_hard or needs.spread_soft or together)
        self.disliked = taints.disliked(needs, frame)      # (node,)
        self.preferred = nodeaffinity.preferred(needs, frame)  # (node,)
        self.images = images.score(needs, frame)           # (node,)

    def verdict(self) -> Verdict:
        """Filter, with counts as they stand."""
        found = Verdict(self.before.codes.copy(), list(self.before.reasons))
        found.refuse(ports.REASON, ports.refuse(self.needs, self.frame))
        unfit = resources.refuse(self.needs, self.frame)
        if unfit.any():
            hopeless = resources.hopeless(self.needs, self.frame)
            found.refuse(resources.TOO_SMALL, unfit & hopeless)
            found.refuse(resources.NO_ROOM, unfit)
        if self.needs.attached:
            found.refuse(limits.REASON, limits.refuse(self.needs, self.frame))
        for reason, mask in (*self.volumes, *self.hard.refuse(), *self.bonds.refuse()):
            found.refuse(reason, mask)
        return found

    def score(self, feasible: Bools, own: Ints) -> Ints:
        """Return (node,) the weighted sum of all scores. own: what `score_rows` says of each row."""
        total = own + taints.WEIGHT * normalize(self.disliked, feasible, reverse=True)
        total += nodeaffinity.WEIGHT * normalize(self.preferred, feasible)
        if self.needs.spread_soft:
            total += spread.WEIGHT * self.soft.score(feasible)
        if self.bonds.scored:
            total += interpod.WEIGHT * self.bonds.score(feasible)
        return total

    def score_rows(self, rows: slice = resources.ALL) -> Ints:
        """Return (rows,) the part of the score that depends on nothing but the row itself."""
        own = resources.least_allocated(self.needs, self.frame, rows) + resources.balanced(self.needs, self.frame, rows)
        return own + self.images[rows]

    def place(self, row: int) -> None:
        """Note that a pod of the group went to `row`."""
        self.hard.place(row)
        self.soft.place(row)
        self.bonds.place(row)

    def fits_again(self, row: int) -> bool:
        """Tell whether `row`, which has just got one of these pods, has room for another."""
        here = slice(row, row + 1)
        return not self.needs.ports and not resources.refuse(self.needs, self.frame, here)[0]


def _fixed_first(needs: Needs, frame: Frame) -> Verdict:
    """Apply the rules that no placement of a pod can change."""
    found = Verdict.over(frame.live)
    named = nodeaffinity.named_only(needs)
    if named is not None:
        elsewhere = frame.live.copy()
        elsewhere[[frame.rows[name] for name in named if name in frame.rows]] = False
        found.refuse(nodeaffinity.ELSEWHERE, elsewhere)
    found.refuse(nodestate.CORDONED, nodestate.cordoned(needs, frame))
    if needs.node_name:
        found.refuse(nodestate.OTHER_NAME, nodestate.other_name(needs, frame))
    found.refuse(taints.REASON, taints.refuse(needs, frame))
    if needs.node_selector or needs.node_required is not None:
        found.refuse(nodeaffinity.REASON, nodeaffinity.refuse(needs, frame))
    return found
