"""Write down what happens in one run, one line an event, so that a failing seed can be read like a story."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from knarr.base.clock import Clock

LINES_MAX = 20_000     # of one run; the oldest go first


class Story:
    """The events of one run. told: called with each line as it is written."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: deque[str] = deque(maxlen=LINES_MAX)

    def tell(self, who: str, text: str) -> None:
        """Write one event down."""
        self._lines.append(f"{self._clock.monotonic_s():9.3f}  {who:<11} {text}")

    def __iter__(self) -> Iterator[str]:
        """Walk the lines, oldest first."""
        return iter(self._lines)


class Broken(AssertionError):
    """A law was broken, or something did not settle. The text says which and by what."""
