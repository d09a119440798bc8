"""Remember whose turn it was to change a write, and what changed since, so that some may look again.

Source: kube apiserver admission/reinvocation.go, plugin/webhook/mutating/reinvocationcontext.go.
"""

from __future__ import annotations


class Turns:
    """Two rounds over one write. again: this is the second."""

    def __init__(self) -> None:
        self.again = False
        self._changes = 0
        self._seen: dict[str, int] = {}  # of each that was asked: how many changes there were after its turn

    @property
    def changed(self) -> bool:
        """Say whether anything has been changed."""
        return self._changes > 0

    def due(self, key: str, *, again: bool) -> bool:
        """Say whether it is one's turn. again: it wants to see what others change after it."""
        if not self.again:
            return True
        return again and key in self._seen and self._seen[key] < self._changes

    def done(self, key: str, *, changed: bool) -> None:
        """Note that one had its turn."""
        self._changes += changed
        self._seen[key] = self._changes
