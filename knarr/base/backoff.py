"""Wait longer after each failure, up to a cap."""

from __future__ import annotations

from dataclasses import dataclass

from knarr.base.rng import Rng


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before try number n.

    >>> [Backoff(first_s=1, factor=2, cap_s=5).delay_s(n) for n in range(4)]
    [1, 2, 4, 5]
    """

    first_s: float
    factor: float = 2.0
    cap_s: float = 60.0

    def delay_s(self, failures: int, rng: Rng | None = None) -> float:
        """Return the wait after `failures` earlier failures (0: the first wait).

        With an rng the wait is drawn from the upper half, so that many who failed together do not return together.
        """
        assert failures >= 0, f"failures must be >= 0 (got {failures})"
        if self.first_s <= 0:
            return 0.0
        # 64 doublings are past any cap; more would overflow a float.
        delay_s = min(self.first_s * self.factor ** min(failures, 64), self.cap_s)
        return delay_s if rng is None else rng.uniform(delay_s / 2, delay_s)
