"""Keep, for each node, the first reason why it is refused. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from knarr.scheduler.arrays import Bools, Ints


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a node is refused, in kube-scheduler's words. rule: its plugin's name there. curable: eviction may help."""

    text: str
    rule: str
    curable: bool = False


@dataclass(slots=True)
class Verdict:
    """codes: (node,) 0 where nothing speaks against the node, else 1 + index into `reasons`."""

    codes: Ints
    reasons: list[Reason] = field(default_factory=list)

    @classmethod
    def over(cls, live: Bools) -> Verdict:
        """Start with nothing against any node; rows without a node are not looked at."""
        return cls(np.where(live, 0, -1).astype(np.int64))

    @property
    def open(self) -> Bools:
        """Return (node,) True where nothing speaks against the node so far."""
        found: Bools = self.codes == 0
        return found

    def refuse(self, reason: Reason, mask: Bools) -> None:
        """Note `reason` where `mask` (node,) holds and no earlier reason stands."""
        if not mask.any():
            return
        if reason not in self.reasons:
            self.reasons.append(reason)
        self.codes[mask & (self.codes == 0)] = self.reasons.index(reason) + 1

    def rows(self, reason: Reason) -> Ints:
        """Return the rows refused for `reason`."""
        if reason not in self.reasons:
            return np.zeros(0, np.int64)
        return np.flatnonzero(self.codes == self.reasons.index(reason) + 1)

    def tally(self) -> Iterator[tuple[Reason, int]]:
        """Yield each reason with the number of nodes it refuses."""
        counts = Counter(self.codes[self.codes > 0].tolist())
        for code, nodes in counts.items():
            yield self.reasons[code - 1], nodes
