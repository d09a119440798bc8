"""Put off the patches that can wait: statuses that change many times a second. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from knarr.reconcile.actions import Action, After, Patch

K = TypeVar("K", bound=Hashable)

KEYS_MAX = 10_000    # whose last patch is known; the oldest is forgotten, and may then be patched too early


class Pace(Generic[K]):
    """When each key was last patched by something that can wait."""

    def __init__(self) -> None:
        self._last_s: dict[K, float] = {}

    def due(self, key: K, actions: Sequence[Action], *, now_s: float) -> list[Action]:
        """Return the actions whose time has come, and `After` for the rest. now_s: monotonic, seconds."""
        left: list[Action] = []
        for action in actions:
            wait_s = 0.0
            if isinstance(action, Patch) and action.spacing_s:
                wait_s = self._last_s.get(key, -action.spacing_s) + action.spacing_s - now_s
                if wait_s <= 0:
                    self._note(key, now_s)
            left.append(After(wait_s) if wait_s > 0 else action)
        return left

    def _note(self, key: K, now_s: float) -> None:
        self._last_s.pop(key, None)      # the newest stands last
        if len(self._last_s) >= KEYS_MAX:
            del self._last_s[next(iter(self._last_s))]
        self._last_s[key] = now_s
